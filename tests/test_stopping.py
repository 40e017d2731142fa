"""A server that is told to stop: what it said is kept is kept, who waits is answered or refused."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from threading import Event
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.servers import Server, serving
from tests.test_kill import Acknowledged, told_by

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SUBSCRIPTION = "subscription { runChanges { run { name } } }"
BOUND = 2
TERMINATED = 128 + 15


def send(server: Server, seed: int, answers: Iterator[int], kept: Acknowledged) -> list[int]:
    """Send traces until the port is closed; return other statuses than that they are kept."""
    others: list[int] = []
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for path, sent, told in told_by(seed, answers):
            try:
                response = client.post(path, **sent)
            except httpx.TransportError:
                break
            if response.status_code == 202:
                kept.add(told)
            else:
                others.append(response.status_code)
    return others


def ask(server: Server) -> list[str]:
    """Ask until the port is closed; return what was answered but data."""
    body = {"query": "{ runs(first: 50) { nodes { name inputs } } }"}
    others: list[str] = []
    with httpx.Client(base_url=server.url, timeout=30) as client:
        while True:
            try:
                found = client.post("/graphql", json=body)
            except httpx.TransportError:
                return others
            if found.status_code != 200 or "errors" in found.json():
                others.append(found.text)


def watch(server: Server, begun: Event) -> tuple[int, int]:
    """Watch over a WebSocket until it is closed; return how many events came, and the code."""
    url = f"{server.url.replace('http', 'ws')}/graphql"
    events = 0
    with connect(url, subprotocols=["graphql-transport-ws"], compression=None) as websocket:  # type: ignore[list-item]
        websocket.send('{"type": "connection_init"}')
        payload = {"query": SUBSCRIPTION}
        websocket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        try:
            for message in websocket:
                events += json.loads(message)["type"] == "next"
                if events:
                    begun.set()
        except ConnectionClosed:
            pass
        assert websocket.close_code is not None
        return events, websocket.close_code


def stream(server: Server, begun: Event) -> str:
    """Watch by a stream of events until it ends; return all of it."""
    told = ""
    with (
        httpx.Client(base_url=server.url, timeout=30) as client,
        client.stream(
            "POST",
            "/graphql",
            json={"query": SUBSCRIPTION},
            headers={"accept": "text/event-stream"},
        ) as answer,
    ):
        for text in answer.iter_text():
            told += text
            if "event: next" in told:
                begun.set()
    return told


def stall(server: Server) -> bytes:
    """Send half of a body and wait for an answer."""
    split = urlsplit(server.url)
    with socket.create_connection((split.hostname, split.port), timeout=60) as connection:
        head = b"POST /runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{"
        connection.sendall(head)
        answer = b""
        while part := connection.recv(4096):
            answer += part
        return answer


def test_what_was_acknowledged_is_kept_and_everybody_hears_of_the_end(tmp_path):
    path = tmp_path / "runs.db"
    kept, answers = Acknowledged(), count(1)
    settings = {"RUNGRAPH_STOP_SECONDS": str(BOUND), "RUNGRAPH_LOG_REQUESTS": "off"}
    begun = [Event(), Event()]
    with (
        ThreadPoolExecutor(12) as pool,
        serving("serve", f"sqlite:///{path}", settings=settings) as server,
    ):
        watching = pool.submit(watch, server, begun[0])
        streaming = pool.submit(stream, server, begun[1])
        sending = [pool.submit(send, server, seed, answers, kept) for seed in range(3)]
        asking = [pool.submit(ask, server) for _ in range(2)]
        stalling = pool.submit(stall, server)
        assert all(each.wait(30) for each in begun)
        kept.wait_for(200)
        server.process.terminate()
        code = server.process.wait(timeout=BOUND + 10)

        assert code == TERMINATED
        assert [each.result() for each in sending] == [[], [], []]
        assert [each.result() for each in asking] == [[], []]
        assert watching.result()[1] == 1012  # come again
        assert "event: complete" not in streaming.result()  # so that it comes again
        status, _, rest = stalling.result().partition(b"\r\n")
        assert status == b"HTTP/1.1 503 Service Unavailable"
        assert b"retry-after: 1" in rest
        assert b"the server stops" in rest

    with closing(sqlite3.connect(path)) as database:
        stored = {row[0].hex() for row in database.execute("SELECT id FROM run")}
    assert {id.replace("-", "") for id in kept.recent} <= stored
