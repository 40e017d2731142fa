"""Connections: those whose headers do not come, for which uvicorn would wait for ever, are closed.

Each connection notes when it began to wait, which costs a request two looks at the clock's number;
the server looks at all of them once a second.
"""

import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from graph.together import Together

_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Requests(HttpToolsProtocol):
    """A connection; `since` is when it began to wait for headers, None while it does not."""

    since: float | None = None
    begun = False

    def connection_made(self, transport: Any) -> None:
        """Wait for the first headers."""
        self.since = time.monotonic()
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        """Wait for the rest of headers that have begun."""
        self.begun = True
        self.since = time.monotonic()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Wait no more."""
        self.since = None
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Begin with a request; an answer to HEAD has nothing that its head could go with."""
        if cycle.scope["method"] != "HEAD":
            cycle.transport = Together(cycle.transport)
        super()._start_asgi_task(cycle, app)

    def too_slow(self) -> None:
        """Close the connection, unless an answer is on its way; say why if somebody asks."""
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            return
        self.since = None
        if self.begun:
            self.transport.write(_LATE)
        self.transport.close()


def close_slow(connections: Iterable[object], seconds: float) -> None:
    """Close the connections that have waited for headers for so long."""
    latest = time.monotonic() - seconds
    for each in list(connections):
        if isinstance(each, Requests) and each.since is not None and each.since < latest:
            each.too_slow()
