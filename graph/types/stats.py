"""Runs summed up: counts, durations, usage, feedback; whole or in groups."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

from db import stats
from db.buckets import TimeInterval
from db.questions import Page
from db.stats import RunStatsGroup as Group
from db.stats_groups import Group as GroupedBy
from db.stats_groups import Metadata, RunGroupField
from graph.types.declare import enum_type, object_type, optional
from graph.types.feedback import FeedbackStats
from graph.types.paging import After, First, given
from graph.types.scalars import JSON, BigInt, DateTime, DecimalText

if TYPE_CHECKING:
    from graph.types.run import RunConnection

_Runs: TypeAlias = Annotated["RunConnection", strawberry.lazy("graph.types.run")] | None

enum_type(
    TimeInterval,
    "How long the buckets of time are; they begin as the calendar of the time zone has them.",
    MINUTE="A minute.",
    HOUR="An hour: where clocks go back, the repeated hour is a bucket of its own.",
    DAY="A local day, of 23 to 25 hours where clocks change.",
    WEEK="A week, from Monday.",
    MONTH="A month.",
)
enum_type(
    RunGroupField,
    "Facts of a run that it can be grouped by.",
    RUN_TYPE="The run's type, as sent.",
    STATUS="How far the run has come: PENDING, SUCCESS or ERROR.",
    NAME="The run's name.",
    PROJECT="The project, by its name.",
    MODEL="The language model's name.",
    THREAD="The conversation.",
    TAG="Each of its tags: a run with two tags is in two groups.",
)


@object_type(
    "How long runs took, in seconds. Percentiles are by nearest rank: p90 is the least value that"
    " 90 % of the runs are at or below, which is PostgreSQL's percentile_disc."
)
class Percentiles:
    """Backed by `db.stats.Percentiles`."""

    avg: float | None = strawberry.field(description="The mean.")
    min: float | None = strawberry.field(description="The least.")
    max: float | None = strawberry.field(description="The greatest.")
    p50: float | None = strawberry.field(description="The median: half are at or below it.")
    p90: float | None = strawberry.field(description="90 % are at or below it.")
    p95: float | None = strawberry.field(description="95 % are at or below it.")
    p99: float | None = strawberry.field(description="99 % are at or below it.")


@object_type(
    "Runs summed up. Each matching run counts once; tokens and costs are each run's own usage, so"
    " that nothing is counted twice, however deep the trees are."
)
class RunStats:
    """Backed by `db.stats.RunStats`."""

    run_count: BigInt = strawberry.field(description="How many runs there are.")
    error_count: BigInt = strawberry.field(description="How many of them have an error.")
    error_rate: float | None = strawberry.field(
        description="The share of errors: errorCount divided by runCount; null without runs."
    )
    latency: Percentiles | None = strawberry.field(
        description="From start to end, of the runs that have ended; null when none has."
    )
    time_to_first_token: Percentiles | None = strawberry.field(
        description="From start to the first token, of the runs that streamed; null when none has."
    )
    prompt_tokens: BigInt | None = strawberry.field(
        description="Own input tokens; null when no run has any usage."
    )
    completion_tokens: BigInt | None = strawberry.field(
        description="Own output tokens; null when no run has any usage."
    )
    total_tokens: BigInt | None = strawberry.field(
        description="Own tokens; null when no run has any usage."
    )
    prompt_cost: DecimalText | None = strawberry.field(
        description="US dollars for own input tokens; null when none has a cost."
    )
    completion_cost: DecimalText | None = strawberry.field(
        description="US dollars for own output tokens; null when none has a cost."
    )
    total_cost: DecimalText | None = strawberry.field(
        description="US dollars for own tokens; null when none has a cost."
    )
    feedback: list[FeedbackStats] | None = strawberry.field(
        description="Feedback on the runs summed up by key; null when there is none."
    )
    approximate: bool = strawberry.field(
        description=(
            "Whether percentiles came from rollups, which happens beyond 20,000 runs: then each is"
            " right within 1 % and 0.01 ms. Everything else is always exact."
        )
    )


@object_type("What the runs of a group have in common.")
class GroupKey:
    """Backed by `db.stats.GroupKey`."""

    name: str = strawberry.field(
        description="What it was grouped by: a RunGroupField, or metadata. and the path."
    )
    value: JSON | None = strawberry.field(
        description="The value they share; null for the runs that have none."
    )


@object_type("A group of runs, summed up.")
class RunStatsGroup:
    """Backed by `db.stats.RunStatsGroup`."""

    key: list[GroupKey] = strawberry.field(description="One part for each entry of groupBy.")
    bucket: DateTime | None = strawberry.field(
        description="When the bucket begins; null when no interval was asked for."
    )
    stats: RunStats = strawberry.field(description="Its runs, summed up.")

    @strawberry.field(graphql_type=_Runs, description="Its runs, newest first.")
    @staticmethod
    def runs(
        group: strawberry.Parent[Group],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return stats.runs_of(group, given(first), given(after))


@strawberry.input(
    one_of=True, description="What to group runs by: a field, or a path of the metadata."
)
class RunGroup:
    """One of the two kinds of group keys."""

    field: RunGroupField | None = optional("A fact of the run.")
    metadata: str | None = optional(
        "A path into the metadata, as in env or user.id; what stands there is compared as JSON."
    )


def grouping(groups: list[RunGroup] | None) -> list[GroupedBy]:
    """Return what to group by."""
    return [given(group.field) or Metadata(given(group.metadata) or "") for group in groups or ()]
