"""Feedback on its own routes; batches of it come with the runs, as multipart parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response

from db import feedback_reads
from db.arrivals import Batch, FeedbackArrival, Outcome
from db.errors import ForbiddenError, InvalidError, NotFoundError
from db.feedback import delete_feedback
from db.models import Feedback
from db.store import Store
from db.within import OpenStore
from graph.auth import viewer_in
from graph.ingest import bodies, convert, queries, wire
from graph.ingest.answers import FORBIDDEN, ok
from graph.ingest.bodies import IngestLimits


@dataclass(frozen=True, slots=True)
class FeedbackRoutes:
    """Endpoints under /feedback."""

    store: Store
    limits: IngestLimits
    clock: Callable[[], datetime]

    async def create(self, request: Request) -> Response:
        """POST /feedback."""
        body = await bodies.read_plain(request, self.limits)
        told = wire.feedback(wire.Item("the feedback", body, default_id=uuid4()))
        arrival = convert.feedback_arrival(told, self.clock())
        _check(await self._store(request).ingest(Batch(feedback=[arrival], size=len(body))))
        return ok(_answer(arrival))

    async def list(self, request: Request) -> Response:
        """GET /feedback."""
        limit, offset = queries.page(request)
        found = await self._store(request).read_with(
            feedback_reads.listed,
            run_ids=queries.ids(request, "run"),
            session_ids=queries.ids(request, "session"),
            keys=request.query_params.getlist("key"),
            sources=request.query_params.getlist("source"),
            limit=limit,
            offset=offset,
        )
        return ok([_answer(each) for each in found])

    async def read(self, request: Request) -> Response:
        """GET /feedback/{id}."""
        return ok(_answer(await self._find(request)))

    async def update(self, request: Request) -> Response:
        """PATCH /feedback/{id}; what is null stays. A change of unknown feedback waits for it."""
        id = queries.path_id(request)
        body = await bodies.read_plain(request, self.limits)
        told = wire.feedback(wire.Item("the feedback", body, id, post=False))
        patch = convert.feedback_patch(told)
        _check(await self._store(request).ingest(Batch(feedback_patches=[patch], size=len(body))))
        found = await self._store(request).read_with(feedback_reads.find, id)
        return (
            ok({"message": f"feedback {id} is awaited"}, 202)
            if found is None
            else ok(_answer(found))
        )

    async def delete(self, request: Request) -> Response:
        """DELETE /feedback/{id}; answers what it was."""
        found = await self._find(request)
        await self._store(request).write(delete_feedback, [found.id])
        return ok(_answer(found))

    def _store(self, request: Request) -> OpenStore:
        return viewer_in(request.scope).store(self.store)

    async def _find(self, request: Request) -> Feedback:
        id = queries.path_id(request)
        found = await self._store(request).read_with(feedback_reads.find, id)
        if found is None:
            raise NotFoundError(f"there is no feedback {id}")
        return found


def _check(outcome: Outcome) -> None:
    for refusal in outcome.refused:
        raise (ForbiddenError if refusal.code == FORBIDDEN else InvalidError)(refusal.message)


def _answer(feedback: Feedback | FeedbackArrival) -> Mapping[str, Any]:
    """Return feedback as the SDK's Feedback; keys of its own that were sent stand beside."""
    return {
        **_members(feedback.extra),
        "id": feedback.id,
        "created_at": feedback.created_at,
        "modified_at": feedback.modified_at,
        "run_id": feedback.run_id,
        "trace_id": feedback.trace_id,
        "key": feedback.key,
        "score": feedback.score,
        "value": _json(feedback.value),
        "comment": feedback.comment,
        "correction": _json(feedback.correction),
        "feedback_source": _json(feedback.source),
        "session_id": feedback.session_id,
    }


def _members(text: str | None) -> dict[str, Any]:
    return {} if text is None else orjson.loads(text)


def _json(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
