"""Counts and sums of runs, as statements bring them and as parts add up to a whole."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from db.measures import MEASURES
from db.stats_statements import DURATIONS
from db.values import MONEY_UNITS

COSTS = tuple("cost" in name for name in MEASURES)
"""Which of the measures are money."""


class Duration(NamedTuple):
    """A duration of some runs: how many have it, their sum, the least and the greatest."""

    n: int = 0
    sum: float = 0.0
    min: float | None = None
    max: float | None = None

    def plus(self, other: "Duration") -> "Duration":
        """Return what both come to."""
        if not self.n or not other.n:
            return self if self.n else other
        least = [each.min for each in (self, other) if each.min is not None]
        greatest = [each.max for each in (self, other) if each.max is not None]
        return Duration(self.n + other.n, self.sum + other.sum, min(least), max(greatest))


class Sums(NamedTuple):
    """Counts and sums; usage in the order of `MEASURES`, costs in units of money."""

    runs: int = 0
    errors: int = 0
    durations: tuple[Duration, ...] = (Duration(),) * len(DURATIONS)
    usage: tuple[int | None, ...] = (None,) * len(MEASURES)

    def plus(self, other: "Sums") -> "Sums":
        """Return what both come to."""
        return Sums(
            self.runs + other.runs,
            self.errors + other.errors,
            tuple(a.plus(b) for a, b in zip(self.durations, other.durations, strict=True)),
            tuple(
                b if a is None else a if b is None else a + b
                for a, b in zip(self.usage, other.usage, strict=True)
            ),
        )


WIDTH = 2 + 4 * len(DURATIONS) + len(MEASURES)
"""How many columns `of_row` reads."""


def of_row(dialect: str, row: Sequence[Any]) -> Sums:
    """Return the sums that a row of `stats_statements.sums` holds, after its keys."""
    runs, errors, *rest = row
    durations = tuple(
        Duration(rest[at], rest[at + 1] or 0.0, rest[at + 2], rest[at + 3])
        for at in range(0, 4 * len(DURATIONS), 4)
    )
    units = MONEY_UNITS[dialect]
    usage = tuple(
        None if value is None else units(value) if is_cost else int(value)
        for is_cost, value in zip(COSTS, rest[4 * len(DURATIONS) :], strict=True)
    )
    return Sums(runs, errors, durations, usage)
