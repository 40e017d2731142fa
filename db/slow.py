"""The statements of queries that were slow, by their text, which holds no values."""

import logging
from dataclasses import dataclass

log = logging.getLogger(__name__)

SLOW = 0.25
"""Seconds from which a statement is slow."""

VERY_SLOW = 1.0
"""Seconds from which it is logged as well."""

_MOST = 100
_LONGEST = 2000


@dataclass(slots=True)
class SlowStatement:
    """One text: how often it was slow, for how long together, and at most."""

    sql: str
    times: int = 0
    seconds: float = 0.0
    longest: float = 0.0


class SlowStatements:
    """Those of one process; where there are too many, the least of them is forgotten."""

    def __init__(self) -> None:
        self._known: dict[str, SlowStatement] = {}

    def note(self, sql: str, seconds: float) -> None:
        """Remember that a statement was slow."""
        sql = sql[:_LONGEST]
        found = self._known.get(sql)
        if found is None:
            if len(self._known) >= _MOST:
                del self._known[min(self._known.values(), key=lambda each: each.seconds).sql]
            found = self._known[sql] = SlowStatement(sql)
        found.times += 1
        found.seconds += seconds
        found.longest = max(found.longest, seconds)
        if seconds > VERY_SLOW:
            log.warning("a statement took %.2f s: %s", seconds, sql)

    def listed(self) -> list[SlowStatement]:
        """Return them, those first that took most together."""
        return sorted(self._known.values(), key=lambda each: -each.seconds)
