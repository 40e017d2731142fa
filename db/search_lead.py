"""Pages that a search leads: read from the index of words, newest first, no further than needed.

SQLite would look every match up before it sorts them. But rows of its index are numbered by the
time at which runs begin, so the first of them, read in that order, tell where the page ends. What
begins in the very millisecond of the last one is read as well; then the page is sorted as asked.
A search that stands beside others under `or`, `not` or another run is a condition like any other,
and so is one in the runs of a trace.

PostgreSQL's pages are made in `db.search_walk`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Tuple,
    UnaryExpression,
)
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import Join
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import BigInteger

from db.full_text import (
    FULL_TEXT,
    MOST_MILLISECONDS,
    NUMBER_BITS,
    WORDS,
    InProject,
    Matches,
)
from db.search_walk import searched, walked
from db.tables import RUN, RUN_SEARCH

T = TypeVar("T")

_SLACK = 2
"""Milliseconds by which SQLite's reading of a time may be off."""

_OF_ONE = {operators.eq, operators.in_op}
_LOWER = {operators.gt, operators.ge, operators.eq}
_UPPER = {operators.lt, operators.le, operators.eq}
_number = WORDS.c.rowid


class _Before(Join):
    """A join whose left side is read first."""

    inherit_cache = True


@compiles(_Before)
def _cross_join(join: _Before, compiler: SQLCompiler, **options: Any) -> str:
    options |= {"asfrom": True, "from_linter": None}
    left, right = [compiler.process(side, **options) for side in (join.left, join.right)]
    on: Any = join.onclause
    return f"{left} CROSS JOIN {right} ON {compiler.process(on, from_linter=None)}"


class _NumberAt(FunctionElement[int]):
    """The lowest number of runs that begin at a moment, give or take `_SLACK`: moment, slack."""

    inherit_cache = True
    type = BigInteger()


@compiles(_NumberAt, "sqlite")
def _number_at(element: _NumberAt, compiler: SQLCompiler, **options: Any) -> str:
    moment, slack = [compiler.process(each, **options) for each in element.clauses]
    since = f"CAST((julianday({moment}) - 2440587.5) * 86400000 AS INTEGER) + {slack}"
    return f"(max(-{MOST_MILLISECONDS}, min({since}, {MOST_MILLISECONDS})) << {NUMBER_BITS})"


def led_by_search(dialect: str, query: Select[Any]) -> Select[Any]:
    """Return a query of runs, led by its search if that is better, else as it is."""
    conditions = list(_joined_by_and(query.whereclause))
    search = _first_of(map(searched, conditions))
    if search is None or any(map(_is_of_one, conditions)):
        return query
    source, newest, is_page = _told(query)
    if source is None or _leftmost(source) is not RUN:
        return query
    if FULL_TEXT[dialect].put is None:
        return query if newest is None or not is_page else walked(query, search, conditions)
    led = _led(query, source, search, _first_of(map(_session, conditions)))
    led = led.where(*_bounds(conditions))
    if newest is None or not is_page:
        return led
    return led.where(_not_past_the_last(led, newest=newest))


def _told(query: Any) -> tuple[FromClause | None, bool | None, bool]:
    """Return what a query selects from, which runs come first, and whether it has a limit.

    First are the newest (True), the oldest (False), or others (None).
    """
    source = next(iter(query._from_obj), None)  # noqa: SLF001 - the public way compiles it first
    first = next(iter(query._order_by_clauses), None)  # noqa: SLF001 - as are these: not public
    is_page = query._limit_clause is not None  # noqa: SLF001
    if not isinstance(first, UnaryExpression) or first.element is not RUN.c.start_time:
        return source, None, is_page
    return source, first.modifier is operators.desc_op, is_page


def _first_of(found: Iterable[T | None]) -> T | None:
    return next((each for each in found if each is not None), None)


def _leftmost(source: FromClause) -> FromClause:
    return _leftmost(source.left) if isinstance(source, Join) else source


def _joined_by_and(condition: ColumnElement[Any] | None) -> Iterator[ColumnElement[Any]]:
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _joined_by_and(part)
    elif condition is not None:
        yield condition


def _is_of_one(condition: ColumnElement[Any]) -> bool:
    """Say whether a condition names a trace or runs."""
    return (
        isinstance(condition, BinaryExpression)
        and condition.operator in _OF_ONE
        and (condition.left is RUN.c.trace_id or condition.left is RUN.c.id)
    )


def _session(condition: ColumnElement[Any]) -> ColumnElement[Any] | None:
    """Return the project that a condition names."""
    if isinstance(condition, BinaryExpression) and condition.left is RUN.c.session_id:
        return condition.right if condition.operator is operators.eq else None
    return None


def _led(
    query: Select[Any], source: FromClause, search: Matches, session: ColumnElement[Any] | None
) -> Select[Any]:
    """Return the query with the index of words before the runs."""
    *_, asked = search.clauses
    if session is not None:
        asked = InProject(session, asked)
    matches = WORDS.c.run_words.op("MATCH")(asked)
    words = _Before(WORDS, RUN_SEARCH, RUN_SEARCH.c.number == _number)
    same = and_(RUN.c.trace_id == RUN_SEARCH.c.trace_id, RUN.c.id == RUN_SEARCH.c.id)
    runs = _with_runs(words, source, same)

    def replaced(element: Any, **_: Any) -> Any:
        if element is source and source is not RUN:
            return runs
        return matches if searched(element) is search else None

    made: Any = replacement_traverse(query, {}, replaced)
    return made.select_from(runs)


def _with_runs(words: Join, source: FromClause, same: ColumnElement[bool]) -> FromClause:
    if isinstance(source, Join):
        left = _with_runs(words, source.left, same)
        return left.join(source.right, source.onclause, isouter=source.isouter)
    return _Before(words, source, same)


def _bounds(conditions: list[ColumnElement[Any]]) -> Iterator[ColumnElement[bool]]:
    """Yield what conditions on the start of runs, cursors among them, mean for the numbers."""
    for condition in conditions:
        if not isinstance(condition, BinaryExpression):
            continue
        left, right = _first(condition.left), _first(condition.right)
        if left is not RUN.c.start_time or right.__class__ is not BindParameter:
            continue
        if condition.operator in _LOWER:
            yield _number >= _NumberAt(right, literal_column(str(-_SLACK)))
        if condition.operator in _UPPER:
            yield _number < _NumberAt(right, literal_column(str(_SLACK)))


def _first(element: Any) -> Any:
    return next(iter(element.clauses)) if isinstance(element, Tuple) else element


def _not_past_the_last(led: Select[Any], *, newest: bool) -> ColumnElement[bool]:
    """Return the condition on numbers that holds for all rows of the page, and few others."""
    order = _number.desc() if newest else _number.asc()
    page = led.with_only_columns(_number).order_by(None).order_by(order).subquery()
    size = 1 << NUMBER_BITS
    if newest:
        last = select(func.min(page.c.rowid)).scalar_subquery()
        return _number >= last.op("&")(literal_column(str(-size)))
    last = select(func.max(page.c.rowid)).scalar_subquery()
    return _number <= last.op("|")(literal_column(str(size - 1)))
