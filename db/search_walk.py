"""Pages of a search on PostgreSQL, whose index of words knows no order and can not stop half-way.

First the runs that come next in time are looked at, a thousand of them: words that many runs have
fill the page there, and the index is not asked at all. Where they do not, it is asked how many
match. Few are all fetched and sorted. Of more, runs are looked at one by one until the page is
full, which takes the fewer the more there are.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SelectBase,
    case,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import AsBoolean, BinaryExpression, Tuple
from sqlalchemy.sql.visitors import replacement_traverse

from db.full_text import Matches, MatchesAlone, MatchesHere
from db.tables import RUN, RUN_SEARCH

NEXT = 1_000
"""How many runs are looked at before the index is asked."""

FEW = 5_000
"""Up to so many matches are all fetched, in a tenth of a second; they may all be long ago."""

_NEAR, _OF_FEW, _ONE_BY_ONE = (literal_column(str(at), Integer()) for at in range(3))
_KEY = (RUN.c.trace_id, RUN.c.id)
_OF_A_PROJECT = (RUN.c.run_type, RUN.c.status, RUN.c.thread_id)
"""Columns that have an index together with the project."""

Conditions: TypeAlias = Sequence[ColumnElement[Any]]


def walked(query: Select[Any], search: Matches, conditions: Conditions) -> Select[Any]:
    """Return a page of runs, by time and with a limit, that are found by a search."""
    *_, asked = search.clauses
    keys = _keys_of(query, conditions)
    one_by_one = with_instead(keys, search, MatchesAlone(*_KEY, asked))
    near = one_by_one.where(_among_the_next(query, conditions)).cte("near")
    size = _limit(query)
    few = select(RUN_SEARCH.c.trace_id, RUN_SEARCH.c.id)
    few = few.where(MatchesHere(asked), _count(near) < size)  # a cluster makes each CTE at once
    few = few.limit(literal_column(str(FEW + 1))).cte("few")
    of_few = with_instead(keys, search, tuple_(*_KEY).in_(_each(select(*few.c))))
    way = select(_way(near, few, size)).scalar_subquery()
    rest = [
        select(*arm.where(way == taken).subquery().c)
        for taken, arm in ((_OF_FEW, of_few), (_ONE_BY_ONE, one_by_one))
    ]
    return with_instead(query, search, tuple_(*_KEY).in_(_each(union_all(select(*near.c), *rest))))


def _each(keys: SelectBase) -> Select[Any]:
    """Return keys once each; it tells a cluster's workers, too, that they are few to look up."""
    return select(*keys.subquery().c).distinct()


def _keys_of(query: Any, conditions: Conditions) -> Any:
    """Return the page's keys, without the tables that only bring more columns."""
    order = query._order_by_clauses  # noqa: SLF001 - there is no public way
    keys = select(*_KEY).select_from(RUN).where(*conditions)
    return keys.order_by(*order).limit(_limit(query))


def searched(condition: Any) -> Matches | None:
    """Return the search that a condition is; SQLAlchemy wraps it where there are no booleans."""
    bare: Any = condition.element if isinstance(condition, AsBoolean) else condition
    return bare if isinstance(bare, Matches) else None


def with_instead(query: Select[Any], search: Matches, other: ColumnElement[bool]) -> Select[Any]:
    """Return a query with another condition in the place of its search."""

    def replaced(element: Any, **_: Any) -> Any:
        return other if searched(element) is search else None

    made: Any = replacement_traverse(query, {}, replaced)
    return made


def _limit(query: Any) -> Any:
    return query._limit_clause  # noqa: SLF001 - as above


def _way(near: CTE, few: CTE, size: Any) -> ColumnElement[int]:
    """Return how the page is found, worked out once and when it is asked for."""
    is_full = _count(near) >= size
    are_few = _count(few) <= literal_column(str(FEW))
    way = case((is_full, _NEAR), (are_few, _OF_FEW), else_=_ONE_BY_ONE)
    return select(way.label("way")).cte("taken").c.way


def _count(rows: CTE) -> ColumnElement[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def _among_the_next(query: Any, conditions: Conditions) -> ColumnElement[bool]:
    """Return the condition that a run is one of the next in time, or begins with the last one."""
    order = query._order_by_clauses  # noqa: SLF001 - as above
    is_newest_first = order[0].modifier is operators.desc_op
    of_project = any(map(_names_the_project, conditions))
    served = [each for each in conditions if _has_index(each, of_project=of_project)]
    ahead = RUN.alias("ahead")
    last = select(ahead.c.start_time).where(*_told_of(ahead, served))
    last = last.order_by(*_told_of(ahead, order)).offset(literal_column(str(NEXT)))
    last = last.limit(literal_column("1")).scalar_subquery()
    if is_newest_first:
        return RUN.c.start_time >= func.coalesce(last, literal_column("TIMESTAMPTZ '-infinity'"))
    return RUN.c.start_time <= func.coalesce(last, literal_column("TIMESTAMPTZ 'infinity'"))


def _told_of(other: Any, elements: Iterable[ColumnElement[Any]]) -> Iterator[Any]:
    """Yield what is said of runs, said of another selection of them."""

    def replaced(element: Any, **_: Any) -> Any:
        is_column = getattr(element, "table", None) is RUN
        return other.c[element.name] if is_column else None

    for element in elements:
        yield replacement_traverse(element, {}, replaced)


def _has_index(condition: ColumnElement[Any], *, of_project: bool) -> bool:
    """Say whether runs that pass a condition stand together in an index, in the order of time."""
    if not isinstance(condition, BinaryExpression):
        return False
    left: Any = condition.left
    first = next(iter(left.clauses)) if isinstance(left, Tuple) else left
    if first is RUN.c.parent_run_id:
        return condition.operator is operators.is_
    if condition.operator is operators.eq and of_project:
        return _names_the_project(condition) or any(first is column for column in _OF_A_PROJECT)
    return first is RUN.c.start_time


def _names_the_project(condition: ColumnElement[Any]) -> bool:
    is_equal = isinstance(condition, BinaryExpression) and condition.operator is operators.eq
    return is_equal and condition.left is RUN.c.session_id
