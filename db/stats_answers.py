"""Answering questions that sum runs up, in few statements for any number of parents or groups.

From the runs: one statement for sums and percentiles, and one for feedback. One goes before them
where rollups might serve, or buckets need to know the first and the last run: how many runs there
are, and from when until when. Beyond `EXACT_RUNS` there are at most seven in all: marks, rollups,
of marked hours the runs, and how much feedback there is; eight where runs were pruned.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from db import rollup_reads, stats_groups, stats_statements, sums
from db.buckets import MOST_BUCKETS, Span, buckets, too_many, zone
from db.constructs import packed_spans
from db.feedback_questions import FeedbackStats, summed_up_values
from db.filters import EVERYTHING, All, Test, Where
from db.measures import MOST_TOKENS
from db.readers import Reading
from db.rollup_reads import Frozen, Served, rolled_up, served
from db.stats import GroupedStats, GroupKey, Percentiles, RunStats, RunStatsGroup, StatsOf, members
from db.stats_asking import Asking, Key
from db.stats_statements import EXACT_RUNS, MOST_GROUPS, MOST_ROWS, RANKS, Scope
from db.sums import Duration, Sums
from db.values import moment_of, money_text

_STEP = timedelta(microseconds=1)

Ranks: TypeAlias = Mapping[int, Sequence[float]]
"""For the number of a duration, its percentiles."""


class Extent(NamedTuple):
    """How many runs there are, when the first and the last began, and what only rollups know."""

    runs: int
    first: datetime
    last: datetime
    frozen: Sequence[Frozen]


class Summed(NamedTuple):
    """What a question's runs come to, by keys; and what shows the keys of groups."""

    counted: Mapping[Key, Sums]
    names: Mapping[Key, Key]
    ranks: Callable[[Key], Ranks]
    rolled: Served | None = None


async def of_parents(
    reading: Reading, question: StatsOf, keys: Sequence[Key]
) -> dict[Key, RunStats]:
    """Return the sums of each parent."""
    if not keys:
        return {}
    asking = Asking(reading, question, keys)
    summed = await _summed(asking, asking.scope, question, [], None)
    feedback = await _feedback(asking, asking.scope, summed)
    return {key: _stats(summed, (key,), feedback((key,))) for key in keys}


async def of_groups(reading: Reading, question: GroupedStats) -> list[RunStatsGroup]:
    """Return the groups, those with most runs first, each with all its buckets in order."""
    asking = Asking(reading, question, [()])
    scope, spans, extent = asking.scope, list[Span](), None
    if question.interval is not None:
        extent = await _extent(asking, question)
        if extent is None:
            return []
        place = zone(question.time_zone)
        spans = buckets(extent.first, extent.last, question.interval, place)
        asking = Asking(reading, replace(question, where=_at_any_time(question.where)), [()])
        scope = replace(asking.scope, spans=True)
        asking.more["spans"] = packed_spans(reading.dialect, _within(spans, extent))
    summed = await _summed(asking, scope, question, spans, extent)
    counted, groups = summed.counted, len(summed.names)
    if len(counted) > MOST_GROUPS or groups * max(len(spans), 1) > MOST_BUCKETS:
        raise too_many(max(len(counted), groups * len(spans)), question.interval)
    feedback = await _feedback(asking, scope, summed)
    found: list[RunStatsGroup] = []
    for key in _by_size(summed):
        shown = _shown(question, summed.names[key])
        for at, span in enumerate(spans or [None]):
            place = ((), *key) if span is None else ((), *key, at)
            stats = _stats(summed, place, feedback(place))
            where = members(reading.dialect, question, key, span)
            found.append(RunStatsGroup(shown, span and _text(span[0]), stats, where))
    return found


def _at_any_time(where: Where) -> Where:
    """Leave out what the first and the last run tell: SQLite seeks by one bound of a range only."""
    match where:
        case All(parts):
            return All(tuple(map(_at_any_time, parts)))
        case Test("start_time", "gt" | "gte" | "lt" | "lte", _):
            return EVERYTHING
        case _:
            return where


def _within(spans: Sequence[Span], extent: Extent) -> list[Span]:
    """Return the buckets, cut to what lies between the first and the last run."""
    end = extent.last + _STEP
    return [(max(since, extent.first), min(until, end)) for since, until in spans]


async def _summed(
    asking: Asking,
    scope: Scope,
    question: StatsOf | GroupedStats,
    spans: Sequence[Span],
    extent: Extent | None,
) -> Summed:
    """Return counts, sums and percentiles: from the runs, or from rollups if they are many."""
    now = datetime.min.replace(tzinfo=UTC)
    if served(asking, question.where, spans, now, now) is not None:
        extent = extent or await _extent(asking, question)
        if extent is not None and (extent.runs > EXACT_RUNS or extent.frozen):
            ends = extent.first, extent.last, extent.frozen
            asked = served(asking, question.where, spans, *ends)
            rolled = asked and await rolled_up(asking.reading, asked)
            if rolled:
                names = rolled.names or {(): ()}
                return Summed(rolled.counted, names, rolled.percentiles, asked)
    return await _of_runs(asking, scope)


async def _of_runs(asking: Asking, scope: Scope) -> Summed:
    groups = len(scope.groups)
    found = await asking.found(stats_statements.whole, scope)
    if len(found) >= MOST_ROWS:
        raise too_many(MOST_GROUPS + 1, None)
    counted: dict[Key, Sums] = {}
    names: dict[Key, Key] = {}
    ranks: dict[Key, dict[int, Sequence[float]]] = defaultdict(dict)
    for key, row in found:
        part, *values = row[groups:]
        if part:
            ranks[key][part - 1] = [values[at] for at in RANKS]
        else:
            counted[key] = sums.of_row(asking.reading.dialect, values)
            names[key[1 : 1 + groups]] = row[:groups]

    def ranks_of(key: Key) -> Ranks:
        return ranks.get(key, {})

    return Summed(counted, names, ranks_of)


async def _extent(asking: Asking, question: StatsOf | GroupedStats) -> Extent | None:
    """Return how many runs there are, up to a number, and from when until when."""
    total, ends, is_frozen = 0, list[datetime](), False
    for runs, begin, end, some in await asking.unkeyed(stats_statements.extent):
        total, is_frozen = total + runs, is_frozen or bool(some)
        ends += [moment_of(at) for at in (begin, end) if at is not None]
    frozen = await rollup_reads.frozen(asking, question.where) if is_frozen else []
    for each in frozen:
        ends += [each.since, each.until - _STEP]
    return Extent(total, min(ends), max(ends), frozen) if ends else None


def _by_size(summed: Summed) -> list[Key]:
    """Return the groups' keys: those with most runs first, then by their text."""
    runs: dict[Key, int] = defaultdict(int)
    width = len(next(iter(summed.names), ()))
    for key, some in summed.counted.items():
        runs[key[1 : 1 + width]] += some.runs
    return sorted(runs, key=lambda key: (-runs[key], [(each is None, str(each)) for each in key]))


def _shown(question: GroupedStats, told: Key) -> list[GroupKey]:
    return [
        GroupKey(stats_groups.name(group), stats_groups.value(group, value))
        for group, value in zip(question.groups, told, strict=True)
    ]


async def _feedback(
    asking: Asking, scope: Scope, summed: Summed
) -> Callable[[Key], list[FeedbackStats] | None]:
    """Return a function to the feedback of some keys; nothing is read for no runs."""
    feedback: dict[Key, list[tuple[Any, ...]]] | None = None
    if summed.rolled is not None:
        feedback = await rollup_reads.feedback(asking.reading, summed.rolled)
    if feedback is not None:
        return partial(_judged, feedback)
    feedback = {}
    if any(some.runs for some in summed.counted.values()):
        for key, row in await asking.found(stats_statements.feedback, scope):
            feedback.setdefault(key, []).append(row)
    return partial(_judged, feedback)


def _judged(feedback: Mapping[Key, list[tuple[Any, ...]]], key: Key) -> list[FeedbackStats] | None:
    return summed_up_values(feedback.get(key, ()))


def _stats(summed: Summed, key: Key, feedback: list[FeedbackStats] | None) -> RunStats:
    some = summed.counted.get(key, Sums())
    ranks = summed.ranks(key)
    usage = [
        None if n is None else money_text(n) if is_cost else min(n, MOST_TOKENS)
        for is_cost, n in zip(sums.COSTS, some.usage, strict=True)
    ]
    durations = [_percentiles(each, ranks.get(at)) for at, each in enumerate(some.durations)]
    rate = some.errors / some.runs if some.runs else None
    counts = some.runs, some.errors, rate
    rolled = summed.rolled is not None
    return RunStats._make((*counts, *durations, *usage, feedback, rolled))


def _percentiles(duration: Duration, ranks: Sequence[float] | None) -> Percentiles | None:
    if ranks is None or duration.min is None or duration.max is None:
        return None
    return Percentiles(duration.sum / duration.n, duration.min, duration.max, *ranks)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
