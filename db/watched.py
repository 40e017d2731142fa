"""What somebody wants to hear of: which changes a filter lets through.

A filter is looked at in memory first, by what a change tells of its run: id, trace, project, type,
whether it is a root. Only where it asks for more, or rows are shown, is the store asked, with the
same filter as in a query, about all runs of a batch at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from db import filters, row_answers
from db.changes import Change
from db.filters import EVERYTHING, All, Test, Where
from db.orders import Order
from db.questions import RUNS, Rows, Values
from db.readers import Reading
from db.rows import Row

MOST_AT_ONCE = 256
"""Changes that are looked at in one batch."""

_BY_ID: Order = (("id", False),)  # any order but by time, which another index would lead

_SETS = ("id", "trace_id", "session_id", "run_type")


class RunChange(NamedTuple):
    """One event, in the names of the API; `kind` is the value of a `ChangeKind`."""

    cursor: str
    kind: str
    run_id: str | None
    run: Row | None


@dataclass(frozen=True)
class Watched(Values):
    """What a subscription asks for, answered with the changes of the moment."""

    where: Where = EVERYTHING
    after: str | None = None
    first: int | None = None
    changes: Sequence[RunChange] = field(default=(), compare=False)

    async def answer(self, reading: Reading, keys: Sequence[tuple[Any, ...]]) -> dict[Any, Any]:
        """Return the changes."""
        return {key: list(self.changes) for key in keys}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a filter says of facts that every change tells; `whole`: it says nothing else.

    `sets` are the allowed values of a fact, by its name; `is_root` is None where either will do.
    """

    sets: tuple[tuple[str, frozenset[str]], ...] = ()
    is_root: bool | None = None
    whole: bool = True

    def allow(self, change: Change) -> bool:
        """Say whether a change may be of a run that passes the filter."""
        if self.is_root is not None and change.is_root is not self.is_root:
            return False
        for name, values in self.sets:
            fact = getattr(change, name)
            if fact not in values and fact is not None:
                return False
        return True

    def settle(self, change: Change) -> bool:
        """Say whether there is nothing more to know."""
        return self.whole and change.run_type is not None

    @property
    def leads(self) -> tuple[tuple[str, str], ...]:
        """Facts of which a change must have one: few, if there is a choice; empty: there is none.

        By them those who want a change are found without asking all the others.
        """
        for name, values in self.sets:
            if name != "run_type":
                return tuple((name, value) for value in values)
        return ()


def facts_of(where: Where) -> Facts:
    """Return what a filter says of facts that every change tells."""
    sets: dict[str, frozenset[str]] = {}
    is_root: bool | None = None
    whole = True
    for part in _conjuncts(where):
        values = _values(part)
        if values is not None:
            clause = part.clause
            sets[clause] = sets[clause] & values if clause in sets else values
        elif isinstance(part, Test) and (part.clause, part.operator) == ("is_root", "eq"):
            whole = whole and is_root in (None, part.value)
            is_root = part.value
        else:
            whole = False
    return Facts(tuple((name, sets[name]) for name in _SETS if name in sets), is_root, whole)


async def found(reading: Reading, where: Where, changes: Sequence[Change]) -> dict[str, Row]:
    """Return the runs of some changes, at most `MOST_AT_ONCE`, that pass a filter; by their ids."""
    ids = filters.ids_are([UUID(each.id) for each in changes])
    question = Rows(RUNS, where=All((ids, where)), order=_BY_ID)
    (rows,) = await row_answers.rows(reading, question, [None])
    return {UUID(row.id).hex: row for row in rows}


def _conjuncts(where: Where) -> Sequence[Any]:
    if isinstance(where, All):
        return [part for each in where.parts for part in _conjuncts(each)]
    return [where]


def _values(part: Where) -> frozenset[str] | None:
    """Return the values that a test allows for one of the facts; None for another test."""
    if not isinstance(part, Test) or part.clause not in _SETS:
        return None
    text = str if part.clause == "run_type" else _hex
    if part.operator == "eq":
        return frozenset([text(part.value)])
    return frozenset(map(text, part.value)) if part.operator == "in" else None


def _hex(id: Any) -> str:
    return UUID(str(id)).hex
