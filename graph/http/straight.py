"""A short cut past the routes, which are tried one by one and cost as much as a small answer."""

from collections.abc import Awaitable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Straight:
    """Middleware that gives requests for some paths straight to who serves them.

    It has to be the last one, so that these requests pass by all others first.
    """

    def __init__(self, app: ASGIApp, paths: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._paths = paths

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        serve = self._paths.get(scope["path"]) if scope["type"] == "http" else None
        return (serve or self._app)(scope, receive, send)
