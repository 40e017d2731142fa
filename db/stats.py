"""Questions that sum runs up, and what answers them: counts, percentiles, sums, feedback.

Counts are of matching runs, each once; tokens and costs are each run's own, so that nothing is
counted twice. Percentiles are by nearest rank: the least value that so many percent of all are at
or below, which is PostgreSQL's percentile_disc.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from db import filters, stats_groups
from db.advice import advising
from db.buckets import TimeInterval, zone
from db.errors import InvalidError
from db.feedback_questions import FeedbackStats
from db.filters import EVERYTHING, All, Where
from db.pages import page
from db.questions import RUNS, Page, Rows, Values
from db.readers import Reading
from db.stats_groups import Group, Metadata

MOST_KEYS = 5
"""By how many things runs can be grouped at once."""


class Percentiles(NamedTuple):
    """A duration of runs, in seconds."""

    avg: float
    min: float
    max: float
    p50: float
    p90: float
    p95: float
    p99: float


class RunStats(NamedTuple):
    """Some runs, summed up; what none of them has is None. Costs are decimal text."""

    run_count: int = 0
    error_count: int = 0
    error_rate: float | None = None
    latency: Percentiles | None = None
    time_to_first_token: Percentiles | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_cost: str | None = None
    completion_cost: str | None = None
    total_cost: str | None = None
    feedback: list[FeedbackStats] | None = None
    approximate: bool = False


class GroupKey(NamedTuple):
    """What the runs of a group have in common: its name and value."""

    name: str
    value: Any


class RunStatsGroup(NamedTuple):
    """A group of runs, summed up; `where` finds its runs."""

    key: list[GroupKey]
    bucket: str | None
    stats: RunStats
    where: Where


@dataclass(frozen=True)
class StatsOf(Values):
    """The runs of each parent, summed up; the answer is a `RunStats`."""

    where: Where = EVERYTHING
    max_depth: int | None = None

    async def answer(self, reading: Reading, keys: Sequence[tuple[Any, ...]]) -> dict[Any, Any]:
        """Return the sums of each parent, of nothing where it has no runs."""
        from db.stats_answers import of_parents  # noqa: PLC0415 - it answers this

        with advising(Rows(self.link, where=self.where)):
            return await of_parents(reading, self, keys)


@dataclass(frozen=True)
class GroupedStats(Values):
    """Runs in groups, each summed up; the answer is a list of `RunStatsGroup`."""

    where: Where = EVERYTHING
    groups: tuple[Group, ...] = ()
    interval: TimeInterval | None = None
    time_zone: str = "UTC"

    async def answer(self, reading: Reading, keys: Sequence[tuple[Any, ...]]) -> dict[Any, Any]:
        """Return the groups: those with most runs first, each from its first bucket to its last."""
        from db.stats_answers import of_groups  # noqa: PLC0415 - it answers this

        with advising(Rows(self.link, where=self.where)):
            return dict.fromkeys(keys, await of_groups(reading, self))


def grouped(
    where: Where,
    groups: Sequence[Group] = (),
    interval: TimeInterval | None = None,
    time_zone: str | None = None,
) -> GroupedStats:
    """Ask for runs in groups.

    Raises InvalidError for too many groups, a path that is none, and an unknown time zone.
    """
    if len(groups) > MOST_KEYS:
        raise InvalidError(f"groupBy has {len(groups)} keys; at most {MOST_KEYS}")
    for group in groups:
        if isinstance(group, Metadata):
            stats_groups.check(group)
    place = zone(time_zone or "UTC")
    return GroupedStats(
        RUNS, where=where, groups=tuple(groups), interval=interval, time_zone=place.key
    )


def runs_of(group: RunStatsGroup, first: int | None, after: str | None) -> Page:
    """Ask for the runs of a group, newest first."""
    return page(RUNS, where=group.where, first=first, after=after)


def members(
    dialect: str,
    question: GroupedStats,
    keys: Sequence[Any],
    span: tuple[datetime, datetime] | None,
) -> Where:
    """Return the test for the runs of a group by its stored keys."""
    tests: list[Where] = [
        stats_groups.members(dialect, group, key)
        for group, key in zip(question.groups, keys, strict=True)
    ]
    if span is not None:
        since, until = span
        tests.append(filters.test("start_time", "gte", since))
        tests.append(filters.test("start_time", "lt", until))
    return All((question.where, *tests)) if tests else question.where
