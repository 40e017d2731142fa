"""Reading rollups: whole days, then whole hours, and runs where neither serves.

Rollups serve questions about projects as a whole: filtered by project and start alone, grouped by
project at most, in buckets that begin at whole hours of UTC or are at least days. Hours that are
marked are read from the runs, as are those that a bucket or the time that is asked for cuts; but
for the frozen hours of a project, whose runs may be gone (`db.retention`).
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, func, literal_column, select, union_all

from db import filters, histograms, stats_groups, stats_statements, sums
from db.answers import asked
from db.buckets import Span
from db.compiler import CACHED_STATEMENTS, Statement, binds, compiled_of
from db.constructs import in_spans, packed_spans
from db.filters import LONGEST_LIST, All, Form, Not, Test, Where, clause_of
from db.measures import MEASURES
from db.questions import RUNS, RUNS_OF_PROJECT, Rows
from db.readers import Reading
from db.stats import StatsOf
from db.stats_asking import Asking, Key
from db.stats_groups import RunGroupField
from db.stats_statements import DURATIONS, PERCENTS, Scope
from db.sums import Sums
from db.tables import PROJECT, RUN_ROLLUP_DAY, RUN_ROLLUP_DIRTY, RUN_ROLLUP_HOUR
from db.values import ASKED, READY, Kind, moment_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_DIRTY = 2_000
"""With more marked hours than that, everything is read from the runs."""

_RUNS_GONE = "gone"
_PARTS = ("days", "hours", _RUNS_GONE)
"""What is read of rollups: days, hours, and in what is read from runs the frozen hours."""

_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_PROJECT = RunGroupField.PROJECT.value
_EDGES = {"gt": 1, "gte": 0, "lt": 0, "lte": 1}
_STEP = timedelta(microseconds=1)

ROLLED = (
    *("runs", "errors"),
    *(f"{name}_{part}" for name in DURATIONS for part in ("n", "sum", "min", "max")),
    *MEASURES,
)
"""Columns of a rollup in the order of `stats_statements.sums`."""

CELLS = tuple(f"{name}_cells" for name in DURATIONS)

Cells: TypeAlias = tuple[Counter[int], ...]
"""The histogram of each of `DURATIONS`."""


class Frozen(NamedTuple):
    """Hours of a project that only rollups know: from when until when."""

    project: UUID
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Served:
    """What rollups are asked: of which projects, from when until when, by what it is grouped."""

    projects: Where
    since: datetime
    until: datetime
    edges: tuple[datetime, ...]
    by_parent: bool
    by_project: bool
    frozen: Sequence[Frozen] = ()

    def key(self, session: Any, begin: datetime) -> Key:
        """Return the keys, as statements have them, of what began then."""
        parent = (session,) if self.by_parent else ()
        group = (session,) if self.by_project else ()
        span = (bisect_right(self.edges, begin) - 1,) if self.edges else ()
        return (parent, *group, *span)


@dataclass(slots=True)
class RolledUp:
    """Sums and histograms by keys, and the names of projects by theirs."""

    counted: dict[Key, Sums] = field(default_factory=dict[Key, Sums])
    cells: dict[Key, Cells] = field(default_factory=dict[Key, Cells])
    names: dict[Key, Key] = field(default_factory=dict[Key, Key])

    def percentiles(self, key: Key) -> dict[int, list[float]]:
        """Return what `stats_statements.ranks` would say, right within 1 % and 0.01 ms."""
        found: dict[int, list[float]] = {}
        for at, (cells, duration) in enumerate(
            zip(self.cells.get(key, ()), self.counted.get(key, Sums()).durations, strict=False)
        ):
            if cells and duration.min is not None and duration.max is not None:
                ends = duration.min, duration.max
                found[at] = histograms.percentiles(cells, PERCENTS, *ends)
        return found

    def add(self, served: Served, session: Any, begin: datetime, name: Any, more: Sums) -> Cells:
        """Add sums; return the histograms to add to."""
        key = served.key(session, begin)
        self.counted[key] = self.counted.get(key, Sums()).plus(more)
        if served.by_project:
            self.names[session,] = (name,)
        return self.cells_of(key)

    def cells_of(self, key: Key) -> Cells:
        """Return the histograms of some keys."""
        return self.cells.setdefault(key, tuple(Counter() for _ in DURATIONS))


def served(
    asking: Asking,
    where: Where,
    spans: Sequence[Span],
    first: datetime,
    last: datetime,
    frozen: Sequence[Frozen] = (),
) -> Served | None:
    """Return what to ask rollups; None where they can not answer.

    `first` and `last` are the starts of the first and the last run.
    """
    scope = asking.scope
    parts = list(_parts(where))
    tests = [each for each in parts if isinstance(each, Test)]
    whole = all(_floor(at, HOUR) == at for span in spans for at in span)
    long = all(until - since > DAY / 2 for since, until in spans)
    if (
        scope.link not in {RUNS, RUNS_OF_PROJECT}
        or not set(scope.groups) <= {_PROJECT}
        or len(tests) < len(parts)
        or not all(_is_served(each) for each in tests)
        or not (whole or long)
    ):
        return None
    since, until = _floor(first, DAY), _floor(last, DAY) + DAY
    for each in tests:
        if each.clause == "start_time":
            edge = each.value + _EDGES[each.operator] * _STEP
            since = max(since, edge) if each.operator.startswith("g") else since
            until = min(until, edge) if each.operator.startswith("l") else until
    projects: list[Where] = [each for each in tests if each.clause != "start_time"]
    by_parent = scope.link is RUNS_OF_PROJECT
    if by_parent:
        ready = READY[asking.reading.dialect].get(Kind.ID, str)
        projects.append(
            filters.test("session_id", "in", [UUID(ready(id)) for (id,) in asking.keys])
        )
    edges = tuple(span[0] for span in spans)
    return Served(All(tuple(projects)), since, until, edges, by_parent, bool(scope.groups), frozen)


async def frozen(asking: Asking, where: Where) -> list[Frozen]:
    """Return the hours of which a question asks that only rollups know; none if they can not."""
    asked_of = served(asking, where, (), _EARLIEST, _LATEST)
    if asked_of is None:
        return []
    reading = asking.reading
    values = asked(reading.dialect, Rows(RUNS, where=asked_of.projects))
    statement = _frozen(reading.dialect, filters.form(asked_of.projects))
    ready = READY[reading.dialect].get(Kind.ID, str)
    found: list[Frozen] = []
    for project, first, before in await reading.rows(statement.sql, statement.placed(values)):
        if first is not None:
            since = max(moment_of(first), asked_of.since)
            until = min(moment_of(before), asked_of.until)
            found.append(Frozen(UUID(ready(project)), since, until))
    return [each for each in found if each.since < each.until]


async def rolled_up(reading: Reading, served: Served) -> RolledUp | None:
    """Return what the runs come to; None where too many hours are marked."""
    dirty = await _dirty(reading, served)
    if len(dirty) > MOST_DIRTY and not served.frozen:
        return None
    days, hours, rest = divided(served.since, served.until, served.edges, dirty)
    found = RolledUp()
    await _add_rollups(reading, served, found, (days, hours, rest))
    if rest:
        await _add_runs(reading, served, found, rest)
    return found


async def feedback(reading: Reading, served: Served) -> dict[Key, list[tuple[Any, ...]]] | None:
    """Return rows of `stats_statements.feedback`; None where there is too much to look through."""
    counting = stats_statements.some_feedback(reading.dialect)
    ((count,),) = await reading.rows(counting.sql, counting.placed({}))
    if count > stats_statements.SOME_FEEDBACK:
        return None
    since = filters.test("start_time", "gte", served.since)
    until = filters.test("start_time", "lt", served.until)
    where = All((served.projects, since, until))
    asking = Asking(reading, StatsOf(RUNS, where=where), [()])
    scope = Scope(RUNS, asking.scope.where, groups=(_PROJECT,))
    found: dict[Key, list[tuple[Any, ...]]] = defaultdict(list)
    for (_, session), (start, *row) in await asking.found(stats_statements.feedback_first, scope):
        found[served.key(session, moment_of(start))].append(tuple(row))
    return found


def divided(
    since: datetime, until: datetime, edges: Sequence[datetime], dirty: Collection[datetime]
) -> tuple[list[Span], list[Span], list[Span]]:
    """Divide a time, at edges and around marked hours, into days, hours and the rest."""
    cuts = {since, until, *(at for at in edges if since < at < until)}
    for hour in dirty:
        cuts |= {at for at in (hour, hour + HOUR) if since < at < until}
    order = sorted(cuts)
    days: list[Span] = []
    hours: list[Span] = []
    rest: list[Span] = []
    for begin, end in pairwise(order):
        first, last = _ceiling(begin, HOUR), _floor(end, HOUR)
        if first >= last or _floor(begin, HOUR) in dirty:
            _join(rest, begin, end, edges)
            continue
        _join(rest, begin, first, edges)
        day, last_day = _ceiling(first, DAY), _floor(last, DAY)
        if day < last_day:
            _join(hours, first, day)
            _join(days, day, last_day)
            _join(hours, last_day, last)
        else:
            _join(hours, first, last)
        _join(rest, last, end, edges)
    return days, hours, rest


def _join(
    spans: list[Span], begin: datetime, end: datetime, edges: Sequence[datetime] = ()
) -> None:
    """Add a span; one that begins where the last one ends prolongs it, but over no edge."""
    if begin < end:
        if spans and spans[-1][1] == begin and not _is_edge(edges, begin):
            begin, _ = spans.pop()
        spans.append((begin, end))


def _is_edge(edges: Sequence[datetime], at: datetime) -> bool:
    place = bisect_left(edges, at)
    return place < len(edges) and edges[place] == at


def _floor(at: datetime, step: timedelta) -> datetime:
    return at - (at - datetime.min.replace(tzinfo=UTC)) % step


def _ceiling(at: datetime, step: timedelta) -> datetime:
    floor = _floor(at, step)
    return floor if floor == at else floor + step


def _parts(where: Where) -> Iterator[Where]:
    if isinstance(where, All):
        for part in where.parts:
            yield from _parts(part)
    else:
        yield where


def _is_served(test: Test) -> bool:
    match test.clause:
        case "session_id":
            return test.operator in {"eq", "in"}
        case "project_name":
            return test.operator == "eq"
        case "start_time":
            return test.operator in _EDGES
        case _:
            return False


async def _dirty(reading: Reading, served: Served) -> set[datetime]:
    convert = ASKED[reading.dialect].get(Kind.TIME, _as_it_is)
    values = {
        **asked(reading.dialect, Rows(RUNS, where=served.projects)),
        "since": convert(_floor(served.since, HOUR)),
        "until": convert(served.until),
    }
    statement = _marks(reading.dialect, filters.form(served.projects))
    found = await reading.rows(statement.sql, statement.placed(values))
    return {moment_of(since) for (since,) in found}


async def _add_rollups(
    reading: Reading, served: Served, found: RolledUp, parts: Sequence[list[Span]]
) -> None:
    dialect = reading.dialect
    names = _PARTS if served.frozen else _PARTS[:-1]
    statement = _rollups(dialect, filters.form(served.projects), names)
    values = asked(dialect, Rows(RUNS, where=served.projects))
    spans = {name: packed_spans(dialect, part) for name, part in zip(names, parts, strict=False)}
    values = {**values, **spans}
    for session, since, name, *row in await reading.rows(statement.sql, statement.placed(values)):
        more = sums.of_row(dialect, row[: sums.WIDTH])
        cells = found.add(served, session, moment_of(since), name, more)
        for into, packed in zip(cells, row[sums.WIDTH :], strict=True):
            histograms.add(into, packed)


async def _add_runs(reading: Reading, served: Served, found: RolledUp, rest: list[Span]) -> None:
    where = All((served.projects, *map(Not, _frozen_hours(served.frozen))))
    asking = Asking(reading, StatsOf(RUNS, where=where), [()])
    asking.more["spans"] = packed_spans(reading.dialect, rest)
    scope = Scope(RUNS, asking.scope.where, groups=(_PROJECT,), spans=True)
    for (_, session, at), (name, *row) in await asking.found(stats_statements.sums, scope):
        found.add(served, session, _begin(rest, at), name, sums.of_row(reading.dialect, row))
    for (_, session, at), row in await asking.found(stats_statements.cells, scope):
        duration, cell, count = row
        found.cells_of(served.key(session, _begin(rest, at)))[duration][cell] += count


def _frozen_hours(frozen: Sequence[Frozen]) -> Iterator[Where]:
    """Yield filters of the runs in frozen hours; many projects have theirs end alike."""
    projects: dict[datetime, list[UUID]] = defaultdict(list)
    for each in frozen:
        projects[each.until].append(each.project)
    for until, some in projects.items():
        before = filters.test("start_time", "lt", until)
        for at in range(0, len(some), LONGEST_LIST):
            ids = filters.test("session_id", "in", some[at : at + LONGEST_LIST])
            yield All((ids, before))


def _begin(spans: Sequence[Span], at: int) -> datetime:
    return spans[at][0]


@lru_cache(maxsize=CACHED_STATEMENTS)
def _marks(dialect: str, projects: Form) -> Statement:
    dirty = RUN_ROLLUP_DIRTY
    within = and_(dirty.c.since >= bindparam("since"), dirty.c.since < bindparam("until"))
    query = select(dirty.c.since).where(clause_of(projects, dirty, binds("f")), within).distinct()
    return compiled_of(dialect, query.limit(literal_column(str(MOST_DIRTY + 1))))


@lru_cache(maxsize=CACHED_STATEMENTS)
def _frozen(dialect: str, projects: Form) -> Statement:
    own = select(PROJECT.c.id.label("session_id"), PROJECT.c.frozen_before)
    own = own.where(PROJECT.c.frozen_before.is_not(None)).subquery("own")
    since = RUN_ROLLUP_HOUR.c.since
    first = select(func.min(since, type_=since.type))
    first = first.where(RUN_ROLLUP_HOUR.c.session_id == own.c.session_id).scalar_subquery()
    columns: tuple[Any, ...] = own.c.session_id, first, own.c.frozen_before
    query: Any = select(*columns)
    return compiled_of(dialect, query.where(clause_of(projects, own, binds("f"))))


@lru_cache(maxsize=CACHED_STATEMENTS)
def _rollups(dialect: str, projects: Form, names: Sequence[str]) -> Statement:
    return compiled_of(dialect, union_all(*(_rollup(name, projects) for name in names)))


def _rollup(name: str, projects: Form) -> Select[Any]:
    rollup = RUN_ROLLUP_DAY if name == "days" else RUN_ROLLUP_HOUR
    source, _ = in_spans(name, rollup, "since")
    columns = [rollup.c[each] for each in (*ROLLED, *CELLS)]
    shown = stats_groups.shown(_PROJECT, rollup.c.session_id)
    query = select(rollup.c.session_id, rollup.c.since, shown, *columns).select_from(source)
    query = query.where(clause_of(projects, rollup, binds("f")))
    if name == _RUNS_GONE:
        own = select(PROJECT.c.frozen_before).where(PROJECT.c.id == rollup.c.session_id)
        query = query.where(rollup.c.since < own.scalar_subquery())
    return query


def _as_it_is(value: Any) -> Any:
    return value
