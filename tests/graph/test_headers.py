"""Connections whose headers do not come are closed; those that are served are left alone."""

import asyncio
import time
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from graph.headers import Requests, close_slow

WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """What a connection writes to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def connected(sent: list[bytes], later: float) -> Wire:
    """Have a connection receive some bytes; return what it did after so many seconds."""
    wire = Wire()

    over = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await over.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def scenario() -> None:
        config = uvicorn.Config(app, http=Requests, log_config=None)
        config.load()
        state = ServerState()
        connection = Requests(config, state, {})
        connection.connection_made(wire)
        for each in sent:
            connection.data_received(each)
        if connection.since is not None:
            connection.since -= later
        close_slow(state.connections, 10)
        over.set()
        await asyncio.gather(*list(state.tasks))

    asyncio.run(scenario())
    return wire


@pytest.mark.parametrize("sent", [[], [b"GET / HT"], [b"GET / HTTP/1.1\r\nhost: x\r\n", b"a: "]])
def test_who_does_not_end_their_headers_is_shown_the_door(sent: list[bytes]):
    wire = connected(sent, 11)

    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 408 ") == bool(sent)


@pytest.mark.parametrize("sent", [[], [b"GET / HT"]])
def test_there_is_time_for_headers(sent: list[bytes]):
    assert not connected(sent, 9).closed


@pytest.mark.parametrize("sent", [[WHOLE], [WHOLE + b"GET /"]])
def test_who_is_served_is_not_cut_off(sent: list[bytes]):
    assert not connected(sent, time.monotonic()).closed
