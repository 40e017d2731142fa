"""POST /v1/traces, as OpenTelemetry's exporters and LangSmith's SDKs spell it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from db.arrivals import AttachmentArrival, Batch, Refusal, RunArrival
from db.errors import StoreError
from db.store import Store
from graph.auth import AuthError, viewer_in
from graph.ingest import bodies
from graph.ingest.answers import FORBIDDEN, STORE_ERRORS
from graph.ingest.bodies import IngestLimits
from graph.ingest.problems import BodyProblem, ItemProblem, shown
from graph.ingest.runs import THREADS
from graph.observe import seen_in
from graph.otlp import answers, json_spans, protobuf
from graph.otlp.runs import arrivals_of
from graph.otlp.spans import Decoded

log = logging.getLogger(__name__)

PATHS = ("/v1/traces", "/otel/v1/traces", "/api/v1/otel/v1/traces")
PROJECT_HEADER = "langsmith-project"
BROKEN = "INVALID_ENCODING"
"""The code of a body that can not be decompressed; OTLP calls it undecodable."""

INLINE_BYTES = 8 * 1024
"""Plain bodies up to this, a few spans, are read on the event loop."""

DECODERS: Mapping[str, tuple[str, Callable[[bytes], Decoded]]] = {
    "application/x-protobuf": (answers.PROTOBUF, protobuf.spans_of),
    "application/protobuf": (answers.PROTOBUF, protobuf.spans_of),
    "application/json": (answers.JSON, json_spans.spans_of),
}
"""Content-Type -> in what to answer, and what reads it."""


def routes(store: Store, limits: IngestLimits) -> list[BaseRoute]:
    """Return the routes; they go before those of ingest, which answer what is not served."""
    traces = Traces(store, limits)
    return [Route(path, traces.export, methods=["POST"]) for path in PATHS]


def asked_in(content_type: str) -> str:
    """Return the media type in which to answer a request of this Content-Type."""
    told = DECODERS.get(_media_type(content_type))
    return told[0] if told else answers.JSON


@dataclass(frozen=True, slots=True)
class Read:
    """What of a request goes to the store, and what was refused before."""

    batch: Batch
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """The endpoint; it answers once the runs are on disk."""

    store: Store
    limits: IngestLimits
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))

    async def export(self, request: Request) -> Response:
        """Store the spans of a request. Nothing that is raised gets past here."""
        media_type = asked_in(request.headers.get("content-type", ""))
        try:
            return await self._stored(request, media_type)
        except BodyProblem as problem:
            problem.__traceback__ = None  # it would keep the body until garbage is collected
            status = 400 if problem.code == BROKEN else problem.status
            return answers.failed(media_type, status, problem.message)
        except StoreError as error:
            return _store_failed(media_type, error)
        except Exception as error:  # noqa: BLE001 - logged with its trace, shown by its id
            return _internal(media_type, error)

    async def _stored(self, request: Request, media_type: str) -> Response:
        spans_of = _decoder(request)
        sent = await bodies.read(request, self.limits)
        encoding = request.headers.get("content-encoding", "")
        project = _project(request)

        def prepared() -> Read:
            body = bodies.decoded(sent, encoding, self.limits)
            return read(spans_of(body), project, len(body))

        if encoding or len(sent) > INLINE_BYTES:
            found = await to_thread.run_sync(prepared, limiter=self.threads)
        else:
            found = prepared()
        seen = seen_in(request.scope)
        seen.runs, seen.bytes = len(found.batch.runs), len(sent)
        refused = found.refused
        if found.batch.runs:
            outcome = await viewer_in(request.scope).store(self.store).ingest(found.batch)
            refused = (*refused, *outcome.refused)
        if found.batch.runs and len(_forbidden(refused)) == len(found.batch.runs):
            return answers.failed(media_type, 403, refused[0].message)
        return answers.exported(media_type, refused)


def read(decoded: Decoded, project: str | None, size: int) -> Read:
    """Return the runs that spans are; `size` is the length of the body."""
    runs: list[RunArrival] = []
    files: list[AttachmentArrival] = []
    for span in decoded.spans:
        try:
            run, attached = arrivals_of(span, project)
        except ItemProblem as problem:
            decoded.refuse(problem)
            continue
        runs.append(run)
        files += attached
    if decoded.refused:
        log.warning("refused %d spans: %s", len(decoded.refused), answers.told(decoded.refused))
    return Read(Batch(runs=runs, attachments=files, size=size), tuple(decoded.refused))


def refusal(scope: Scope, error: AuthError) -> tuple[bytes, bytes]:
    """Return the body with which the gate refuses a request, and its media type."""
    sent = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    media_type = asked_in(sent.decode("latin-1"))
    return answers.status_body(media_type, error.status, str(error)), media_type.encode()


def _decoder(request: Request) -> Callable[[bytes], Decoded]:
    content_type = request.headers.get("content-type", "")
    told = DECODERS.get(_media_type(content_type))
    if told is None:
        message = f"Content-Type is {shown(content_type)}; allowed: {', '.join(DECODERS)}"
        raise BodyProblem(415, "UNSUPPORTED_TYPE", message)
    return told[1]


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _project(request: Request) -> str | None:
    """Return the project that a header names; its bytes are UTF-8 where they can be."""
    named = request.headers.get(PROJECT_HEADER, "").strip()
    try:
        return named.encode("latin-1").decode() or None
    except UnicodeDecodeError:
        return named


def _forbidden(refused: Sequence[Refusal]) -> set[UUID | None]:
    return {each.id for each in refused if each.code == FORBIDDEN}


def _store_failed(media_type: str, error: StoreError) -> Response:
    found = next((STORE_ERRORS[kind] for kind in type(error).mro() if kind in STORE_ERRORS), None)
    if found is None:
        return _internal(media_type, error)
    log.warning("%s: %s", found[1], error)
    return answers.failed(media_type, found[0], str(error))


def _internal(media_type: str, error: Exception) -> Response:
    id = str(uuid4())
    log.error("internal error %s", id, exc_info=error)
    return answers.failed(media_type, 500, f"internal error {id}")
