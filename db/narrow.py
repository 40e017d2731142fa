"""Pages of runs, newest first, that an index of one project has in order.

A tag or a piece of metadata leads its page: the rows of its own index are read in order, and of
each the run. Over all projects the pages of each are merged: every index but that of the time
begins with the project. Both hold for conditions that stand beside others, not under `or` or `not`.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, and_, bindparam, select, union_all
from sqlalchemy.sql.selectable import Join

from db.clauses import RELATIONS
from db.constructs import FirstThen
from db.entities import RUN as RUN_ENTITY
from db.filters import Form, clause_of
from db.ordering import WindowForm, between, directed
from db.orders import NEWEST_FIRST, Order, Term, columns_of, reversed_order, terms
from db.questions import RUNS, Link
from db.readers import Reading
from db.tables import RUN

MOST_PROJECTS = 128
"""How many projects' pages are merged; with more, the newest runs are looked through."""

_LEADERS: dict[Form, str] = {
    ("some", "tags", ("tag", "eq", None)): "tags",
    (
        "some",
        "pairs",
        ("all", ("metadata_key", "eq", None), ("metadata_value", "eq", None)),
    ): "pairs",
}
_OF_PROJECT = frozenset({"session_id", "project_name"})
_OF_FEW = _OF_PROJECT | {"id", "trace_id"}
_SHARED = _OF_PROJECT | {"start_time", "trace_id", "id"}
"""Clauses that the columns of a leading index can be asked."""

_INDEXED: frozenset[Form] = frozenset(
    {("thread_id", "eq", None), ("run_type", "eq", None), ("status", "eq", "error"), *_LEADERS}
)


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


def is_led(link: Link, where: Form, order: Order) -> bool:
    """Say whether an index of tags or metadata leads the page, within one project."""
    if link.target is not RUN_ENTITY or link.below or not _is_by_time(order):
        return False
    parts = list(conjuncts(where))
    named = any(part[:2] in {(name, "eq") for name in _OF_PROJECT} for part in parts)
    fixed = any(column == "session_id" for _, column in link.on)
    return (named or fixed) and any(part in _LEADERS for part in parts)


def is_merged(link: Link, where: Form, order: Order) -> bool:
    """Say whether the page is that of all projects, but of an index that each of them has."""
    if link is not RUNS or not _is_by_time(order):
        return False
    parts = list(conjuncts(where))
    return any(part in _INDEXED for part in parts) and not any(
        part[0] in _OF_FEW and part[1] in {"eq", "in"} for part in parts
    )


def _is_by_time(order: Order) -> bool:
    return columns_of(order) == columns_of(NEWEST_FIRST)


def led(source: FromClause, where: Form, bind: Iterator[Any]) -> Led:
    """Return runs behind the first index that leads to them; without one, as they are."""
    parts = list(conjuncts(where))
    at = next((at for at, part in enumerate(parts) if part in _LEADERS), None)
    if at is None:
        return Led(source, [clause_of(part, RUN, bind) for part in parts], RUN)
    leader = RELATIONS[_LEADERS[parts[at]]].table.alias("leader")
    parts[at] = parts[at][2]
    conditions = [
        clause_of(part, leader if place == at or part[0] in _SHARED else RUN, bind)
        for place, part in enumerate(parts)
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


def merged(
    where: Form, window: WindowForm, order: Order, bind: Callable[[], Iterator[Any]], projects: int
) -> Select[Any]:
    """Return the keys of a page over projects, whose ids are the parameters s0, s1, ..."""
    found = terms(reversed_order(order) if window.backward else order)
    arms = [_arm(where, window, order, bind(), at) for at in range(projects)]
    rows = (union_all(*arms) if len(arms) > 1 else arms[0]).subquery("arms")
    keys = select(rows).order_by(*(directed(rows.c[str(t.column)], t) for t in found))
    return keys.limit(bindparam("size"))


def _arm(
    where: Form, window: WindowForm, order: Order, bind: Iterator[Any], at: int
) -> Select[Any]:
    source, conditions, leader = led(RUN, where, bind)
    of_project = leader.c.session_id == bindparam(f"s{at}")
    column_of = column_in(leader)
    keys = select(*(leader.c[name] for name in ("trace_id", "start_time", "id")))
    return keys.select_from(source).where(
        of_project, *conditions, *between(column_of, order, window)
    )


@lru_cache(maxsize=64)
def padded(projects: int) -> int:
    """Return a number of parameters that this many projects fit in."""
    return 1 << max(projects - 1, 0).bit_length()


async def projects_of(reading: Reading) -> Sequence[Any] | None:
    """Return the stored ids of all projects; None where they are too many."""
    sql = f"SELECT id FROM project LIMIT {MOST_PROJECTS + 1}"  # noqa: S608 - a number of ours
    found = [id for (id,) in await reading.rows(sql, ())]
    return found if len(found) <= MOST_PROJECTS else None
