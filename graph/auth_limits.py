"""How often a key may ask: a bucket of tokens for each key, for queries and ingest apart."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

BURST = 2
"""Seconds' worth of requests that may come at once."""


@dataclass(slots=True)
class Buckets:
    """Tokens that come back with `rate` a second, up to `BURST` seconds' worth; 0: no limit."""

    rate: int
    timer: Callable[[], float] = time.monotonic
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def take(self, key: str) -> float:
        """Take one token of a key; return in how many seconds there will be one, 0 if there was."""
        now, most = self.timer(), float(self.rate * BURST)
        level, at = self._levels.get(key, (most, now))
        level = min(most, level + (now - at) * self.rate)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level, now)
        return 0.0 if taken else (1 - level) / self.rate
