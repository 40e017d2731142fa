"""Statements that sum runs up: counts and sums, ranks for percentiles, feedback, ends in time.

Each is made once for each form and kept. Rows begin with the keys they are grouped by: those of
the parent where many are asked at once, those of the groups, the number of the span of time.
Parameters: `keys`, or k0.. of one parent; f0.. of the filter; m0.. of groups; `spans`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    func,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import TableValuedAlias

from db import stats_groups
from db.compiler import CACHED_STATEMENTS, Statement, binds, compiled_of, fixed
from db.constructs import FirstThen, SumOf, cell_of, in_spans
from db.dialects import beside_keys, key_rows, label_rows
from db.entities import RUN as RUN_ENTITY
from db.filters import Form, clause_of
from db.histograms import BASE
from db.measures import MEASURES
from db.questions import Link
from db.search_lead import led_by_search
from db.tables import FEEDBACK, PROJECT, RUN
from db.values import Kind

DURATIONS = ("latency", "time_to_first_token")
PERCENTS = (50, 90, 95, 99)
MOST_GROUPS = 10_000
MOST_ROWS = (MOST_GROUPS + 1) * (1 + len(DURATIONS))
"""How many rows `whole` brings: with so many there are too many groups."""

RANKS = (3, 4, 5, 7)
"""Places in a row of sums that hold seconds, as percentiles do."""

SOME_FEEDBACK = 100_000
"""With no more feedback in all, that on very many runs is found from the feedback."""

EXACT_RUNS = 20_000
"""Up to so many runs percentiles are worked out from the runs, whatever there are of rollups."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which runs, by what they are grouped, and whether for many parents at once."""

    link: Link
    where: Form
    deep: bool = False
    many: bool = False
    groups: tuple[str, ...] = ()
    spans: bool = False

    @property
    def keys(self) -> int:
        """How many columns the keys of a row are."""
        return len(self.link.on) * self.many + len(self.groups) + self.spans


@lru_cache(maxsize=CACHED_STATEMENTS)
def sums(dialect: str, scope: Scope) -> Statement:
    """Return the statement for counts and sums.

    After the keys, and what shows the groups' keys: runs, errors; of each duration its count, sum,
    least and greatest; the sums of own usage.
    """
    return compiled_of(dialect, _sums(dialect, scope))


@lru_cache(maxsize=CACHED_STATEMENTS)
def whole(dialect: str, scope: Scope) -> Statement:
    """Return the statement for sums, and for percentiles by nearest rank.

    After the keys and what shows them comes the number of a part: 0 for sums, as `sums` has them,
    else that of a duration, from 1, whose `PERCENTS` stand in the places of `RANKS`.
    """
    summed = _sums(dialect, scope).subquery("summed")
    first = scope.keys + len(scope.groups)
    columns = list(summed.c)
    part = literal_column("0", type_=Integer())
    parts = [select(*columns[:first], part, *columns[first:])]
    parts += [_ranks(dialect, scope, at) for at in range(len(DURATIONS))]
    return compiled_of(dialect, _limited(union_all(*parts)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def feedback(dialect: str, scope: Scope) -> Statement:
    """Return the statement for feedback on the runs.

    After the keys: its key and value; how many; of its scores the count, the sum, the sum of
    their squares, the least and the greatest.
    """
    given = FEEDBACK
    runs = _runs(dialect, scope, RUN.c.trace_id, RUN.c.id).subquery("runs")
    same = and_(given.c.trace_id == runs.c.trace_id, given.c.run_id == runs.c.id)
    keys = [*(runs.c[each] for each in _labels(scope)), given.c.key, given.c.value]
    query = select(*keys, *_scores(given.c.score))
    return compiled_of(dialect, query.select_from(runs.join(given, same)).group_by(*keys))


@lru_cache(maxsize=CACHED_STATEMENTS)
def feedback_first(dialect: str, scope: Scope) -> Statement:
    """Return the statement for feedback on so many runs that feedback is better read first.

    As `feedback`, but with the start of the run after the keys.
    """
    given = FEEDBACK
    same = and_(given.c.trace_id == RUN.c.trace_id, given.c.run_id == RUN.c.id)
    told = (given.c.key, given.c.value, given.c.score)
    source = FirstThen(given, RUN, same)
    runs = _runs(dialect, scope, RUN.c.start_time, *told, source=source).subquery("runs")
    keys = [*(runs.c[each] for each in (*_labels(scope), "start_time", "key", "value"))]
    return compiled_of(dialect, select(*keys, *_scores(runs.c.score)).group_by(*keys))


@lru_cache(maxsize=8)
def some_feedback(dialect: str) -> Statement:
    """Return the statement that counts all feedback, up to `SOME_FEEDBACK` and one more."""
    one: ColumnElement[Any] = literal_column("1")
    some = select(one).select_from(FEEDBACK)
    some = some.limit(literal_column(str(SOME_FEEDBACK + 1))).subquery("some")
    return compiled_of(dialect, select(func.count()).select_from(some))


@lru_cache(maxsize=CACHED_STATEMENTS)
def extent(dialect: str, scope: Scope) -> Statement:
    """Return the statement for how many runs there are, and when the first and the last began.

    Counted up to `EXACT_RUNS` and one more; the moments are NULL without any run. Last comes
    whether any project has hours that only rollups know, 1 or NULL.
    """
    time = RUN.c.start_time
    some = _runs(dialect, scope, literal_column("1"), keyed=False)
    some = some.limit(literal_column(str(EXACT_RUNS + 1))).subquery("some")
    ends = (
        _runs(dialect, scope, function(time, type_=time.type), keyed=False).scalar_subquery()
        for function in (func.min, func.max)
    )
    count = select(func.count()).select_from(some).scalar_subquery()
    frozen = select(literal_column("1", type_=Integer())).where(
        PROJECT.c.frozen_before.is_not(None)
    )
    frozen = frozen.limit(literal_column("1")).scalar_subquery()
    return compiled_of(dialect, select(count, *ends, frozen))


@lru_cache(maxsize=CACHED_STATEMENTS)
def cells(dialect: str, scope: Scope) -> Statement:
    """Return the statement for histograms.

    After the keys: the number of the duration, the cell of `db.histograms`, how many runs it has.
    """
    parts: list[Select[Any]] = []
    for at, name in enumerate(DURATIONS):
        cell = cell_of(RUN.c[name], BASE).label("cell")
        measured = _runs(dialect, scope, cell).where(RUN.c[name].is_not(None))
        runs = measured.subquery(f"runs{at}")
        keys = [runs.c[each] for each in _labels(scope)]
        number = literal_column(str(at), type_=Integer())
        counted = select(*keys, number, runs.c.cell, func.count())
        parts.append(counted.group_by(*keys, runs.c.cell))
    return compiled_of(dialect, union_all(*parts))


def _labels(scope: Scope) -> list[str]:
    return [f"key{at}" for at in range(scope.keys)]


def _runs(
    dialect: str,
    scope: Scope,
    *columns: ColumnElement[Any],
    keyed: bool = True,
    source: FromClause = RUN,
) -> Select[Any]:
    """Return the runs, their keys before the columns."""
    keys: list[ColumnElement[Any]] = []
    spans: list[ColumnElement[Any]] = []
    conditions: list[ColumnElement[bool]] = []
    place: Callable[[ColumnElement[bool]], ColumnElement[bool]] = lambda condition: condition  # noqa: E731
    if scope.spans:
        source, span = in_spans("spans", RUN, "start_time")
        spans.append(span)
    if scope.many:
        parents, source = _beside_parents(scope.link)
        place = partial(beside_keys, dialect, parents)
        keys.extend(RUN.c[column] for _, column in scope.link.on)
    else:
        conditions.extend(fixed(scope.link, deep=scope.deep))
    for at, group in enumerate(scope.groups):
        source, key = stats_groups.joined(dialect, source, group, at)
        keys.append(key)
    labelled = zip([*keys, *spans] if keyed else [], _labels(scope), strict=keyed)
    query = select(*(key.label(label) for key, label in labelled), *columns).select_from(source)
    if scope.where != ("all",):
        conditions.append(place(clause_of(scope.where, RUN, binds("f"))))
    return led_by_search(dialect, query.where(*conditions))


def _beside_parents(link: Link) -> tuple[TableValuedAlias, FromClause]:
    """Join runs to the keys of many parents: ids, or an id and a text."""
    columns = [column for _, column in link.on]
    labelled = RUN_ENTITY.kinds[columns[-1]] is Kind.TEXT
    keys = label_rows("keys") if labelled else key_rows("keys", columns)
    same = and_(*(RUN.c[name] == key for name, key in zip(columns, keys.c, strict=True)))
    return keys, keys.join(RUN, same)


def _scores(score: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    yield from (func.count(), func.count(score), func.sum(score), func.sum(score * score))
    yield from (func.min(score), func.max(score))


def _measures(duration: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    for function in (func.count, func.sum, func.min, func.max):
        yield function(duration)


def _sums(dialect: str, scope: Scope) -> Select[Any]:
    needed = ("status", *DURATIONS, *(f"own_{name}" for name in MEASURES))
    runs = _runs(dialect, scope, *(RUN.c[name] for name in needed)).subquery("runs")
    keys = [runs.c[each] for each in _labels(scope)]
    first = len(scope.link.on) * scope.many
    failed = runs.c.status == literal_column("'error'")
    shown = [
        stats_groups.shown(each, keys[first + at]).label(f"shown{at}")
        for at, each in enumerate(scope.groups)
    ]
    one: ColumnElement[Any] = literal_column("1")
    counted = func.count().label("runs"), func.count(case((failed, one)))
    durations = (measure for name in DURATIONS for measure in _measures(runs.c[name]))
    usage = (SumOf(runs.c[f"own_{name}"]) for name in MEASURES)
    columns: list[ColumnElement[Any]] = [*keys, *shown, *counted, *durations, *usage]
    return select(*columns).group_by(*keys)


def _ranks(dialect: str, scope: Scope, at: int) -> Select[Any]:
    """Return the least duration that enough of its group are at or below: `percentile_disc`."""
    duration = RUN.c[DURATIONS[at]]
    measured = _runs(dialect, scope, duration.label("duration")).where(duration.is_not(None))
    runs = measured.subquery(f"runs{at}")
    keys = [runs.c[each] for each in _labels(scope)]
    share = func.cume_dist().over(partition_by=keys or None, order_by=runs.c.duration)
    ranked = select(*keys, runs.c.duration, share.label("share")).subquery(f"ranked{at}")
    row: list[ColumnElement[Any]] = [null()] * (2 + 4 * len(DURATIONS) + len(MEASURES))
    for place, percent in zip(RANKS, PERCENTS, strict=True):
        enough = ranked.c.share >= literal_column(f"{percent / 100}")
        row[place] = func.min(case((enough, ranked.c.duration)))
    keys = [ranked.c[each] for each in _labels(scope)]
    part = literal_column(str(at + 1), type_=Integer())
    columns: list[ColumnElement[Any]] = [*keys, *(null() for _ in scope.groups), part, *row]
    return select(*columns).group_by(*keys)


def _limited(query: CompoundSelect[Any]) -> CompoundSelect[Any]:
    return query.limit(literal_column(str(MOST_ROWS)))
