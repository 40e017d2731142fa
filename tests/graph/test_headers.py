"""Connections whose headers do not come are closed; those that are served are left alone."""

import asyncio
import time
from typing import Any

import pytest

from graph.headers import close_slow
from tests.graph.wire import Wire, connected

WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def served(sent: list[bytes], later: float) -> Wire:
    """Have a connection receive some bytes; return what it did after so many seconds."""
    wire = Wire()

    over = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await over.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def scenario() -> None:
        connection, state = connected(app, wire)
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
    wire = served(sent, 11)

    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 408 ") == bool(sent)


@pytest.mark.parametrize("sent", [[], [b"GET / HT"]])
def test_there_is_time_for_headers(sent: list[bytes]):
    assert not served(sent, 9).closed


@pytest.mark.parametrize("sent", [[WHOLE], [WHOLE + b"GET /"]])
def test_who_is_served_is_not_cut_off(sent: list[bytes]):
    assert not served(sent, time.monotonic()).closed
