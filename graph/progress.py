"""A bar for long commands: how far, how fast, how long it may still take.

It goes to standard error: one line that is written over on a terminal, a line now and then where
the output is kept.
"""

import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

_WIDTH = 24
_OFTEN, _SELDOM = 0.1, 10.0
"""Seconds between two drawings: on a terminal, elsewhere."""
_HOUR, _MINUTE = 3600, 60


class Progress:
    """Counts up to a total, which may be unknown; `with` draws the last line when it ends."""

    def __init__(
        self,
        name: str,
        total: int | None,
        unit: str,
        *,
        done: int = 0,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._total, self._unit = name, total, unit
        self._before = self._done = done
        self._out = out or sys.stderr
        self._clock = clock
        self._begun = self._drawn = clock()
        self._terminal = self._out.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        if self._terminal:
            self._out.write("\n")

    def advance(self, count: int) -> None:
        """Count some more."""
        self._done += count
        if self._clock() - self._drawn >= (_OFTEN if self._terminal else _SELDOM):
            self._draw()

    def line(self) -> str:
        """Return what is drawn."""
        spent = max(self._clock() - self._begun, 1e-9)
        rate = (self._done - self._before) / spent
        parts = [f"{self._done:,}", self._unit, f"{rate:,.0f}/s"]
        if self._total is None:
            return " ".join([self._name, *parts])
        share = min(self._done / self._total, 1.0) if self._total else 1.0
        bar = ("#" * int(share * _WIDTH)).ljust(_WIDTH, ".")
        left = (self._total - self._done) / rate if rate > 0 else None
        parts[0] += f"/{self._total:,}"
        if left is not None and left > 0:
            parts.append(f"{_spoken(left)} left")
        return " ".join([self._name, f"[{bar}]", f"{share:4.0%}", *parts])

    def _draw(self) -> None:
        self._drawn = self._clock()
        begin, end = ("\r", "\x1b[K") if self._terminal else ("", "\n")
        self._out.write(f"{begin}{self.line()}{end}")
        self._out.flush()


def _spoken(seconds: float) -> str:
    whole = int(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _MINUTE}:{whole % _MINUTE:02}"
