"""Looks at every request from outside: counts it, and has it logged."""

import asyncio
from collections.abc import Awaitable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.observe import SEEN, Seen, Told
from graph.observe_log import RequestLog
from graph.observe_metrics import Metrics

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is asked all the time, and not worth a line."""

_ABORTED = 499
"""The client went before there was an answer."""

_FAILED = 500

_STOPS = b'{"errors": [{"message": "the server stops; send it again", "extensions": {"code": "UNAVAILABLE"}}]}'  # noqa: E501
_STOPS_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(_STOPS)),
    (b"retry-after", b"1"),
    (b"connection", b"close"),
]


def recorder(metrics: Metrics, log: RequestLog | None) -> Told:
    """Return what counts and logs requests, and operations that come otherwise."""

    def tell(method: str, path: str, status: int, seconds: float, seen: Seen) -> None:
        if path == "/graphql":
            operation = seen.operation or "anonymous"
        else:
            operation = "ingest" if seen.bytes else "elsewhere"
        metrics.count(operation, status, seconds, seen)
        if log is not None and path not in _QUIET:
            log.tell(method, path, status, seconds, seen)

    return tell


class Observer:
    """An ASGI application before all others."""

    def __init__(self, app: ASGIApp, tell: Told) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, and see how it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = scope[SEEN] = Seen()
        status = _ABORTED
        begun = perf_counter()

        def sending(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:  # by the server, which stops and has waited long enough
            task = asyncio.current_task()
            if status != _ABORTED or task is None:
                raise
            task.uncancel()
            await sending({"type": "http.response.start", "status": 503, "headers": _STOPS_HEADERS})
            await send({"type": "http.response.body", "body": _STOPS})
        except Exception:  # the server says so, where nothing was answered yet
            status = _FAILED if status == _ABORTED else status
            raise
        finally:
            if not seen.told:
                self._tell(scope["method"], scope["path"], status, perf_counter() - begun, seen)
