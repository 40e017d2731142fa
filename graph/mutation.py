"""Where changing begins: the same fold as the wire's, so idempotent, and in any order.

A mutation answers once what it did is on disk, and with what is stored then: its fields are read
in a snapshot of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import strawberry

from db import deletion, filters, project_admin
from db.arrivals import Batch, RunArrival
from db.errors import ConflictError, ForbiddenError, InvalidError, StoreError
from db.feedback import delete_feedback
from db.questions import FEEDBACKS, PROJECTS, RUNS, Link, Rows, Then
from db.rows import Row
from db.store import utc_now
from graph.context import Info
from graph.types import arriving
from graph.types.changes import (
    CreateFeedbackInput,
    CreateProjectInput,
    CreateRunsInput,
    CreateRunsPayload,
    DeleteInput,
    DeletePayload,
    FeedbackPayload,
    Input,
    ProjectPayload,
    RunRefusal,
    UpdateFeedbackInput,
    UpdateProjectInput,
    UpdateRunInput,
    UpdateRunPayload,
)
from graph.types.declare import object_type
from graph.types.scalars import parse_id

MOST_RUNS = 1000
MOST_DELETED = 1000

_REFUSALS: Mapping[str, type[StoreError]] = {"CONFLICT": ConflictError, "FORBIDDEN": ForbiddenError}
"""By code of a refusal; InvalidError for the others."""


@object_type("Where changing begins. Mutations of one request are done in their order.")
class Mutation:
    """The root of every mutation."""

    @strawberry.field(
        description=(
            "Store runs, as the SDK would send them: any order, any number of times; a bad run is"
            " refused by its place, the others are kept. Null when none could be."
        )
    )
    @staticmethod
    async def create_runs(info: Info, input: Input[CreateRunsInput]) -> CreateRunsPayload | None:
        _at_most("runs", input.runs, MOST_RUNS)
        arrivals: list[RunArrival] = []
        places: dict[UUID, int] = {}
        refused: list[RunRefusal] = []
        for index, given in enumerate(input.runs):
            try:
                arrival = arriving.run_arrival(given)
            except InvalidError as error:
                refused.append(_refusal(index, given.id, "INVALID", str(error)))
                continue
            arrivals.append(arrival)
            places.setdefault(arrival.id, index)
        outcome = await info.context.store.ingest(Batch(runs=arrivals, size=_size(arrivals)))
        refused += [
            _refusal(places[each.id], str(each.id), each.code, each.message)
            for each in outcome.refused
            if each.id is not None
        ]
        await info.context.renew()
        refused.sort(key=lambda each: each.index)
        return CreateRunsPayload(runs=_runs_in_order(list(places)), refused=refused)

    @strawberry.field(
        description="Say more of a run: the SDK's patch. It may come before the run, and waits."
    )
    @staticmethod
    async def update_run(info: Info, input: Input[UpdateRunInput]) -> UpdateRunPayload | None:
        patch = arriving.run_patch(input)
        await _ingest(info, Batch(runs=[patch], size=_size([patch])))
        return UpdateRunPayload(run=_one(RUNS, patch.id))

    @strawberry.field(description="Judge a run, a trace or a project.")
    @staticmethod
    async def create_feedback(
        info: Info, input: Input[CreateFeedbackInput]
    ) -> FeedbackPayload | None:
        arrival = arriving.feedback_arrival(input, utc_now())
        await _ingest(info, Batch(feedback=[arrival], size=_size([arrival])))
        return FeedbackPayload(feedback=_one(FEEDBACKS, arrival.id))

    @strawberry.field(description="Change a judgement. The change may come before it, and waits.")
    @staticmethod
    async def update_feedback(
        info: Info, input: Input[UpdateFeedbackInput]
    ) -> FeedbackPayload | None:
        patch = arriving.feedback_patch(input)
        await _ingest(info, Batch(feedback_patches=[patch], size=_size([patch])))
        return FeedbackPayload(feedback=_one(FEEDBACKS, patch.id))

    @strawberry.field(description="Delete judgements; those that are not there are no error.")
    @staticmethod
    async def delete_feedback(info: Info, input: Input[DeleteInput]) -> DeletePayload | None:
        ids = _ids(input)
        there = set(await info.context.store.write(delete_feedback, ids))
        await info.context.renew()
        return _deleted(id for id in ids if id in there)

    @strawberry.field(
        description="Delete traces whole, by their ids, and all that is known of their runs; those"
        " that are not there are no error."
    )
    @staticmethod
    async def delete_traces(info: Info, input: Input[DeleteInput]) -> DeletePayload | None:
        gone = await deletion.delete_traces(info.context.store, _ids(input))
        await info.context.renew()
        return _deleted(gone)

    @strawberry.field(
        description="Make a project. Making the same one again is no error; another one of its name"
        " is."
    )
    @staticmethod
    async def create_project(info: Info, input: Input[CreateProjectInput]) -> ProjectPayload | None:
        told = arriving.project_fields(input, None)
        made = await info.context.store.write(project_admin.make, told, utc_now())
        await info.context.renew()
        return ProjectPayload(project=_one(PROJECTS, made.id))

    @strawberry.field(description="Change a project.")
    @staticmethod
    async def update_project(info: Info, input: Input[UpdateProjectInput]) -> ProjectPayload | None:
        id = parse_id("id", input.id)
        await info.context.store.write(
            project_admin.amend, id, lambda found: arriving.project_fields(input, found.extra)
        )
        await info.context.renew()
        return ProjectPayload(project=_one(PROJECTS, id))

    @strawberry.field(
        description="Delete projects, with every trace that has runs in them; those that are not"
        " there are no error."
    )
    @staticmethod
    async def delete_project(info: Info, input: Input[DeleteInput]) -> DeletePayload | None:
        gone = await deletion.delete_projects(info.context.store, _ids(input))
        await info.context.renew()
        return _deleted(gone)


async def _ingest(info: Info, batch: Batch) -> None:
    """Store what one mutation brings. Raises a StoreError where it is refused."""
    outcome = await info.context.store.ingest(batch)
    for refusal in outcome.refused:
        raise _REFUSALS.get(refusal.code, InvalidError)(refusal.message)
    await info.context.renew()


def _size(arrivals: Sequence[Any]) -> int:
    """Return about how many bytes arrivals take up in the writing lane: those of their texts."""
    return sum(
        len(value)
        for arrival in arrivals
        for part in fields(arrival)
        if isinstance(value := getattr(arrival, part.name), str)
    )


def _one(link: Link, id: UUID) -> Any:
    """Ask for what was stored, once it is selected."""
    return Rows(link, where=filters.ids_are([id]), one=True)


def _runs_in_order(ids: Sequence[UUID]) -> Any:
    """Ask for runs that were stored, as they were sent."""

    def in_order(found: list[Row]) -> list[Row]:
        by_id = {UUID(run.id): run for run in found}
        return [by_id[id] for id in ids if id in by_id]

    return Then(Rows(RUNS, where=filters.ids_are(ids)), in_order)


def _refusal(index: int, id: str, code: str, message: str) -> RunRefusal:
    return RunRefusal(index=index, id=strawberry.ID(id), code=code, message=message)


def _ids(input: DeleteInput) -> list[UUID]:
    _at_most("ids", input.ids, MOST_DELETED)
    return list(dict.fromkeys(parse_id("ids", id) for id in input.ids))


def _deleted(ids: Iterable[UUID]) -> DeletePayload:
    return DeletePayload(deleted_ids=[strawberry.ID(str(id)) for id in ids])


def _at_most(name: str, given: Sequence[Any], most: int) -> None:
    if len(given) > most:
        msg = f"{name} has {len(given)} items; at most {most}"
        raise InvalidError(msg)
