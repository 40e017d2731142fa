"""A small answer is one write; a stream's head, a large body and an answer to HEAD are not held."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.graph.wire import Wire, connected

SMALL, LARGE = b"x" * 16_384, b"x" * 16_385


def answered(request: bytes, *messages: dict[str, Any], fails: bool = False) -> Wire:
    """Have a connection receive a request, and an app answer it; return what went out."""
    wire = Wire()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        if b"expect" in request:
            await receive()
        for message in messages:
            await send(message)
        if fails:
            raise RuntimeError

    async def scenario() -> None:
        connection, state = connected(app, wire)
        connection.data_received(request)
        await asyncio.gather(*list(state.tasks))

    asyncio.run(scenario())
    return wire


def asked(method: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} / HTTP/1.1", "host: x", *headers, "", ""]).encode()


def start(length: int | None, status: int = 200) -> dict[str, Any]:
    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(text: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


def test_a_small_answer_is_one_write():
    wire = answered(asked("POST"), start(len(SMALL)), body(SMALL))

    (whole,) = wire.parts
    head, _, rest = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert rest == SMALL


def test_a_large_body_is_not_copied():
    wire = answered(asked("POST"), start(len(LARGE)), body(LARGE))

    assert len(wire.parts) == 2
    assert wire.parts[0].endswith(b"\r\n\r\n")
    assert wire.parts[1] == LARGE


def test_what_comes_in_parts_comes_whole():
    wire = answered(
        asked("POST"), start(3), body(b"a", more=True), body(b"b", more=True), body(b"c")
    )

    assert len(wire.parts) == 3
    assert wire.written.endswith(b"\r\n\r\nabc")


def test_who_reads_a_stream_hears_at_once_that_it_has_begun():
    wire = answered(asked("POST"), start(None))

    (head,) = wire.parts
    assert b"chunked" in head


@pytest.mark.parametrize(
    ("method", "messages"),
    [
        ("HEAD", [start(10), body(b"")]),
        ("HEAD", [start(None), body(b"")]),
        ("GET", [start(0), body(b"")]),
        ("GET", [start(None, 204), body(b"")]),
        ("GET", [start(None, 304), body(b"")]),
    ],
)
def test_an_answer_without_a_body_leaves(method: str, messages: Sequence[dict[str, Any]]):
    wire = answered(asked(method), *messages)

    (head,) = wire.parts
    assert head.startswith(b"HTTP/1.1 ")
    assert head.endswith(b"\r\n\r\n")


def test_who_waits_to_be_told_to_go_on_is_told_so_first():
    request = asked("POST", "expect: 100-continue", "content-length: 1")
    wire = answered(request + b"x", start(1), body(b"a"))

    assert wire.parts[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.parts[1].endswith(b"\r\n\r\na")


def test_a_head_leaves_before_its_connection_is_closed():
    wire = answered(asked("POST"), start(1), fails=True)

    (head,) = wire.parts
    assert head.startswith(b"HTTP/1.1 200 ")
    assert wire.closed


def test_the_last_answer_of_a_connection_leaves_before_it_is_closed():
    wire = answered(asked("GET", "connection: close"), start(1), body(b"a"))

    (whole,) = wire.parts
    assert whole.endswith(b"\r\n\r\na")
    assert wire.closed
