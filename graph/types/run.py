"""Runs: the SDK's `RunBase` and `Run` field for field, then what a graph can give besides.

A plain field is an attribute of `db.entities.RUN` of the same name; a field with arguments or
with rows behind it returns a question. Nothing is loaded that is not selected.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from db import feedback_questions, runs
from db.entities import RUN
from db.pages import page
from db.questions import CHILDREN, DESCENDANTS, Page, Question
from db.rows import Row
from db.search_hits import hit_of
from graph.context import Info
from graph.types.declare import object_type
from graph.types.details import CostDetail, TokenDetail
from graph.types.enums import RunStatus
from graph.types.filters import MaybeWhere, asked
from graph.types.node import Node
from graph.types.paging import After, Connection, First, given
from graph.types.payloads import JSONPreview, MaxBytes, MaybePath, Path
from graph.types.run_base import RunBase
from graph.types.scalars import JSON, BigInt, DateTime, DecimalText
from graph.types.search import SearchHit

if TYPE_CHECKING:
    from graph.types.feedback import FeedbackConnection, FeedbackStats
    from graph.types.project import Project
    from graph.types.stats import RunStats
    from graph.types.trace import Trace

ThisRun = strawberry.Parent[Row]

_Trace: TypeAlias = Annotated["Trace", strawberry.lazy("graph.types.trace")]
_Project: TypeAlias = Annotated["Project", strawberry.lazy("graph.types.project")] | None
_Feedback: TypeAlias = (
    Annotated["FeedbackConnection", strawberry.lazy("graph.types.feedback")] | None
)
_RunStats: TypeAlias = Annotated["RunStats", strawberry.lazy("graph.types.stats")] | None
_Stats: TypeAlias = list[Annotated["FeedbackStats", strawberry.lazy("graph.types.feedback")]] | None


@object_type("One step of a traced program, as the SDK's Run shows it, and its place in the graph.")
class Run(Node, RunBase):
    """langsmith.schemas.Run; backed by rows of `db.entities.RUN`."""

    session_id: strawberry.ID = strawberry.field(
        description="The project the run belongs to; LangSmith calls it a session."
    )

    @strawberry.field(
        graphql_type=list[strawberry.ID] | None,
        description="The ids of the direct children, in dotted order.",
        deprecation_reason="Select childRuns { id }.",
    )
    @staticmethod
    def child_run_ids(run: ThisRun) -> Question:
        return runs.child_ids_of(run)

    @strawberry.field(
        graphql_type=list["Run"] | None,
        description="All direct child runs, in dotted order; loaded only when selected.",
    )
    @staticmethod
    def child_runs(run: ThisRun, where: MaybeWhere = strawberry.UNSET) -> Question:
        return runs.children_of(run, asked(where))

    @strawberry.field(
        graphql_type=_Stats,
        description="The run's feedback summed up by key; null when there is none.",
    )
    @staticmethod
    def feedback_stats(run: ThisRun) -> Question:
        return feedback_questions.stats_of(run)

    app_path: str | None = strawberry.field(
        description="Path of the run in the app: as sent, else one that opens it in GraphiQL."
    )
    manifest_id: strawberry.ID | None = strawberry.field(
        description="Id of the serialized object: as sent, else made from `serialized`."
    )
    status: RunStatus = strawberry.field(
        description="ERROR once an error is set, else SUCCESS once ended, else PENDING."
    )
    prompt_tokens: BigInt | None = strawberry.field(
        description="Input tokens of the run and all its descendants."
    )
    completion_tokens: BigInt | None = strawberry.field(
        description="Output tokens of the run and all its descendants."
    )
    total_tokens: BigInt | None = strawberry.field(
        description="Tokens of the run and all its descendants."
    )
    prompt_token_details: list[TokenDetail] | None = strawberry.field(
        description="Input tokens by kind; need not add up to promptTokens."
    )
    completion_token_details: list[TokenDetail] | None = strawberry.field(
        description="Output tokens by kind; need not add up to completionTokens."
    )
    first_token_time: DateTime | None = strawberry.field(
        description="When the first token was streamed; null without streaming."
    )
    total_cost: DecimalText | None = strawberry.field(
        description="US dollars spent on tokens by the run and all its descendants."
    )
    prompt_cost: DecimalText | None = strawberry.field(
        description="US dollars spent on input tokens by the run and its descendants."
    )
    completion_cost: DecimalText | None = strawberry.field(
        description="US dollars spent on output tokens by the run and its descendants."
    )
    prompt_cost_details: list[CostDetail] | None = strawberry.field(
        description="US dollars for input tokens, by kind."
    )
    completion_cost_details: list[CostDetail] | None = strawberry.field(
        description="US dollars for output tokens, by kind."
    )
    parent_run_ids: list[strawberry.ID] = strawberry.field(
        description="Root first, immediate parent last; read off dottedOrder."
    )
    trace_id: strawberry.ID = strawberry.field(
        description="The trace the run belongs to: the id of its root."
    )
    dotted_order: str = strawberry.field(
        description="Start times and ids from the root to the run; sorts a trace as it ran."
    )
    in_dataset: bool | None = strawberry.field(
        description="Whether the run is in a dataset, as sent; null when not sent."
    )

    @strawberry.field(
        graphql_type=str | None,
        description="RUNGRAPH_HOST_URL followed by appPath; null while that is not set.",
    )
    @staticmethod
    def url(run: ThisRun, info: Info) -> Question | None:
        return runs.url_of(run, info.context.settings.host_url)

    input_tokens: BigInt | None = strawberry.field(description="The SDK's alias of promptTokens.")
    output_tokens: BigInt | None = strawberry.field(
        description="The SDK's alias of completionTokens."
    )
    input_cost: DecimalText | None = strawberry.field(description="The SDK's alias of promptCost.")
    output_cost: DecimalText | None = strawberry.field(
        description="The SDK's alias of completionCost."
    )
    input_token_details: list[TokenDetail] | None = strawberry.field(
        description="The SDK's alias of promptTokenDetails."
    )
    output_token_details: list[TokenDetail] | None = strawberry.field(
        description="The SDK's alias of completionTokenDetails."
    )
    input_cost_details: list[CostDetail] | None = strawberry.field(
        description="The SDK's alias of promptCostDetails."
    )
    output_cost_details: list[CostDetail] | None = strawberry.field(
        description="The SDK's alias of completionCostDetails."
    )

    @strawberry.field(
        graphql_type=JSON | None,
        description="What stands at a path of inputs; null where nothing does.",
    )
    @staticmethod
    def inputs_at(run: ThisRun, path: Path) -> Question:
        return runs.payload_at(run, "inputs", path)

    @strawberry.field(
        graphql_type=JSON | None,
        description="What stands at a path of outputs; null where nothing does.",
    )
    @staticmethod
    def outputs_at(run: ThisRun, path: Path) -> Question:
        return runs.payload_at(run, "outputs", path)

    @strawberry.field(
        graphql_type=JSON | None,
        description="What stands at a path of metadata; null where nothing does.",
    )
    @staticmethod
    def metadata_at(run: ThisRun, path: Path) -> Question:
        return runs.metadata_at(run, path)

    @strawberry.field(
        graphql_type=JSONPreview | None,
        description="The first bytes of inputs, or of what stands at a path of them.",
    )
    @staticmethod
    def inputs_preview(
        run: ThisRun, path: MaybePath = strawberry.UNSET, max_bytes: MaxBytes = 300
    ) -> Question:
        return runs.preview(run, "inputs", given(path), max_bytes)

    @strawberry.field(
        graphql_type=JSONPreview | None,
        description="The first bytes of outputs, or of what stands at a path of them.",
    )
    @staticmethod
    def outputs_preview(
        run: ThisRun, path: MaybePath = strawberry.UNSET, max_bytes: MaxBytes = 300
    ) -> Question:
        return runs.preview(run, "outputs", given(path), max_bytes)

    is_root: bool = strawberry.field(description="Whether the run began its trace.")
    depth: int = strawberry.field(description="How many runs are above this one; 0 for a root.")
    model: str | None = strawberry.field(
        description="Name of the language model: metadata.ls_model_name, else inputs.model."
    )
    thread_id: str | None = strawberry.field(
        description="Conversation: metadata session_id, conversation_id or thread_id."
    )
    time_to_first_token: float | None = strawberry.field(
        description="Seconds from start to the first streamed token."
    )

    @strawberry.field(
        graphql_type="Run | None",
        description="The run that started this one; null for a root and where it never arrived.",
    )
    @staticmethod
    def parent_run(run: ThisRun) -> Question:
        return runs.parent_of(run)

    @strawberry.field(
        graphql_type=list["Run"] | None,
        description="The parent chain, root first; a parent that never arrived is left out.",
    )
    @staticmethod
    def parent_runs(run: ThisRun) -> Question:
        return runs.ancestors_of(run)

    @strawberry.field(graphql_type=int | None, description="How many direct children there are.")
    @staticmethod
    def child_run_count(run: ThisRun) -> Question:
        return runs.child_count_of(run)

    @strawberry.field(
        graphql_type="RunConnection | None",
        description="The direct children in dotted order, a page at a time.",
    )
    @staticmethod
    def child_runs_connection(
        run: ThisRun,
        where: MaybeWhere = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return page(
            CHILDREN, parent=run, where=asked(where), first=given(first), after=given(after)
        )

    @strawberry.field(
        graphql_type="RunConnection | None",
        description="Everything below the run, flat, in dotted order.",
    )
    @staticmethod
    def descendants(
        run: ThisRun,
        max_depth: Annotated[
            int | None,
            strawberry.argument(description="How many levels down; all if not given."),
        ] = strawberry.UNSET,
        where: MaybeWhere = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return page(
            DESCENDANTS,
            parent=run,
            where=asked(where),
            first=given(first),
            after=given(after),
            max_depth=given(max_depth),
        )

    @strawberry.field(
        graphql_type=_Trace,
        description="The trace the run belongs to.",
    )
    @staticmethod
    def trace(run: ThisRun) -> Question:
        return runs.trace_of(run)

    @strawberry.field(
        graphql_type=_Project,
        description="The project the run belongs to.",
    )
    @staticmethod
    def project(run: ThisRun) -> Question:
        return runs.project_of(run)

    @strawberry.field(
        graphql_type=_Feedback,
        description="Judgements on the run, oldest first.",
    )
    @staticmethod
    def feedback(
        run: ThisRun,
        key: Annotated[
            list[str] | None, strawberry.argument(description="Only these keys.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return feedback_questions.of_run(run, given(key), given(first), given(after))

    @strawberry.field(
        graphql_type=SearchHit | None,
        description="Where the `search` of the list that the run stands in has found it; null where"
        " that list was not searched. Reads the payloads: select it for a page, not for thousands.",
    )
    @staticmethod
    def search_hit(run: ThisRun) -> Question:
        return hit_of(run)

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        return isinstance(obj, Row) and obj.entity is RUN


@object_type(
    "A page of runs. Each part is worked out only when it is selected.", name="RunConnection"
)
class RunConnection(Connection[Run]):
    """Backed by `db.questions.Page`."""

    stats: _RunStats = strawberry.field(
        description="All runs of the list, not only this page's, summed up; null if that fails."
    )
