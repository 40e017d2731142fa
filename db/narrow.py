"""Pages of runs, newest first, that an index of one project has in order.

A tag or a piece of metadata leads its page: the rows of its own index are read in order, and of
each the run. Holds for conditions that stand beside others, not under `or` or `not`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, FromClause, case, false, select, true
from sqlalchemy.sql.elements import False_
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

_KEYED = {("some", "tags"), ("some", "pairs")}
"""Relations that hang on columns which a leading index has as well."""

Bound: TypeAlias = tuple[Form, Iterator[Any]]
"""A part of a filter, and where its parameters come from."""


class Led(NamedTuple):
    """The conditions of a page, and the table that has it in order."""

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


def has_leader(parts: Iterable[Form]) -> bool:
    """Say whether an index of tags or metadata leads to runs that pass all parts."""
    return any(part in LEADERS for part in parts)


def led(bound: Iterable[Bound]) -> Led:
    """Return the first index that leads to runs, and what is asked of it; without one, runs.

    Of the runs themselves it is only asked whether they pass the rest, one by one: PostgreSQL
    thinks that next to nothing is left of a join by two columns, and of tests of JSON, and would
    not care for the order of the index.
    """
    parts = list(bound)
    at = next((at for at, (part, _) in enumerate(parts) if part in LEADERS), None)
    if at is None:
        return Led([clause_of(part, RUN, bind) for part, bind in parts], RUN)
    form, leading = parts[at]
    leader = RELATIONS[LEADERS[form]].table.alias("leader")
    parts[at] = form[2], leading
    own: list[ColumnElement[bool]] = []
    rest: list[ColumnElement[bool]] = []
    for place, (part, bind) in enumerate(parts):
        if place == at or part[0] in _SHARED:
            own.append(clause_of(part, leader, bind))
        elif part[:2] in _KEYED:
            relation = RELATIONS[part[1]]
            others = relation.table.alias()
            tests = clause_of(part[2], others, bind), relation.on(leader, others)
            own.append(_one_by_one(leader, others, *tests))
        else:
            rest.append(clause_of(part, RUN, bind))
    if rest:
        same = RUN.c.trace_id == leader.c.trace_id, RUN.c.id == leader.c.id
        own.append(_one_by_one(leader, RUN, *same, *rest))
    return Led(own, leader)


def _one_by_one(
    leader: FromClause, others: FromClause, *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return the condition that there is such a row, looked up for each of the leader's.

    A CASE is made no join of; and what is not only equal can not be looked up in a hash of all.
    """
    if any(isinstance(condition, False_) for condition in conditions):
        return false()  # Citus would not see any more that both are of one trace
    nearly = others.c.id <= leader.c.id
    found = select(others.c.id).where(*conditions, nearly).correlate(leader).exists()
    return case((found, true()), else_=false())


def behind(first: FromClause, source: FromClause, same: ColumnElement[bool]) -> FromClause:
    """Return a source whose leftmost table is looked up for each row of another."""
    if isinstance(source, Join):
        left = behind(first, source.left, same)
        return left.join(source.right, source.onclause, isouter=source.isouter)
    return FirstThen(first, source, same)


def column_in(table: FromClause) -> Callable[[Term], ColumnElement[Any]]:
    """Return what gives the column of a term in a table."""
    return lambda term: table.c[str(term.column)]
