"""The GraphQL endpoint: one context for each request, answers written by orjson."""

import asyncio
import json
import re
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.context import Context
from graph.errors import shown
from graph.landing import Page
from graph.schema import schema
from graph.settings import Engine, Settings
from graph.writing import pieces

_JSON = b"application/json"
_ANY = frozenset({b"*/*", _JSON, b"application/json, */*", b""})
_HEADERS = [(b"content-type", _JSON), (b"cache-control", b"no-store")]
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_LEFT = "rungraph.engine"
"""Where a request says which level of compiled execution is left to be tried."""

_KNOWN = frozenset({"query", "variables", "operationName", "extensions"})


class Endpoint(GraphQL[Context, None]):
    """Serves the schema; a browser that asks for a page gets one.

    A plain POST of JSON whose query can be planned is answered here, from rows to bytes; whatever
    else comes goes to Strawberry's view, with the same body.
    """

    def __init__(self, settings: Settings, store: Store, urls: AttachmentUrls, page: Page) -> None:
        super().__init__(schema, graphql_ide=None, subscription_protocols=())
        self._settings = settings
        self._store = store
        self._urls = urls
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._settings.engine is not Engine.HTTP or not _is_plain_post(scope):
            await super().__call__(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        context = Context(self._store, self._settings, self._urls)
        try:
            data = await _planned(body, context)
            if data is not None:
                context.path = Engine.HTTP
                await self._answer(data, context, send)
                return
        finally:
            await context.close()
        await super().__call__({**scope, _LEFT: context.engine}, _again(body, receive), send)

    async def _answer(self, data: dict[str, Any], context: Context, send: Send) -> None:
        """Write an answer: in one piece, or many if it is large."""
        answer: dict[str, Any] = {"data": data}
        if self._settings.debug:
            answer["extensions"] = {"rungraph": _debug(context)}
        if not context.large:
            text = orjson.dumps(answer)
            headers = [*_HEADERS, (b"content-length", b"%d" % len(text))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": text})
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        for piece in pieces(answer):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)  # others first: a large answer is nobody's hurry
        await send({"type": "http.response.body", "body": b""})

    async def run(self, request: Request | WebSocket, *args: Any, **options: Any) -> Any:
        """Serve one request, and give its snapshot back."""
        if isinstance(request, Request) and _wants_page(request):
            return HTMLResponse(self._page.html, headers=self._page.headers)
        context = Context(self._store, self._settings, self._urls)
        context.engine = request.scope.get(_LEFT, context.engine)
        request.state.context = context
        try:
            return await super().run(request, *args, **{**options, "context": context})
        finally:
            await context.close()

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        """Return the answer, with errors as users may see them."""
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [shown(error) for error in result.errors]
        if self._settings.debug:
            answer["extensions"] = {"rungraph": _debug(request.state.context)}
        return answer  # type: ignore[return-value]

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Write the answer."""
        response = super().create_response(response_data, sub_response)
        response.headers["cache-control"] = "no-store"
        return response

    def encode_json(self, data: object) -> bytes:
        """Return JSON text."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Return the value of JSON text, which has to be an object (or a list of them)."""
        try:
            value = _value_of(data.encode() if isinstance(data, str) else data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from error
        if not isinstance(value, dict | list):
            raise json.JSONDecodeError("an object is wanted", "", 0)
        return cast("object", value)


def _value_of(text: bytes) -> Any:
    """Return the value of JSON text; whole numbers beyond 64 bits stay exact."""
    value = orjson.loads(text)
    return json.loads(text) if _LONG_NUMBER.search(text) else value


def _debug(context: Context) -> dict[str, Any]:
    """Return what a debugging answer says of itself."""
    return {"path": context.path, "statements": context.reading.statements}


def _is_plain_post(scope: Scope) -> bool:
    """Say whether a request is a POST of JSON that takes JSON."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    headers = dict(scope["headers"])
    sent = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return (
        sent == _JSON and headers.get(b"accept", b"") in _ANY and b"content-encoding" not in headers
    )


async def _body(receive: Receive) -> bytes | None:
    """Return the body; None when the client has gone."""
    message = await receive()
    parts: list[bytes] = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        message = await receive()
    return None


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives a body that was read already."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


async def _planned(body: bytes, context: Context) -> dict[str, Any] | None:
    """Return the data of a request that can be planned, else None."""
    try:
        sent = _value_of(body)
    except orjson.JSONDecodeError:
        return None
    if type(sent) is not dict:
        return None
    parts = cast("dict[str, Any]", sent)
    query, variables, name = (parts.get(key) for key in ("query", "variables", "operationName"))
    usual = (
        _KNOWN.issuperset(parts)
        and not parts.get("extensions")
        and (type(query) is str and query)
        and (variables is None or type(variables) is dict)
        and (name is None or type(name) is str)
    )
    if not usual:
        return None
    return await schema.planned(str(query), cast("dict[str, Any] | None", variables), name, context)


def _wants_page(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return (
        request.method == "GET" and "query" not in request.query_params and "text/html" in accepted
    )
