"""Traces: all the runs that one root began."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from db import runs
from db.entities import TRACE
from db.pages import page
from db.questions import RUNS_OF_TRACE, Page, Question
from db.rows import Row
from graph.types.declare import object_type
from graph.types.enums import RunStatus
from graph.types.filters import MaybeWhere, asked
from graph.types.paging import After, First, given
from graph.types.run import Run, RunConnection
from graph.types.scalars import BigInt, DateTime, DecimalText

if TYPE_CHECKING:
    from graph.types.project import Project

_Project: TypeAlias = Annotated["Project", strawberry.lazy("graph.types.project")] | None


@object_type("All runs with one traceId. Not a Node: its id would be its root run's.")
class Trace:
    """Backed by rows of `db.entities.TRACE`."""

    trace_id: strawberry.ID = strawberry.field(description="The id of the root run.")

    @strawberry.field(
        graphql_type=Run | None,
        description="The run that began it; null while only children have arrived.",
    )
    @staticmethod
    def root_run(trace: strawberry.Parent[Row]) -> Question:
        return runs.root_of(trace)

    @strawberry.field(
        graphql_type=RunConnection | None,
        description="All its runs, flat, in dotted order.",
    )
    @staticmethod
    def runs(
        trace: strawberry.Parent[Row],
        where: MaybeWhere = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return page(
            RUNS_OF_TRACE,
            parent=trace,
            where=asked(where),
            first=given(first),
            after=given(after),
        )

    run_count: int | None = strawberry.field(description="How many runs have arrived.")
    start_time: DateTime = strawberry.field(description="When its first run began.")
    end_time: DateTime | None = strawberry.field(
        description="When its last run ended; null until the root has ended."
    )
    latency: float | None = strawberry.field(
        description="Seconds from startTime to endTime; null until the root has ended."
    )
    status: RunStatus = strawberry.field(
        description="The root's status; PENDING while only children have arrived."
    )
    total_tokens: BigInt | None = strawberry.field(
        description="Tokens of all its runs, each counted once."
    )
    total_cost: DecimalText | None = strawberry.field(
        description="US dollars for the tokens of all its runs, each counted once."
    )

    @strawberry.field(
        graphql_type=_Project,
        description="The project of its root; until that has arrived, of a child.",
    )
    @staticmethod
    def project(trace: strawberry.Parent[Row]) -> Question:
        return runs.project_of(trace)

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        return isinstance(obj, Row) and obj.entity is TRACE
