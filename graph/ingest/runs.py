"""The routes that bring runs: alone, in a batch, or as multipart with feedback and files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from db.store import Store
from db.within import OpenStore
from graph.auth import viewer_in
from graph.ingest import bodies, envelopes
from graph.ingest.answers import ingested
from graph.ingest.batches import Sorted, sort
from graph.ingest.bodies import IngestLimits
from graph.ingest.envelopes import Envelope
from graph.ingest.multipart import boundary_of
from graph.ingest.wire import id_of
from graph.observe import seen_in

INLINE_BYTES = 64 * 1024
"""Plain bodies up to this are read on the event loop; others would hold it up for too long."""

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
        open_body = partial(envelopes.multipart, boundary=boundary)
        return await self._ingest(request, open_body, "Runs batch ingested")

    async def batch(self, request: Request) -> Response:
        """POST /runs/batch."""
        return await self._ingest(request, envelopes.batch, "Runs batch ingested")

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
        seen = seen_in(request.scope)
        seen.runs, seen.bytes = found.size, len(sent)
        if not found.size:
            return ingested(message, 0, found.refused)
        outcome = await self._store(request).ingest(found.batch)
        kept = found.size - len(outcome.refused)
        return ingested(message, kept, (*found.refused, *outcome.refused))
