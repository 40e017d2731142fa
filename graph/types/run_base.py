"""The SDK's `RunBase`, attribute for attribute.

A plain field is an attribute of `db.entities.RUN` of the same name.
"""

import strawberry

from db import runs
from db.questions import Question
from db.rows import Row
from graph.types.attachment import Attachment
from graph.types.declare import interface
from graph.types.scalars import JSON, DateTime


@interface("The attributes of the SDK's RunBase, in its order.")
class RunBase:
    """langsmith.schemas.RunBase."""

    id: strawberry.ID = strawberry.field(
        description="Unique over all runs; made by the SDK, mostly a UUIDv7."
    )
    name: str = strawberry.field(description="Human-readable name.")
    start_time: DateTime = strawberry.field(description="When the run began.")
    run_type: str = strawberry.field(
        description="As sent: tool, chain, llm, retriever, embedding, prompt, parser, or any other."
    )
    end_time: DateTime | None = strawberry.field(
        description="When the run ended; null while it is unfinished."
    )
    extra: JSON | None = strawberry.field(
        description="Settings and metadata as the tracer sent them; holds `metadata` and `runtime`."
    )
    error: str | None = strawberry.field(
        description="What went wrong, mostly with a stack trace; null when nothing did."
    )
    serialized: JSON | None = strawberry.field(
        description="The serialized object that ran; sent for llm and prompt runs only."
    )
    events: list[JSON] | None = strawberry.field(
        description="What happened during the run, such as new tokens, in order."
    )
    inputs: JSON = strawberry.field(description="What went in; {} when the tracer sent none.")
    outputs: JSON | None = strawberry.field(description="What came out; null while there is none.")
    reference_example_id: strawberry.ID | None = strawberry.field(
        description="The dataset example the run was made from."
    )
    parent_run_id: strawberry.ID | None = strawberry.field(
        description="The run that started this one; null for a root."
    )
    tags: list[str] = strawberry.field(description="Labels, as sent; [] when there are none.")

    @strawberry.field(
        graphql_type=list[Attachment] | None,
        description="Files sent with the run; null when there are none.",
    )
    @staticmethod
    def attachments(run: strawberry.Parent[Row]) -> Question:
        return runs.attachments_of(run)

    metadata: JSON = strawberry.field(
        description="What stands in extra.metadata; {} when it is absent or null."
    )
    revision_id: str | None = strawberry.field(
        description="Metadata revision_id as text: a git revision as often as a UUID."
    )
    latency: float | None = strawberry.field(
        description="Seconds from start to end; null while unfinished, negative if sent so."
    )
