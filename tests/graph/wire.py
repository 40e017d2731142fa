"""A connection to uvicorn's protocol of ours, without a network."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from graph.headers import Requests


class Wire(asyncio.Transport):
    """What a connection writes to; `parts` are the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []
        self.closed = False

    @property
    def written(self) -> bytes:
        """All that was written."""
        return b"".join(self.parts)

    def write(self, data: Any) -> None:
        assert not self.closed
        self.parts.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def connected(app: Any, wire: Wire) -> tuple[Requests, ServerState]:
    """Have a connection to an app opened over a wire."""
    config = uvicorn.Config(app, http=Requests, log_config=None)
    config.load()
    state = ServerState()
    connection = Requests(config, state, {})
    connection.connection_made(wire)
    return connection, state
