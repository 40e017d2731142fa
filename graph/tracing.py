"""Traces of what this server does, for OpenTelemetry: an extra, and nothing of it while it is off.

A request is a span, under the `traceparent` it was sent with; below it are its operation, its
statements, and the flush that wrote what it brought. Nothing else is: no chore, and no request that
an exporter of ours has sent (`OWN`), or each export would make spans to export. They hold names and
numbers, neither values nor keys.
"""

import asyncio
import logging
import socket
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.errors import InvalidError
from graph.context import Context
from graph.http import Endpoint
from graph.http.answering import Answering
from graph.observe import Seen, seen_in
from graph.watching import Operations

OWN = "rungraph-own-traces"
"""The header of exports of a Rungraph; a server that gets it makes no spans of that."""

SETTING = "RUNGRAPH_OTEL_ENDPOINT"
SECONDS = 5.0
"""How long an export may take, and the last ones together."""

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_FAILED = 500
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Makes spans, and sends them on from a thread of its own; it watches the store."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource({"service.name": "rungraph"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._exporter = exporter
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("rungraph")

    @classmethod
    def to(cls, endpoint: str, here: str) -> "Tracing":
        """Send spans to an endpoint. Raises InvalidError if that is this server itself, `here`."""
        if is_here(endpoint, here):
            raise InvalidError(
                f"{SETTING} is {endpoint}, which is this server: its traces would be traced; name"
                " another"
            )
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # not of every new try
        session = requests.Session()
        session.headers[OWN] = "1"
        return cls(OTLPSpanExporter(endpoint, timeout=SECONDS, session=session))

    @property
    def middleware(self) -> Sequence[Middleware]:
        """What goes before all other middleware."""
        return (Middleware(TracedRequests, self),)

    async def aclose(self) -> None:
        """Send what waits, for at most `SECONDS`; the rest is lost."""
        closing = asyncio.create_task(asyncio.to_thread(self._provider.shutdown))
        done, _ = await asyncio.wait([closing], timeout=SECONDS)
        if not done:
            await asyncio.to_thread(self._exporter.shutdown)
        await closing

    @contextmanager
    def span(self, name: str, kind: SpanKind = SpanKind.INTERNAL, **more: Any) -> Generator[Span]:
        """Open a span; an error ends it by its kind alone, for its text may hold anything."""
        with self._tracer.start_as_current_span(
            name, kind=kind, record_exception=False, set_status_on_exception=False, **more
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    def statement(self, dialect: str, sql: str) -> AbstractContextManager[Any]:
        """Open the span of a statement; none where nothing is traced."""
        if not get_current_span().is_recording():
            return nullcontext()
        verb = sql.split(None, 1)[0].upper()
        told = {
            "db.system.name": dialect,
            "db.operation.name": verb,
            "db.query.text": sql,
        }
        return self.span(verb, SpanKind.CLIENT, attributes=told)

    def sender(self) -> SpanContext | None:
        """Return the span that hands something to the writing thread."""
        span = get_current_span()
        return span.get_span_context() if span.is_recording() else None

    def flush(self, senders: Sequence[Any], size: int) -> AbstractContextManager[Any]:
        """Open the span of a flush, under the first that is traced and with links to the others."""
        traced = [each for each in senders if each is not None]
        if not traced:
            return nullcontext()
        told = {"rungraph.flush.jobs": len(senders), "rungraph.flush.bytes": size}
        above = set_span_in_context(NonRecordingSpan(traced[0]))
        links = [Link(each) for each in traced[1:]]
        return self.span("flush", context=above, links=links, attributes=told)

    def endpoint(self, *args: Any, **more: Any) -> Endpoint:
        """Return an endpoint of GraphQL whose operations are spans."""
        return _TracedEndpoint(self, *args, **more)

    def operations(self, *args: Any, **more: Any) -> Operations:
        """Return operations of sockets and streams that are spans."""
        return _TracedOperations(self, *args, **more)


class TracedRequests:
    """An ASGI application before all others: each request is a span."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {name: value for name, value in scope.get("headers", ()) if name in _HEADERS}
        is_stream = _EVENTS in headers.pop(b"accept", b"")
        if scope["type"] != "http" or scope["path"] in _QUIET or _OWN in headers or is_stream:
            await self._app(scope, receive, send)
            return
        text = {name.decode(): value.decode("latin-1") for name, value in headers.items()}
        above = _PROPAGATOR.extract(text)
        told = {"http.request.method": scope["method"], "url.path": scope["path"][:_LONGEST]}
        kind = SpanKind.SERVER
        with self._tracing.span(scope["method"], kind, context=above, attributes=told) as span:
            await self._app(scope, receive, _sending(send, span))
            _tell(span, scope, seen_in(scope))


_LONGEST = 200
_OWN = OWN.encode()
_EVENTS = b"text/event-stream"
"""What asks for a stream, which may last for days; its operation is a trace of its own."""
_HEADERS = frozenset({b"traceparent", b"tracestate", b"accept", _OWN})


def _sending(send: Send, span: Span) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            span.set_attribute("http.response.status_code", status)
            if status >= _FAILED:
                span.set_status(StatusCode.ERROR)
        await send(message)

    return sending


def _tell(span: Span, scope: Scope, seen: Seen) -> None:
    """Write down what was seen of a request."""
    route = _route(scope)
    if route is not None:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    for name, value in (
        ("graphql.operation.name", seen.operation),
        ("rungraph.key", seen.key),
        ("rungraph.runs", seen.runs or None),
        ("rungraph.bytes", seen.bytes or None),
    ):
        if value is not None:
            span.set_attribute(name, value)


def _route(scope: Scope) -> str | None:
    """Return what sort of path a request came to; None where nothing is there."""
    route: str = scope["path"]
    if route != "/graphql" and "endpoint" not in scope:
        return None
    for name, value in scope.get("path_params", {}).items():
        route = route.replace(str(value), f"{{{name}}}")
    return route


class _TracedEndpoint(Endpoint):
    """The endpoint of GraphQL, with a span for each operation."""

    def __init__(self, tracing: Tracing, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._tracing = tracing

    async def _answer(
        self,
        asked: Any,
        query: str,
        allowed: Any,
        context: Context,
        answering: Answering,
        seen: Seen,
    ) -> None:
        with self._tracing.span("operation") as span:
            await super()._answer(asked, query, allowed, context, answering, seen)
            if seen.operation:
                span.update_name(f"operation {seen.operation}")
                span.set_attribute("graphql.operation.name", seen.operation)
            span.set_attribute("rungraph.path", str(context.path))
            span.set_attribute("rungraph.errors", seen.errors)
            span.set_attribute("rungraph.statements", seen.statements)


class _TracedOperations(Operations):
    """Operations over sockets and streams, each the root of a trace or below its request."""

    def __init__(self, tracing: Tracing, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._tracing = tracing

    async def begin(
        self, query: str, variables: Any, name: str | None, *args: Any, **more: Any
    ) -> Any:
        """Return the answer to a query or a mutation, or what a subscription watches."""
        with self._tracing.span("operation") as span:
            begun = await super().begin(query, variables, name, *args, **more)
            if name:
                span.update_name(f"operation {name}")
                span.set_attribute("graphql.operation.name", name)
            return begun


def is_here(endpoint: str, here: str) -> bool:
    """Say whether a URL leads to the address that this server listens on, as far as is known."""
    there, own = urlsplit(endpoint), urlsplit(here)
    port = there.port or (443 if there.scheme == "https" else 80)
    if port != own.port or there.hostname is None:
        return False
    try:
        found = socket.getaddrinfo(there.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    addresses = {str(address[0]) for *_, address in found}
    return any(own.hostname == each or _is_local(each) for each in addresses)


def _is_local(address: str) -> bool:
    """Say whether an address is one of this machine's."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
