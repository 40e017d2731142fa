"""The gate before every request: who asks, whether they may, and not too often.

Without keys only somebody on this machine may ask, and no web page in their browser: a page that
was not made here can send requests to a loopback address, by its own name (DNS rebinding) or from
its own origin. With keys nothing of that matters, for browsers send no key by themselves.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from db.errors import StoreError
from graph.auth import (
    LOCAL,
    MISSING,
    NOBODY,
    VIEWER,
    AuthError,
    Keyring,
    RefusedError,
    Right,
    Viewer,
    key_in,
)
from graph.auth_limits import Buckets
from graph.observe import seen_in

OPEN = frozenset({"/", "/healthz", "/readyz"})
OPEN_FOLDERS = ("/attachments/", "/graphql/page/")
"""What needs no key: signed addresses have their own right, and the page has nothing to hide."""

_ANY_KEY = frozenset({"/info", "/api/v1/info"})
_RIGHTS: Mapping[str, Right] = {
    "/graphql": Right.READ,
    "/metrics": Right.ADMIN,
    "/metrics/statements": Right.ADMIN,
}
_ASKS = (b"query=", b"documentId=", b"extensions=")
_READING = frozenset({"GET", "HEAD"})
_ADVICE = "make a key with `rungraph key create`"


class LimitedError(AuthError):
    """Who asks does so too often; `seconds` says when to come again."""

    status = 429
    code = "RATE_LIMITED"

    def __init__(self, key: str, rate: int, setting: str, seconds: float) -> None:
        super().__init__(f"key {key} may send {rate} requests a second ({setting})")
        self.seconds = math.ceil(seconds)


@dataclass(frozen=True, slots=True)
class Manners:
    """What the gate insists on.

    `local` says whether the server listens on this machine alone, `insecure` that it does not
    matter; `origins` are pages that may ask from elsewhere.
    """

    local: bool = True
    insecure: bool = False
    origins: Sequence[str] = ()
    queries_per_second: int = 0
    ingest_per_second: int = 0


Shape = Callable[[Scope, AuthError], tuple[bytes, bytes]]
"""Gives the body of a refusal and its media type."""


class Gate:
    """An ASGI application before another: it puts the viewer into the scope, or refuses.

    `shapes` give the refusals of paths whose clients look for another shape.
    """

    def __init__(
        self,
        app: ASGIApp,
        keyring: Keyring,
        manners: Manners,
        shapes: Mapping[str, Shape] | None = None,
    ) -> None:
        self._app = app
        self._shapes = shapes or {}
        self._keyring = keyring
        self._manners = manners
        self._queries = Buckets(manners.queries_per_second)
        self._ingest = Buckets(manners.ingest_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            if self._keyring.is_due:
                await self._keyring.refresh()
            viewer = self._viewer(scope)
        except AuthError as error:
            await self._refuse(scope, send, error)
            return
        except StoreError as error:
            if scope["path"] not in OPEN:
                await self._refuse(scope, send, _unavailable(error))
                return
            viewer = NOBODY
        scope[VIEWER] = viewer
        if viewer.key is not None:
            seen_in(scope).key = viewer.key
        await self._app(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Send, error: AuthError) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401, "reason": str(error)})
            return
        body, media_type = self._shapes.get(scope["path"], _shape)(scope, error)
        headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *_more_headers(error),
        ]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _viewer(self, scope: Scope) -> Viewer:
        sent = dict(scope["headers"])
        if not self._keyring.is_empty:
            return self._with_key(scope, sent)
        if not self._manners.insecure:
            _check_local(scope, sent, self._manners)
        if b"origin" in sent or b"sec-fetch-site" in sent:  # else it is no browser
            _check_page(scope, sent, self._manners.origins)
        return LOCAL

    def _with_key(self, scope: Scope, sent: Mapping[bytes, bytes]) -> Viewer:
        path: str = scope["path"]
        if path in OPEN or path.startswith(OPEN_FOLDERS) or scope.get("method") == "OPTIONS":
            return NOBODY
        text = key_in(_text(sent, b"x-api-key"), _text(sent, b"authorization"))
        if not text:
            if scope["type"] == "websocket" or is_page(scope):
                return NOBODY  # a socket may tell its key later; a page's queries have to
            raise AuthError(MISSING)
        viewer = self._keyring.viewer_of(text.encode())
        right = right_for(scope)
        if right is not None and not viewer.may(right):
            raise RefusedError(f"key {viewer.key} may not {_DOES[right]}: it lacks {right} scope")
        self._limit(viewer, right)
        return viewer

    def _limit(self, viewer: Viewer, right: Right | None) -> None:
        """Take a token, where requests are limited. Raises LimitedError."""
        is_ingest = right is Right.WRITE
        buckets = self._ingest if is_ingest else self._queries
        if buckets.rate and viewer.key is not None and (wait := buckets.take(viewer.key)):
            setting = "RUNGRAPH_INGEST_PER_SECOND" if is_ingest else "RUNGRAPH_QUERIES_PER_SECOND"
            raise LimitedError(viewer.key, buckets.rate, setting, wait)


_ASKING = ("/query", "/runs/stats")
"""How the paths end to which the SDK posts questions."""

_DOES: Mapping[Right, str] = {
    Right.READ: "read",
    Right.WRITE: "send runs",
    Right.ADMIN: "see how the server does",
}


def right_for(scope: Scope) -> Right | None:
    """Return what a request needs; None: any key will do."""
    path = scope["path"]
    if path in _RIGHTS:
        return _RIGHTS[path]
    if path in _ANY_KEY:
        return None
    if path.endswith(_ASKING):
        return Right.READ
    return Right.READ if scope.get("method", "GET") in _READING else Right.WRITE


def is_page(scope: Scope) -> bool:
    """Say whether a browser asks for the page, which holds nothing of the store."""
    if scope["path"] != "/graphql" or scope.get("method") not in _READING:
        return False
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accepted and not any(each in scope["query_string"] for each in _ASKS)


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Say whether a host, with or without a port, is this machine seen from itself."""
    name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    if host.count(":") > 1 and not host.startswith("["):
        name = host
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _check_local(scope: Scope, sent: Mapping[bytes, bytes], manners: Manners) -> None:
    """Refuse who is not on this machine, or was led here by another name. Raises AuthError."""
    if not manners.local:
        raise AuthError(f"no keys are made, and this server listens to others: {_ADVICE}")
    host = _text(sent, b"host")
    here = (scope.get("server") or ("",))[0]
    if host and not is_loopback(host) and host.partition(":")[0] != here:
        raise RefusedError(f"the host is {host!r}; without keys only localhost is: {_ADVICE}")


def _check_page(scope: Scope, sent: Mapping[bytes, bytes], origins: Sequence[str]) -> None:
    """Refuse what a page from elsewhere sends, but a visit. Raises RefusedError."""
    origin = _text(sent, b"origin")
    if origin and (origin in origins or "*" in origins):
        return
    if origin and origin.partition("://")[2] != _text(sent, b"host"):
        raise RefusedError(f"pages of {origin} may not ask here without a key: {_ADVICE}")
    if sent.get(b"sec-fetch-site") == b"cross-site" and not _is_visit(scope, sent):
        raise RefusedError(f"pages of other sites may not ask here without a key: {_ADVICE}")


def _is_visit(scope: Scope, sent: Mapping[bytes, bytes]) -> bool:
    """Say whether somebody follows a link to the page."""
    return (scope["path"] == "/" or is_page(scope)) and (
        sent.get(b"sec-fetch-mode") == b"navigate" and sent.get(b"sec-fetch-dest") == b"document"
    )


def _text(sent: Mapping[bytes, bytes], name: bytes) -> str:
    return sent.get(name, b"").decode("latin-1")


def _unavailable(error: StoreError) -> AuthError:
    problem = AuthError(f"keys can not be checked now: {error}")
    problem.status, problem.code = 503, "UNAVAILABLE"
    return problem


def _shape(scope: Scope, error: AuthError) -> tuple[bytes, bytes]:
    """Return a refusal in the shape that GraphQL clients, or the SDK, look for, and its type."""
    message = str(error)
    told = {"code": error.code, "message": message}
    if scope["path"] == "/graphql":
        content = {"errors": [{"message": message, "extensions": {"code": error.code}}]}
    else:
        content = {"error": told, "detail": message}
    return orjson.dumps(content), b"application/json"


def _more_headers(error: AuthError) -> list[tuple[bytes, bytes]]:
    match error.status:
        case 401:
            return [(b"www-authenticate", b'Bearer realm="rungraph"')]
        case 429 | 503:
            return [(b"retry-after", b"%d" % getattr(error, "seconds", 1))]
        case _:
            return []
