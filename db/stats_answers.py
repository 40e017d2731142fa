"""Answering questions that sum runs up: three statements for any number of parents or groups, and
one before them where spans of time need to know the first and the last run.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from db import filters, stats_groups, stats_statements
from db.answers import asked, seek, values_of
from db.buckets import MOST_BUCKETS, Span, buckets, too_many, zone
from db.compiler import Statement
from db.constructs import packed_spans
from db.entities import RUN
from db.feedback_questions import FeedbackStats, summed_up_values
from db.measures import MEASURES, MOST_TOKENS
from db.questions import Rows
from db.readers import Reading
from db.stats import GroupedStats, GroupKey, Percentiles, RunStats, RunStatsGroup, StatsOf, members
from db.stats_statements import DURATIONS, MOST_GROUPS, Scope
from db.values import MONEY_UNITS, PACK, PACK_LABELLED, Kind, money_text

Key: TypeAlias = tuple[Any, ...]
Found: TypeAlias = list[tuple[Key, tuple[Any, ...]]]
"""Rows, each without its keys: those of the parent, of the groups, of the span."""

Make: TypeAlias = Callable[[str, Scope], Statement]


class Duration(NamedTuple):
    """A duration of some runs: how many have it, their sum, the least and the greatest."""

    n: int = 0
    sum: float = 0.0
    min: float | None = None
    max: float | None = None


class Sums(NamedTuple):
    """Counts and sums; usage in the order of `MEASURES`, costs in units of money."""

    runs: int = 0
    errors: int = 0
    durations: tuple[Duration, ...] = (Duration(),) * len(DURATIONS)
    usage: tuple[int | None, ...] = (None,) * len(MEASURES)


class Asking:
    """One question on its way to the database: its statements have the same parameters."""

    def __init__(self, reading: Reading, question: StatsOf | GroupedStats, keys: Sequence[Key]):
        depth = question.max_depth if isinstance(question, StatsOf) else None
        groups = question.groups if isinstance(question, GroupedStats) else ()
        self.reading = reading
        self.rows = Rows(question.link, where=question.where, max_depth=depth)
        self.keys = keys
        self.scope = Scope(
            question.link,
            filters.form(question.where),
            deep=depth is not None,
            many=len(keys) > 1 and not question.link.below,
            groups=tuple(map(stats_groups.form, groups)),
        )
        told = (stats_groups.parameter(reading.dialect, group) for group in groups)
        self.more = {f"m{at}": value for at, value in enumerate(told) if value is not None}

    async def found(self, make: Make, scope: Scope) -> Found:
        """Return the rows of a statement, each with its keys."""
        dialect = self.reading.dialect
        statement = make(dialect, scope)
        if scope.many:
            width = len(scope.link.on)
            values = {**asked(dialect, self.rows), **self.more, **self._packed()}
            rows = await self.reading.rows(statement.sql, statement.placed(values))
            return [((row[:width], *row[width : scope.keys]), row[scope.keys :]) for row in rows]
        each = [{**values_of(dialect, self.rows, key), **self.more} for key in self.keys]
        answers = await seek(self.reading, statement, each)
        at = scope.keys
        return [
            ((key, *row[:at]), row[at:])
            for key, rows in zip(self.keys, answers, strict=True)
            for row in rows
        ]

    def _packed(self) -> dict[str, Any]:
        dialect, column = self.reading.dialect, self.scope.link.brings[-1]
        if RUN.kinds[column] is Kind.TEXT:
            ids, labels = PACK_LABELLED[dialect](self.keys)
            return {"keys": ids, "keys_labels": labels}
        return {"keys": PACK[dialect](sorted(self.keys))}


async def of_parents(
    reading: Reading, question: StatsOf, keys: Sequence[Key]
) -> dict[Key, RunStats]:
    """Return the sums of each parent."""
    if not keys:
        return {}
    asking = Asking(reading, question, keys)
    sums = await asking.found(stats_statements.sums, asking.scope)
    counted = {key: _sums(reading.dialect, row) for key, row in sums}
    details = await _details(asking, asking.scope, counted)
    return {key: _stats(counted.get((key,), Sums()), *details((key,))) for key in keys}


async def of_groups(reading: Reading, question: GroupedStats) -> list[RunStatsGroup]:
    """Return the groups, those with most runs first, each with all its buckets in order."""
    asking = Asking(reading, question, [()])
    scope = asking.scope
    spans: list[Span] = []
    if question.interval is not None:
        spans = await _spans(asking, question)
        if not spans:
            return []
        scope = Scope(scope.link, scope.where, groups=scope.groups, spans=True)
        asking.more["spans"] = packed_spans(reading.dialect, spans)
    found = await asking.found(stats_statements.sums, scope)
    width = len(scope.groups)
    counted = {key: _sums(reading.dialect, row[width:]) for key, row in found}
    names = {key[1 : 1 + width]: row[:width] for key, row in found}
    if len(found) > MOST_GROUPS or len(names) * max(len(spans), 1) > MOST_BUCKETS:
        raise too_many(max(len(found), len(names) * len(spans)), question.interval)
    details = await _details(asking, scope, counted)
    groups: list[RunStatsGroup] = []
    for key in _by_size(counted, width):
        shown = [
            GroupKey(stats_groups.name(group), stats_groups.value(group, told))
            for group, told in zip(question.groups, names[key], strict=True)
        ]
        for at, span in enumerate(spans) if spans else [(None, None)]:
            place = ((), *key) if at is None else ((), *key, at)
            stats = _stats(counted.get(place, Sums()), *details(place))
            bucket = None if span is None else _text(span[0])
            where = members(reading.dialect, question, key, span)
            groups.append(RunStatsGroup(shown, bucket, stats, where))
    return groups


async def _spans(asking: Asking, question: GroupedStats) -> list[Span]:
    """Return the buckets from that of the first run to that of the last."""
    assert question.interval is not None  # noqa: S101 - the caller looked
    scope = Scope(asking.scope.link, asking.scope.where)
    ((_, (first, last)),) = await asking.found(stats_statements.ends, scope)
    if first is None:
        return []
    return buckets(_moment(first), _moment(last), question.interval, zone(question.time_zone))


def _by_size(counted: Mapping[Key, Sums], width: int) -> list[Key]:
    """Return the groups' keys: those with most runs first, then by their text."""
    runs: dict[Key, int] = defaultdict(int)
    for key, sums in counted.items():
        runs[key[1 : 1 + width]] += sums.runs
    return sorted(runs, key=lambda key: (-runs[key], [(each is None, str(each)) for each in key]))


async def _details(
    asking: Asking, scope: Scope, counted: Mapping[Key, Sums]
) -> Callable[[Key], tuple[Mapping[int, Any], list[FeedbackStats] | None]]:
    """Return a function to a group's percentiles and feedback; nothing is read for no runs."""
    ranks: dict[Key, dict[int, tuple[float, ...]]] = defaultdict(dict)
    feedback: dict[Key, list[tuple[Any, ...]]] = defaultdict(list)
    if any(sums.durations[at].n for sums in counted.values() for at in range(len(DURATIONS))):
        for key, (at, *values) in await asking.found(stats_statements.ranks, scope):
            ranks[key][at] = tuple(values)
    if any(sums.runs for sums in counted.values()):
        for key, row in await asking.found(stats_statements.feedback, scope):
            feedback[key].append(row)
    return lambda key: (ranks.get(key, {}), summed_up_values(feedback.get(key, ())))


def _sums(dialect: str, row: Sequence[Any]) -> Sums:
    runs, errors, *rest = row
    durations = tuple(
        Duration(rest[at], rest[at + 1] or 0.0, rest[at + 2], rest[at + 3])
        for at in range(0, 4 * len(DURATIONS), 4)
    )
    usage = rest[4 * len(DURATIONS) :]
    units = MONEY_UNITS[dialect]
    return Sums(
        runs,
        errors,
        durations,
        tuple(
            None if value is None else units(value) if "cost" in name else int(value)
            for name, value in zip(MEASURES, usage, strict=True)
        ),
    )


def _stats(
    sums: Sums,
    ranks: Mapping[int, Sequence[float]],
    feedback: list[FeedbackStats] | None,
    *,
    approximate: bool = False,
) -> RunStats:
    used = [
        None if n is None else money_text(n) if "cost" in name else min(n, MOST_TOKENS)
        for name, n in zip(MEASURES, sums.usage, strict=True)
    ]
    latency, first_token = (
        _percentiles(duration, ranks.get(at)) for at, duration in enumerate(sums.durations)
    )
    rate = sums.errors / sums.runs if sums.runs else None
    return RunStats(
        sums.runs, sums.errors, rate, latency, first_token, *used, feedback, approximate
    )


def _percentiles(duration: Duration, ranks: Sequence[float] | None) -> Percentiles | None:
    if ranks is None or duration.min is None or duration.max is None:
        return None
    avg = duration.sum / duration.n
    return Percentiles(avg, duration.min, duration.max, *ranks)


def _moment(stored: Any) -> datetime:
    if isinstance(stored, datetime):
        return stored.astimezone(UTC)
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
