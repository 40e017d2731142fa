"""The routes that bring runs: alone, in a batch, or as multipart with feedback and files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from db.errors import BusyError, ForbiddenError
from db.store import Store
from db.within import OpenStore
from graph.auth import viewer_in
from graph.ingest import bodies, envelopes
from graph.ingest.answers import ingested
from graph.ingest.batches import Sorted, sort
from graph.ingest.bodies import IngestLimits
from graph.ingest.envelopes import Envelope
from graph.ingest.multipart import boundary_of
from graph.ingest.streaming import Body
from graph.ingest.wire import id_of
from graph.observe import seen_in

INLINE_BYTES = 64 * 1024
"""Plain bodies up to this are read on the event loop; others would hold it up for too long."""

SMALL_BYTES = 1024 * 1024
"""Multipart bodies up to this are taken apart whole, which is faster."""

BATCH_MESSAGE = "Runs batch ingested"
THREADS = 2


@dataclass(frozen=True, slots=True)
class RunRoutes:
    """Endpoints that store runs and answer once they are on disk."""

    store: Store
    limits: IngestLimits
    clock: Callable[[], datetime]
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))

    async def multipart(self, request: Request) -> Response:
        """POST /runs/multipart."""
        boundary = boundary_of(request.headers.get("content-type", ""))
        if self.store.objects is not None and not _is_small(request):
            return await self._stream(request, Body(boundary, self.limits, self.store.objects))
        open_body = partial(envelopes.multipart, boundary=boundary)
        return await self._ingest(request, open_body, BATCH_MESSAGE)

    async def batch(self, request: Request) -> Response:
        """POST /runs/batch."""
        return await self._ingest(request, envelopes.batch, BATCH_MESSAGE)

    async def post(self, request: Request) -> Response:
        """POST /runs and POST /runs/{id}."""
        return await self._one(request, "Run created", post=True)

    async def patch(self, request: Request) -> Response:
        """PATCH /runs/{id}."""
        return await self._one(request, "Run updated", post=False)

    def _store(self, request: Request) -> OpenStore:
        return viewer_in(request.scope).store(self.store)

    async def _one(self, request: Request, message: str, *, post: bool) -> Response:
        kind = "post" if post else "patch"
        id_text = request.path_params.get("id")
        id = id_of(kind, id_text) if id_text else None
        label = f"{kind}.{id}" if id else kind
        open_body = partial(envelopes.one, label=label, id=id, post=post)
        return await self._ingest(request, open_body, message)

    async def _ingest(
        self, request: Request, open_body: Callable[[bytes], Envelope], message: str
    ) -> Response:
        sent = await bodies.read(request, self.limits)
        encoding = request.headers.get("content-encoding", "")
        now = self.clock()

        def prepared() -> Sorted:
            body = bodies.decoded(sent, encoding, self.limits)
            return sort(open_body(body), len(body), now)

        if encoding or len(sent) > INLINE_BYTES:
            found = await to_thread.run_sync(prepared, limiter=self.threads)
        else:
            found = prepared()
        return await self._keep(request, found, len(sent), message)

    async def _stream(self, request: Request, body: Body) -> Response:
        """Take in a large multipart body; what is written of it and not kept is deleted."""
        envelope = await body.read(request)
        try:
            now = self.clock()
            found = await to_thread.run_sync(
                partial(sort, envelope, body.size, now), limiter=self.threads
            )
            named = {file.object for file in found.batch.attachments}
            answer = await self._keep(request, found, body.received, BATCH_MESSAGE)
        except (BusyError, ForbiddenError):  # after any other error they may be named
            await body.give_up()
            raise
        await body.give_up(but=named)
        return answer

    async def _keep(self, request: Request, found: Sorted, size: int, message: str) -> Response:
        seen = seen_in(request.scope)
        seen.runs, seen.bytes = found.size, size
        if not found.size:
            return ingested(message, 0, found.refused)
        outcome = await self._store(request).ingest(found.batch)
        kept = found.size - len(outcome.refused)
        return ingested(message, kept, (*found.refused, *outcome.refused))


def _is_small(request: Request) -> bool:
    """Say whether a body is best read whole."""
    declared = request.headers.get("content-length", "")
    return declared.isdecimal() and int(declared) <= SMALL_BYTES
