"""Feedback: judgements on runs, and their sums."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from db import runs
from db.entities import FEEDBACK
from db.questions import Question
from db.rows import Row
from graph.types.declare import object_type
from graph.types.node import Node
from graph.types.paging import Connection
from graph.types.scalars import JSON, BigInt, DateTime

if TYPE_CHECKING:
    from graph.types.run import Run

_Run: TypeAlias = Annotated["Run", strawberry.lazy("graph.types.run")] | None


@object_type("A judgement on a run, a trace or a project.")
class Feedback(Node):
    """Backed by rows of `db.entities.FEEDBACK`."""

    run_id: strawberry.ID | None = strawberry.field(
        description="The run it is about; null when it is about a whole project."
    )
    trace_id: strawberry.ID | None = strawberry.field(description="The trace it is about.")
    session_id: strawberry.ID | None = strawberry.field(
        description="The project it is about, where it was sent with one."
    )
    key: str = strawberry.field(description="What is judged, such as correctness.")
    score: float | None = strawberry.field(description="How much; true is 1 and false is 0.")
    value: JSON | None = strawberry.field(description="A judgement that is no number.")
    comment: str | None = strawberry.field(description="Why.")
    correction: JSON | None = strawberry.field(description="What would have been right.")
    source: JSON | None = strawberry.field(description="Who or what judged, as sent.")
    created_at: DateTime = strawberry.field(description="When it was given.")
    modified_at: DateTime = strawberry.field(description="When it was last changed.")

    @strawberry.field(
        graphql_type=_Run,
        description="The run it is about.",
    )
    @staticmethod
    def run(feedback: strawberry.Parent[Row]) -> Question:
        return runs.run_of(feedback)

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        return isinstance(obj, Row) and obj.entity is FEEDBACK


@object_type("How often a feedback value was given.")
class FeedbackValueCount:
    """Backed by `db.feedback_questions.ValueCount`."""

    value: str = strawberry.field(description="The value: a text as it is, else its JSON text.")
    n: BigInt = strawberry.field(description="How often.")


@object_type("All judgements with one key, summed up.")
class FeedbackStats:
    """Backed by `db.feedback_questions.FeedbackStats`."""

    key: str = strawberry.field(description="What was judged.")
    n: BigInt = strawberry.field(description="How many judgements there are.")
    avg: float | None = strawberry.field(description="Mean of the scores; null without any.")
    min: float | None = strawberry.field(description="Least score.")
    max: float | None = strawberry.field(description="Greatest score.")
    stdev: float | None = strawberry.field(
        description="Standard deviation of the scores, of these and no more."
    )
    values: list[FeedbackValueCount] | None = strawberry.field(
        description="The values that are no scores, each with how often it was given."
    )


@object_type(
    "A page of feedback. Each part is worked out only when it is selected.",
    name="FeedbackConnection",
)
class FeedbackConnection(Connection[Feedback]):
    """Backed by `db.questions.Page`."""
