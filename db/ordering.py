"""Orders in SQL: what to sort by, and what lies between two cursors.

A row value is compared only where no column can be NULL; everything else is spelled out column by
column, for a comparison with NULL is neither true nor false and would lose rows between pages.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, tuple_

from db.entity import Entity, Score
from db.orders import Order, Term, terms
from db.spellings import BinaryText
from db.tables import FEEDBACK, RUN
from db.tree_order import beyond_place, sorted_by_place
from db.values import Kind

_PLACE = "dotted_order"


class WindowForm(NamedTuple):
    """Which ends of a window are given, and at which places of them a NULL stands."""

    backward: bool = False
    after: bool = False
    before: bool = False
    nulls_after: tuple[int, ...] = ()
    nulls_before: tuple[int, ...] = ()


def average_score(key: str) -> ColumnElement[Any]:
    """Return the average score of a run's feedback with a key."""
    mine = FEEDBACK.c.trace_id == RUN.c.trace_id, FEEDBACK.c.run_id == RUN.c.id
    scores = select(func.avg(FEEDBACK.c.score, type_=FEEDBACK.c.score.type))
    return scores.where(*mine, FEEDBACK.c.key == key).correlate(RUN).scalar_subquery()


def sorted_by(entity: Entity, term: Term) -> ColumnElement[Any]:
    """Return what a term sorts by; text in the order of its characters' numbers."""
    match term.column:
        case Score(key):
            return average_score(key)
        case str() as name if entity.kinds[name] is Kind.TEXT and name == "name":
            return BinaryText(entity.columns[name])
        case str() as name:
            return entity.columns[name]
        case column:
            raise AssertionError(column)


def directed(column: ColumnElement[Any], term: Term) -> ColumnElement[Any]:
    """Return a column with its direction and the place of its NULLs."""
    if term.column == _PLACE:
        return sorted_by_place(column, descending=term.descending)
    made = column.desc() if term.descending else column.asc()
    if term.nulls_first is None:
        return made
    return made.nulls_first() if term.nulls_first else made.nulls_last()


def ordering(entity: Entity, order: Order) -> Iterator[ColumnElement[Any]]:
    """Yield what an order sorts by."""
    for term in terms(order):
        yield directed(sorted_by(entity, term), term)


ColumnOf = Callable[[Term], ColumnElement[Any]]
"""What a term sorts by."""


def between(column_of: ColumnOf, order: Order, window: WindowForm) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that rows stand between the cursors, whose values are a0.. and b0..."""
    found = terms(order)
    plain = all(t.nulls_first is None and t.descending == found[0].descending for t in found)
    for given, prefix, nulls, forward in (
        (window.after, "a", window.nulls_after, True),
        (window.before, "b", window.nulls_before, False),
    ):
        if given and plain:
            after = found[0].descending != forward
            yield _row_beyond(column_of, found, prefix, after=after)
        elif given:
            yield _beyond(column_of, found, prefix, nulls, forward=forward)


def _row_beyond(
    column_of: ColumnOf, found: list[Term], prefix: str, *, after: bool
) -> ColumnElement[bool]:
    """Return the condition that a row stands after a cursor, or before it, all columns as one."""
    values: list[ColumnElement[Any]] = [bindparam(f"{prefix}{at}") for at in range(len(found))]
    if found[0].column == _PLACE:  # it is unique, and all there is
        return beyond_place(column_of(found[0]), values[0], after=after)
    columns, bounds = tuple_(*map(column_of, found)), tuple_(*values)
    return columns > bounds if after else columns < bounds


def _beyond(
    column_of: ColumnOf, found: list[Term], prefix: str, nulls: tuple[int, ...], *, forward: bool
) -> ColumnElement[bool]:
    """Return the condition that a row stands beyond a cursor: by a column, those before equal."""
    choices: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for at, term in enumerate(found):
        column = column_of(term)
        bound: ColumnElement[Any] = bindparam(f"{prefix}{at}")
        is_null = at in nulls
        choices.append(and_(*equal, _past(term, column, bound, is_null=is_null, forward=forward)))
        equal.append(column.is_(None) if is_null else column == bound)
    return or_(*choices)


def _past(
    term: Term,
    column: ColumnElement[Any],
    bound: ColumnElement[Any],
    *,
    is_null: bool,
    forward: bool,
) -> ColumnElement[bool]:
    nulls_ahead = term.nulls_first is not None and term.nulls_first != forward
    if is_null:
        return false() if nulls_ahead else column.is_not(None)
    past = column < bound if term.descending == forward else column > bound
    return or_(past, column.is_(None)) if nulls_ahead else past
