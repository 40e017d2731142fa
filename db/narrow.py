"""Pages of runs, newest first, that an index of one project has in order.

A tag or a piece of metadata leads its page: the rows of its own index are read in order, and of
each the run. Holds for conditions that stand beside others, not under `or` or `not`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, FromClause, and_
from sqlalchemy.sql.selectable import Join

from db.clauses import RELATIONS
from db.constructs import FirstThen
from db.entities import RUN as RUN_ENTITY
from db.filters import Form, clause_of
from db.orders import NEWEST_FIRST, Order, Term, columns_of
from db.questions import Link
from db.tables import RUN

LEADERS: dict[Form, str] = {
    ("some", "tags", ("tag", "eq", None)): "tags",
    (
        "some",
        "pairs",
        ("all", ("metadata_key", "eq", None), ("metadata_value", "eq", None)),
    ): "pairs",
}
OF_PROJECT = frozenset({"session_id", "project_name"})
_SHARED = OF_PROJECT | {"start_time", "trace_id", "id"}
"""Clauses that the columns of a leading index can be asked."""

Bound: TypeAlias = tuple[Form, Iterator[Any]]
"""A part of a filter, and where its parameters come from."""


class Led(NamedTuple):
    """What a page is read from, its conditions, and the table that has it in order."""

    source: FromClause
    conditions: list[ColumnElement[bool]]
    leader: FromClause


def conjuncts(where: Form) -> Iterator[Form]:
    """Yield the forms that all must hold."""
    if where[0] == "all":
        for part in where[1:]:
            yield from conjuncts(part)
    else:
        yield where


def is_of_project(link: Link, parts: Iterable[Form]) -> bool:
    """Say whether all runs of a link that pass the parts are of one project."""
    named = any(part[:2] in {(name, "eq") for name in OF_PROJECT} for part in parts)
    return named or any(column == "session_id" for _, column in link.on)


def is_by_time(link: Link, order: Order) -> bool:
    """Say whether a page is one of runs by the time they began."""
    is_list = link.target is RUN_ENTITY and not link.below
    return is_list and columns_of(order) == columns_of(NEWEST_FIRST)


def is_led(link: Link, where: Form, order: Order) -> bool:
    """Say whether an index of tags or metadata leads the page, within one project."""
    if not is_by_time(link, order):
        return False
    parts = list(conjuncts(where))
    return is_of_project(link, parts) and any(part in LEADERS for part in parts)


def led(source: FromClause, bound: Iterable[Bound]) -> Led:
    """Return runs behind the first index that leads to them; without one, as they are."""
    parts = list(bound)
    at = next((at for at, (part, _) in enumerate(parts) if part in LEADERS), None)
    if at is None:
        return Led(source, [clause_of(part, RUN, bind) for part, bind in parts], RUN)
    form, leading = parts[at]
    leader = RELATIONS[LEADERS[form]].table.alias("leader")
    parts[at] = form[2], leading
    conditions = [
        clause_of(part, leader if place == at or part[0] in _SHARED else RUN, bind)
        for place, (part, bind) in enumerate(parts)
    ]
    same = and_(RUN.c.trace_id == leader.c.trace_id, RUN.c.id == leader.c.id)
    return Led(behind(leader, source, same), conditions, leader)


def behind(first: FromClause, source: FromClause, same: ColumnElement[bool]) -> FromClause:
    """Return a source whose leftmost table is looked up for each row of another."""
    if isinstance(source, Join):
        left = behind(first, source.left, same)
        return left.join(source.right, source.onclause, isouter=source.isouter)
    return FirstThen(first, source, same)


def column_in(table: FromClause) -> Callable[[Term], ColumnElement[Any]]:
    """Return what gives the column of a term in a table."""
    return lambda term: table.c[str(term.column)]
