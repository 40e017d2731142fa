"""The endpoint at /graphql: one request in, one answer out, within the limits that are set."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from db.errors import BusyError
from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.auth import Viewer, viewer_in
from graph.context import Context
from graph.documents import Documents
from graph.errors import shown
from graph.http.answering import Answering, Taken
from graph.http.cors import Cors
from graph.http.negotiation import Media, coding_of, media_of, sends_json
from graph.http.page import StaticPage
from graph.http.patrol import Ended, Patrol, Stage, Visit
from graph.http.persisted import text_of
from graph.http.reading import Asked, asked_in_address, asked_in_body, check_address, read_body
from graph.http.refusals import CLOSE, Refusal
from graph.landing import Page
from graph.limits.bounds import Limits, shown_cost
from graph.observe import Seen, seen_in
from graph.schema import schema
from graph.setting_kinds import Engine
from graph.settings import SETTINGS, Settings
from graph.unread import Unread

ALLOW = (b"allow", b"GET, HEAD, POST, OPTIONS")
_GET = (OperationType.QUERY,)
_POST = (OperationType.QUERY, OperationType.MUTATION)
_EVENTS = Media.EVENTS  # Python 3.11 looks a member up slowly
_ASKS = (b"query=", b"documentId=", b"extensions=")

STATUSES: Mapping[str, int] = {
    "METHOD_NOT_ALLOWED": 405,
    "SUBSCRIPTION_NEEDS_STREAM": 400,
}
"""Code of an error -> HTTP status, where it is the same for every form of answer."""


Stream = Callable[
    [str, Asked, Iterable[OperationType], Receive, Send, Sequence[tuple[bytes, bytes]], Viewer],
    Awaitable[None],
]
"""Answers a request with a stream of events."""


class Endpoint:
    """Serves the schema; a browser that asks for a page gets one."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        urls: AttachmentUrls,
        *,
        limits: Limits | None = None,
        documents: Documents | None = None,
        page: Page | None = None,
        stream: Stream | None = None,
        unread: Unread | None = None,
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._store = store
        self._urls = urls
        self._limits = limits or Limits.of(settings)
        self._documents = documents or Documents()
        self._unread = unread or Unread(settings.answer_queue_bytes)
        self._cors = Cors(settings.cors_origins or ())
        self._page = StaticPage(page) if page and settings.graphiql else None
        self._patrol = Patrol(settings.body_seconds, settings.request_seconds)
        named = [b"Accept"]
        named += [b"Accept-Encoding"] if settings.compression else []
        named += [b"Origin"] if self._cors.depends else []
        self._vary = b", ".join(named)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        visit = self._patrol.enter(receive)
        try:
            await self._serve(scope, headers, receive, send, visit)
        except Refusal as refusal:
            await self._refuse(refusal, scope, headers, send, visit)
        except BusyError as busy:
            refusal = Refusal(503, "BUSY", str(busy), (b"retry-after", b"1"))
            await self._refuse(refusal, scope, headers, send, visit)
        except asyncio.CancelledError:
            if visit.ended is None:
                raise
            visit.task.uncancel()
            if visit.ended is Ended.TOO_LATE and visit.stage is not Stage.SENDING:
                await self._refuse(self._too_late(visit), scope, headers, send, visit)
        finally:
            self._patrol.leave(visit)

    async def _serve(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        visit: Visit,
    ) -> None:
        method = scope["method"]
        if method == "POST":
            taken = self._taken(headers, media_of(headers.get(b"accept", b"")))
            check_address(scope, self._settings)
            _check_content(headers)
            body = await read_body(headers, receive, self._settings.max_body_bytes)
            if body is None:
                return
            asked, allowed = asked_in_body(body, self._settings), _POST
        elif method in {"GET", "HEAD"}:
            page = self._page is not None and not _asks(scope["query_string"])
            media = media_of(headers.get(b"accept", b""), page=page)
            taken = self._taken(headers, media)._replace(head=method == "HEAD")
            if self._page is not None and media is Media.HTML:
                await self._page.answer(self._answering(send, taken, visit), headers)
                return
            asked, allowed = asked_in_address(scope, self._settings), _GET
        else:
            await self._other(method, headers, send)
            return
        self._patrol.works(visit)
        query = asked.query
        if asked.id or asked.extensions or self._settings.documents_only:
            query = text_of(asked, self._documents, only=self._settings.documents_only)
        if taken.media is _EVENTS and self._stream is not None:
            self._patrol.leave(visit)
            seen_in(scope).told = True  # its operation is, when it has begun
            await self._stream(query, asked, allowed, receive, send, taken.origin, viewer_in(scope))
            return
        context = self._context(scope)
        answering = self._answering(send, taken, visit)
        await self._answer(asked, query, allowed, context, answering, seen_in(scope))

    async def _answer(
        self,
        asked: Asked,
        query: str,
        allowed: Iterable[OperationType],
        context: Context,
        answering: Answering,
        seen: Seen,
    ) -> None:
        """Execute a request and write its answer."""
        try:
            result = await schema.execute(
                query, asked.variables, context, None, asked.name, allowed
            )
            answer: dict[str, Any] = {"data": result.data}
            status = 200
            seen.operation = asked.name if result.data is not None else None
            context.tell(seen)
            seen.errors = len(result.errors or ())
            if result.errors:
                answer, status = self._with_errors(result, answering.taken.media)
            if self._settings.debug or asked.extensions:
                self._tell(answer, asked, context)
            if context.large:
                await answering.large(answer, context.large)
            else:
                text = orjson.dumps(answer)
                del result, answer  # their memory is the next request's, while this text is read
                await answering.json(text, status=status)
        finally:
            self._patrol.leave(answering.visit)
            await context.close()

    def _context(self, scope: Scope) -> Context:
        viewer = viewer_in(scope)
        store = viewer.store(self._store)
        return Context(store, self._settings, self._urls, self._limits, viewer)

    def _with_errors(self, result: ExecutionResult, media: Media) -> tuple[dict[str, Any], int]:
        """Return an answer with errors, as users may see them, and its status.

        Without data where it was not executed, which is told by the status to those who take
        application/graphql-response+json.
        """
        errors = result.errors or []
        told = shown(errors, self._settings.max_errors, self._settings.max_error_length)
        if result.data is not None or any(error.path for error in errors):
            return {"data": result.data, "errors": told}, 200
        status = STATUSES.get(told[0]["extensions"]["code"], 0)
        return {"errors": told}, status or (400 if media is Media.GRAPHQL else 200)

    def _tell(self, answer: dict[str, Any], asked: Asked, context: Context) -> None:
        """Add what a request asks to be told of itself."""
        extensions: dict[str, Any] = {}
        if self._settings.debug:
            whole = context.path is Engine.OPERATION and context.engine is Engine.HTTP
            path = Engine.HTTP if whole and "errors" not in answer else context.path
            extensions["rungraph"] = {"path": path, "statements": context.reading.statements}
        if asked.extensions.get("cost") is True and context.prepared is not None:
            extensions["cost"] = shown_cost(context.cost, self._limits)
        if extensions:
            answer["extensions"] = extensions

    async def _other(self, method: str, headers: dict[bytes, bytes], send: Send) -> None:
        """Answer OPTIONS, and a browser's question before a request; refuse other methods."""
        if method != "OPTIONS":
            message = f"{method[:20]} is not allowed; GET and POST are"
            raise Refusal(405, "METHOD_NOT_ALLOWED", message, ALLOW)
        told = [ALLOW, *self._cors.preflight(headers), (b"vary", b"Origin")]
        await send({"type": "http.response.start", "status": 204, "headers": told})
        await send({"type": "http.response.body", "body": b""})

    def _taken(self, headers: dict[bytes, bytes], media: Media | None) -> Taken:
        """Return how a client takes its answer. Raises Refusal where it can not be had so."""
        if media is None or (media is _EVENTS and self._stream is None):
            message = (
                f"Accept is {headers.get(b'accept', b'')[:200].decode('latin-1')}; allowed:"
                " application/graphql-response+json, application/json, text/event-stream"
            )
            raise Refusal(406, "NOT_ACCEPTABLE", message)
        coding = None
        if self._settings.compression and (given := headers.get(b"accept-encoding")):
            coding = coding_of(given)
        origin = self._cors.headers(headers) if b"origin" in headers else ()
        return Taken(media, coding, origin)

    def _answering(self, send: Send, taken: Taken, visit: Visit) -> Answering:
        return Answering(send, taken, self._patrol, visit, self._vary, self._unread)

    async def _refuse(
        self,
        refusal: Refusal,
        scope: Scope,
        headers: dict[bytes, bytes],
        send: Send,
        visit: Visit,
    ) -> None:
        """Answer that a request was not executed, and why."""
        media = media_of(headers.get(b"accept", b""))
        media = media if media in {Media.JSON, Media.GRAPHQL} else Media.JSON
        head = scope["method"] == "HEAD"
        taken = Taken(media or Media.JSON, None, self._cors.headers(headers), head)
        answering = self._answering(send, taken, visit)
        told = orjson.dumps({"errors": [refusal.shown]})
        await answering.json(told, status=refusal.status, more=refusal.headers)

    def _too_late(self, visit: Visit) -> Refusal:
        if visit.stage is Stage.READING:
            most = f"{self._settings.body_seconds} s (setting {SETTINGS['body_seconds'].variable})"
            return Refusal(408, "BODY_TOO_SLOW", f"the body took more than {most}", CLOSE)
        name = SETTINGS["request_seconds"].variable
        most = f"{self._settings.request_seconds} s (setting {name})"
        return Refusal(504, "TIMEOUT", f"the query took more than {most}; ask for less at once")


def _check_content(headers: dict[bytes, bytes]) -> None:
    """Refuse a body that is not JSON: those that a web page may send without asking, above all."""
    given = headers.get(b"content-type", b"")
    if not sends_json(given):
        shown_type = given[:100].decode("latin-1") or "not given"
        message = f"Content-Type is {shown_type}; allowed: application/json, in UTF-8"
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", message, CLOSE)
    coding = headers.get(b"content-encoding", b"identity")
    if coding.lower() != b"identity":
        message = f"Content-Encoding is {coding[:50].decode('latin-1')}; allowed: identity"
        raise Refusal(415, "UNSUPPORTED_ENCODING", message, CLOSE)


def _asks(query_string: bytes) -> bool:
    """Say whether an address asks a query; without one, a browser is there for the page."""
    return any(part in query_string for part in _ASKS)
