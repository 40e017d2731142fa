"""What mutations take and what they answer with."""

from typing import Annotated, TypeAlias, TypeVar

import strawberry

from graph.types.declare import object_type, optional
from graph.types.feedback import Feedback
from graph.types.project import Project
from graph.types.run import Run
from graph.types.scalars import JSON, DateTime

T = TypeVar("T")

Input: TypeAlias = Annotated[T, strawberry.argument(description="What is to be done.")]


@strawberry.input(
    description=(
        "A run, told whole. Sent again it changes nothing; told again with more, it takes what is"
        " new. JSON values are kept as they are."
    )
)
class RunInput:
    """In the names of `db.arrivals.RunArrival`."""

    id: strawberry.ID = strawberry.field(description="A UUID of the sender's making.")
    name: str = strawberry.field(description="Human-readable name.")
    run_type: str = strawberry.field(description="tool, chain, llm, retriever, or any other.")
    start_time: DateTime = strawberry.field(description="When it began.")
    project_name: str | None = optional("Its project, made if missing; `default` if not given.")
    trace_id: strawberry.ID | None = optional("Its trace: the id of its root.")
    dotted_order: str | None = optional(
        "Its place in the trace; worked out from its parent, once that is there, if not given."
    )
    parent_run_id: strawberry.ID | None = optional("The run that started it; a root has none.")
    end_time: DateTime | None = optional("When it ended.")
    error: str | None = optional("What went wrong.")
    inputs: JSON | None = optional("What it was given: an object.")
    outputs: JSON | None = optional("What it gave: an object.")
    extra: JSON | None = optional("An object that holds `metadata` and `runtime`.")
    events: list[JSON] | None = optional("What happened meanwhile: objects.")
    serialized: JSON | None = optional("The serialized object that ran.")
    tags: list[str] | None = optional("Its tags.")
    reference_example_id: strawberry.ID | None = optional("The dataset example it ran on.")


@strawberry.input(
    description="More about a run; what is left out or null stays. It may come before the run."
)
class UpdateRunInput:
    """In the names of `db.arrivals.RunArrival`."""

    id: strawberry.ID = strawberry.field(description="The run's id.")
    trace_id: strawberry.ID | None = optional("The run's trace; checked where it is given.")
    name: str | None = optional("Its name from now on.")
    end_time: DateTime | None = optional("When it ended.")
    error: str | None = optional("What went wrong.")
    inputs: JSON | None = optional("What it was given: an object.")
    outputs: JSON | None = optional("What it gave: an object.")
    extra: JSON | None = optional("An object that holds `metadata` and `runtime`.")
    events: list[JSON] | None = optional("What happened meanwhile: objects.")
    tags: list[str] | None = optional("Its tags.")


@strawberry.input(
    description="Runs, in any order, as often as you like; bad ones do not harm the others."
)
class CreateRunsInput:
    """At most `graph.mutation.MOST_RUNS`."""

    runs: list[RunInput] = strawberry.field(description="The runs, at most 1000.")


@object_type("A run that was not kept.")
class RunRefusal:
    """An item that was refused, as on the wire."""

    index: int = strawberry.field(description="Its place in `runs`, from 0.")
    id: strawberry.ID | None = strawberry.field(description="Its id, where that could be read.")
    code: str = strawberry.field(description="What kind of fault: INVALID, CONFLICT and the like.")
    message: str = strawberry.field(description="What was given and what is allowed.")


@object_type("What became of the runs.")
class CreateRunsPayload:
    """Answers `createRuns`."""

    runs: list[Run] = strawberry.field(
        description="The runs that are stored now, as sent; those that wait for a parent are not."
    )
    refused: list[RunRefusal] = strawberry.field(description="The runs that were not kept.")


@object_type("What became of the change.")
class UpdateRunPayload:
    """Answers `updateRun`."""

    run: Run | None = strawberry.field(
        description="The run as it is now; null while the change waits for it to arrive."
    )


@strawberry.input(
    description="A judgement on a run, a trace or a project; give at least one of their ids."
)
class CreateFeedbackInput:
    """In the names of `db.arrivals.FeedbackArrival`."""

    id: strawberry.ID | None = optional(
        "A UUID of the sender's making: the same one again is the same judgement."
    )
    run_id: strawberry.ID | None = optional("The run it is about.")
    trace_id: strawberry.ID | None = optional("The trace it is about.")
    session_id: strawberry.ID | None = optional("The project it is about.")
    key: str = strawberry.field(description="What is judged, such as correctness.")
    score: float | None = optional("How much.")
    value: JSON | None = optional("A judgement that is no number.")
    comment: str | None = optional("Why.")
    correction: JSON | None = optional("What would have been right.")
    source: JSON | None = optional("Who or what judged.")


@strawberry.input(
    description="A change to a judgement; what is left out or null stays. It may come before it."
)
class UpdateFeedbackInput:
    """In the names of `db.arrivals.FeedbackPatch`."""

    id: strawberry.ID = strawberry.field(description="The feedback's id.")
    score: float | None = optional("How much.")
    value: JSON | None = optional("A judgement that is no number.")
    comment: str | None = optional("Why.")
    correction: JSON | None = optional("What would have been right.")


@object_type("What became of the judgement.")
class FeedbackPayload:
    """Answers `createFeedback` and `updateFeedback`."""

    feedback: Feedback | None = strawberry.field(
        description="The feedback as it is now; null while it waits for what it is about."
    )


@strawberry.input(description="What is to be deleted.")
class DeleteInput:
    """At most `graph.mutation.MOST_DELETED`."""

    ids: list[strawberry.ID] = strawberry.field(description="The ids, at most 1000.")


@object_type("What was deleted.")
class DeletePayload:
    """Answers every deletion."""

    deleted_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of those that were there, in the order given."
    )


@strawberry.input(description="A new project.")
class CreateProjectInput:
    """In the names of `db.models.Project`."""

    name: str = strawberry.field(description="Unique over all projects.")
    description: str | None = optional("What it is for.")
    metadata: JSON | None = optional("Whatever is to be noted of it: an object.")
    retention_days: int | None = optional(
        "For how many days its runs are kept, 0: for ever; as the server is set if not given."
    )


@strawberry.input(
    description="A change to a project. What is left out stays; null takes a value away."
)
class UpdateProjectInput:
    """In the names of `db.models.Project`."""

    id: strawberry.ID = strawberry.field(description="The project's id.")
    name: str | None = optional("Its name from now on; null leaves it.")
    description: str | None = optional("What it is for.")
    metadata: JSON | None = optional("Whatever is to be noted of it: an object.")
    retention_days: int | None = optional("For how many days its runs are kept; null: as set.")


@object_type("What became of the project.")
class ProjectPayload:
    """Answers `createProject` and `updateProject`."""

    project: Project | None = strawberry.field(description="The project as it is now.")
