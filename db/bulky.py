"""Statements that bring much at once take turns, so that few of their results stand in memory.

What a statement brings is only known afterwards, so it is remembered by its text. Without turns,
twenty requests for ten megabytes each would all be read before the first is answered.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

MUCH = 1024 * 1024
"""Bytes from which a result is much."""

MANY = 200
"""Rows of a quick read from which it is worth a look whether they are much."""

_AT_ONCE = 2
_MOST_TEXTS = 1000
_FEWEST = 16


class Bulky:
    """The statements that brought much when they last ran."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.turns = asyncio.Semaphore(_AT_ONCE)

    def note(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Remember whether a statement brought much."""
        if _bytes_of(rows) < MUCH:
            self.known.discard(sql)
        elif len(self.known) < _MOST_TEXTS:
            self.known.add(sql)


def _bytes_of(rows: Sequence[Sequence[Any]]) -> int:
    """Return about how many bytes rows hold, by the one in the middle."""
    if len(rows) < _FEWEST:
        return 0
    middle = rows[len(rows) // 2]
    return len(rows) * sum(len(each) for each in middle if isinstance(each, bytes | str))
