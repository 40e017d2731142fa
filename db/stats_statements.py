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
    FromClause,
    Integer,
    Select,
    and_,
    case,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import TableValuedAlias

from db import stats_groups
from db.compiler import CACHED_STATEMENTS, Statement, binds, compiled_of, fixed
from db.constructs import in_spans
from db.dialects import beside_keys, key_rows, label_rows
from db.entities import RUN as RUN_ENTITY
from db.filters import Form, clause_of
from db.measures import MEASURES
from db.questions import Link
from db.tables import FEEDBACK, RUN
from db.values import Kind

DURATIONS = ("latency", "time_to_first_token")
PERCENTS = (50, 90, 95, 99)
MOST_GROUPS = 10_000


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
    needed = ("status", *DURATIONS, *(f"own_{name}" for name in MEASURES))
    runs = _runs(dialect, scope, *(RUN.c[name] for name in needed)).subquery("runs")
    keys = [runs.c[each] for each in _labels(scope)]
    first = len(scope.link.on) * scope.many
    query = select(
        *keys,
        *(stats_groups.shown(each, keys[first + at]) for at, each in enumerate(scope.groups)),
        func.count(),
        func.count(case((runs.c.status == literal_column("'error'"), literal_column("1")))),
        *(measure for name in DURATIONS for measure in _measures(runs.c[name])),
        *(func.sum(runs.c[f"own_{name}"]) for name in MEASURES),
    )
    return compiled_of(dialect, _limited(query.group_by(*keys)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def ranks(dialect: str, scope: Scope) -> Statement:
    """Return the statement for percentiles by nearest rank.

    After the keys: the number of the duration in `DURATIONS`, then a value for each of `PERCENTS`.
    """
    parts = [_ranks(dialect, scope, at) for at in range(len(DURATIONS))]
    return compiled_of(dialect, union_all(*parts))


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
    score = given.c.score
    query = select(
        *keys,
        func.count(),
        func.count(score),
        func.sum(score),
        func.sum(score * score),
        func.min(score),
        func.max(score),
    )
    return compiled_of(dialect, query.select_from(runs.join(given, same)).group_by(*keys))


@lru_cache(maxsize=CACHED_STATEMENTS)
def ends(dialect: str, scope: Scope) -> Statement:
    """Return the statement for the starts of the first and the last run, NULL without any."""
    time = RUN_ENTITY.columns["start_time"]
    first = _runs(dialect, scope, func.min(time, type_=time.type)).scalar_subquery()
    last = _runs(dialect, scope, func.max(time, type_=time.type)).scalar_subquery()
    return compiled_of(dialect, select(first, last))


def _labels(scope: Scope) -> list[str]:
    return [f"key{at}" for at in range(scope.keys)]


def _runs(dialect: str, scope: Scope, *columns: ColumnElement[Any]) -> Select[Any]:
    """Return the runs, their keys before the columns."""
    source: FromClause = RUN
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
    labels = zip([*keys, *spans], _labels(scope), strict=True)
    query = select(*(key.label(label) for key, label in labels), *columns).select_from(source)
    if scope.where != ("all",):
        conditions.append(place(clause_of(scope.where, RUN, binds("f"))))
    return query.where(*conditions)


def _beside_parents(link: Link) -> tuple[TableValuedAlias, FromClause]:
    """Join runs to the keys of many parents: ids, or an id and a text."""
    columns = [column for _, column in link.on]
    labelled = RUN_ENTITY.kinds[columns[-1]] is Kind.TEXT
    keys = label_rows("keys") if labelled else key_rows("keys", columns)
    same = and_(*(RUN.c[name] == key for name, key in zip(columns, keys.c, strict=True)))
    return keys, keys.join(RUN, same)


def _measures(duration: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    for function in (func.count, func.sum, func.min, func.max):
        yield function(duration)


def _ranks(dialect: str, scope: Scope, at: int) -> Select[Any]:
    """Return the least duration that enough of its group are at or below: `percentile_disc`."""
    duration = RUN.c[DURATIONS[at]]
    measured = _runs(dialect, scope, duration.label("duration")).where(duration.is_not(None))
    runs = measured.subquery(f"runs{at}")
    keys = [runs.c[each] for each in _labels(scope)]
    share = func.cume_dist().over(partition_by=keys or None, order_by=runs.c.duration)
    ranked = select(*keys, runs.c.duration, share.label("share")).subquery(f"ranked{at}")
    values = (
        func.min(case((ranked.c.share >= literal_column(f"{percent / 100}"), ranked.c.duration)))
        for percent in PERCENTS
    )
    number = literal_column(str(at), type_=Integer())
    keys = [ranked.c[each] for each in _labels(scope)]
    return select(*keys, number, *values).group_by(*keys)


def _limited(query: Select[Any]) -> Select[Any]:
    return query.limit(literal_column(str(MOST_GROUPS + 1)))
