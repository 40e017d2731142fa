"""Looks at every request from outside: counts it, and has it logged."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.observe import SEEN, Seen
from graph.observe_log import RequestLog
from graph.observe_metrics import Metrics

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is asked all the time, and not worth a line."""

_ABORTED = 499
"""The client went before there was an answer."""


class Observer:
    """An ASGI application before all others."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: RequestLog | None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, and see how it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = scope[SEEN] = Seen()
        status = _ABORTED
        begun = perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            seconds, path = perf_counter() - begun, scope["path"]
            self._metrics.count(_operation(path, seen), status, seconds, seen)
            if self._log is not None and path not in _QUIET:
                self._log.tell(scope["method"], path, status, seconds, seen)


def _operation(path: str, seen: Seen) -> str:
    """Return what a request is counted as: its operation, or what sort of path it came to."""
    if path == "/graphql":
        return seen.operation or "anonymous"
    return "ingest" if seen.bytes else "elsewhere"
