"""The one place where things are wired together: settings and a store in, an application out."""

import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from db.errors import StoreError
from db.store import Store, utc_now
from graph.attachment_urls import AttachmentUrls
from graph.attachments import serve_attachment
from graph.auth import Keyring, viewer_in
from graph.auth_gate import Gate, Manners, is_loopback
from graph.context import Context
from graph.documents import load, warm
from graph.graphiql.serving import page_of, serve_files
from graph.http import Endpoint
from graph.http.straight import Straight
from graph.ingest.bodies import IngestLimits
from graph.ingest.routes import routes as ingest_routes
from graph.langsmith.asking import Asking
from graph.langsmith.routes import routes as read_routes
from graph.limits.bounds import Limits
from graph.observe_http import Observer, recorder
from graph.observe_log import RequestLog
from graph.observe_metrics import Metrics
from graph.observe_replica import replica_counters, replica_gauges
from graph.observe_shared import Shared
from graph.otlp.routes import PATHS as OTLP_PATHS
from graph.otlp.routes import refusal as otlp_refusal
from graph.otlp.routes import routes as otlp_routes
from graph.settings import Settings
from graph.sockets import Sockets
from graph.streams import Streams
from graph.unread import Unread
from graph.upkeep import kept_up
from graph.waiting import Lag, Waiting
from graph.watching import Operations

if TYPE_CHECKING:
    from graph.tracing import Tracing  # an extra

_PROXIES, _LOCAL_PROXIES = "FORWARDED_ALLOW_IPS", "127.0.0.1,::1"
"""Whose X-Forwarded-* headers are believed, by uvicorn's variable; and by default."""

STATEMENTS = "/metrics/statements"
"""Where the statements are told that were slow."""


def create_app(
    settings: Settings,
    store: Store,
    *,
    upkeep: bool = True,
    log: RequestLog | None = None,
    tracing: "Tracing | None" = None,
    shared: Shared | None = None,
) -> Starlette:
    """Build the application around an open store, which it closes when it ends.

    `log` is told of each request, `tracing` of all that is done for it. Without `upkeep` nothing
    happens by itself meanwhile: whoever runs it does the chores.
    """
    query_limits = Limits.of(settings)
    documents = load(settings.documents)
    warm(documents, store.dialect, query_limits)
    secret = settings.signing_key or secrets.token_hex()
    urls = AttachmentUrls(secret.encode())
    limits = IngestLimits(
        max_bytes=settings.ingest_max_bytes,
        seconds=settings.body_seconds,
        file_bytes=settings.attachment_max_bytes,
    )
    unread = Unread(settings.answer_queue_bytes)
    metrics = Metrics()
    tell = recorder(metrics, log)
    keyring = Keyring(store)
    if tracing is not None:
        store.watch(tracing)
    operations = (tracing.operations if tracing else Operations)(
        settings, store, urls, query_limits, unread, tell
    )
    stream = Streams(settings, operations, keyring).serve
    endpoint = (tracing.endpoint if tracing else Endpoint)(
        settings,
        store,
        urls,
        limits=query_limits,
        documents=documents,
        page=page_of(),
        stream=stream,
        unread=unread,
    )
    waiting, lag = Waiting(store), Lag()
    metrics.gauges = {
        "queue_bytes": ("Bytes that wait to be written.", lambda: store.waiting_bytes),
        "unread_bytes": ("Bytes of large answers that wait to be read.", lambda: unread.bytes),
        "subscriptions": ("Subscriptions that are open.", lambda: operations.live.count),
        "parked": ("Changes and feedback that wait for their run.", lambda: waiting.parked),
        "search_queue": ("Runs that wait for the index of words.", lambda: waiting.queued),
        "search_lag_seconds": (
            "Seconds for which that index has been behind, in the process that keeps it.",
            lambda: lag.seconds,
        ),
        "process_id": ("The id of the process that answers: one of --workers.", os.getpid),
        **replica_gauges(store.replica),
    }
    metrics.counters = {
        "writing_seconds_total": (
            "Seconds that the writing thread spent in the database.",
            lambda: store.writing_seconds,
        ),
        **replica_counters(store.replica),
    }

    def new_context(request: Request) -> Context:
        viewer = viewer_in(request.scope)
        return Context(viewer.store(store), settings, urls, query_limits, viewer)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await store.news.open()
        parked, days = timedelta(days=settings.parked_days), settings.retention_days
        async with (
            kept_up(store, parked, days, keyring, lag) if upkeep else nullcontext(),
            shared.kept(metrics.text) if shared else nullcontext(),
        ):
            yield
        operations.live.close()
        await store.aclose()
        if tracing is not None:
            await tracing.aclose()

    async def ready(_: Request) -> Response:
        reading = store.reading(newest=True)
        try:
            await reading.rows("SELECT 1", ())
        except StoreError as error:
            return PlainTextResponse(f"not ready: {error}\n", status_code=503)
        finally:
            await reading.close()
        return PlainTextResponse("ready\n")

    async def home(_: Request) -> Response:
        return RedirectResponse("/graphql")

    async def measured(_: Request) -> Response:
        await waiting.look()
        own = metrics.text()
        return Response(shared.text(own) if shared else own, media_type="text/plain; version=0.0.4")

    async def slow_statements(_: Request) -> Response:
        told = [asdict(each) for each in store.slow]
        return JSONResponse({"process": os.getpid(), "statements": told})

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    app = _App(
        [
            *(tracing.middleware if tracing else ()),
            Middleware(Observer, tell),
            Middleware(Gate, keyring, _manners(settings), dict.fromkeys(OTLP_PATHS, otlp_refusal)),
            Middleware(Straight, paths={"/graphql": endpoint}),  # the last one, always
        ],
        lifespan=lifespan,
        middleware=[Middleware(ProxyHeadersMiddleware, os.environ.get(_PROXIES, _LOCAL_PROXIES))],
        routes=[
            Route("/graphql", endpoint),
            *([Route("/graphql/page/{name}", serve_files())] if settings.graphiql else []),
            WebSocketRoute("/graphql", Sockets(settings, operations, documents, keyring)),
            Route("/", home),
            Route("/attachments/{trace}/{run}/{name:path}", serve_attachment(store, urls)),
            Route("/healthz", alive),
            Route("/metrics", measured),
            Route(STATEMENTS, slow_statements),
            Route("/readyz", ready),
            *read_routes(store, Asking(new_context, limits, settings.request_seconds)),
            *otlp_routes(store, limits),
            *ingest_routes(store, limits, utc_now),
        ],
    )
    app.state.live = operations.live
    return app


class _App(Starlette):
    """An application with what stands before it, Starlette's own handling of errors included."""

    def __init__(self, before: Sequence[Middleware], **options: Any) -> None:
        super().__init__(**options)
        self._before = before

    def build_middleware_stack(self) -> ASGIApp:
        """Return what serves a request."""
        app = super().build_middleware_stack()
        for each in reversed(self._before):
            app = each.cls(app, *each.args, **each.kwargs)
        return app


def _manners(settings: Settings) -> Manners:
    return Manners(
        local=is_loopback(settings.host),
        insecure=settings.insecure,
        origins=settings.cors_origins or (),
        queries_per_second=settings.queries_per_second,
        ingest_per_second=settings.ingest_per_second,
    )
