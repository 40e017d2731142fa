"""Sockets and streams with keys: who may watch, for how long, and within which projects."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from db import keys
from graph.app import create_app

ASKED = "subscription { runChanges { run { name } } }"
RUN = {"run_type": "chain", "start_time": "2026-01-01T00:00:00Z"}


def test_a_limited_key_watches_its_projects_only(store, settings):
    def make(*rights: str, projects: tuple[str, ...] = ()) -> str:
        with store._engine.begin() as connection:
            now = datetime.now(UTC)
            return keys.create(connection, now, rights=rights, named=projects)[1]

    limited, admin = make("read", projects=("own",)), make("admin")
    with TestClient(create_app(settings, store, upkeep=False)) as client:
        with client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
            socket.send_json({"type": "connection_init"})
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
            assert closed.value.code == 4403
        with client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
            socket.send_json({"type": "connection_init", "payload": {"x-api-key": limited}})
            assert socket.receive_json()["type"] == "connection_ack"
            socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": ASKED}})
            socket.send_json({"type": "ping"})
            assert socket.receive_json()["type"] == "pong"
            seen = None
            for at in range(200):
                for name in ("foreign", "own"):
                    run = {**RUN, "id": f"00000000-0000-4000-8000-{at:06}{ord(name[0]):06}"}
                    body = {**run, "name": name, "session_name": name}
                    client.post("/runs", json=body, headers={"x-api-key": admin})
                if at == 3:
                    seen = socket.receive_json()
                    break
            assert seen is not None
            assert seen["payload"]["data"]["runChanges"]["run"]["name"] == "own"
            socket.send_json({"id": "1", "type": "complete"})


@pytest.fixture
def impatient(monkeypatch, settings):
    """Settings with which keys are looked at all the time."""
    monkeypatch.setattr("graph.auth.LIFE", 0.0)
    return replace(settings, socket_ping_seconds=0.2)


def test_a_revoked_key_ends_a_stream_of_events(store, impatient):
    id, text = made(store)
    app = create_app(impatient, store, upkeep=False)
    body = b'{"query": "subscription { runChanges { kind } }"}'
    waiting = [{"type": "http.request", "body": body}]
    sent = []

    async def receive():
        return waiting.pop() if waiting else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)
        if len(sent) == 2:  # it has begun
            await store.write(keys.revoke, id, datetime.now(UTC))

    headers = {"accept": "text/event-stream", "content-type": "application/json", "x-api-key": text}
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def watch():
        await store.news.open()
        async with asyncio.timeout(20):
            await app(scope, receive, send)
        await store.news.aclose()
        await store._readers.aclose()

    asyncio.run(watch())
    assert b"the key is not good any more" in sent[-1]["body"]
    assert sent[-1]["body"].endswith(b"event: complete\ndata:\n\n")
    assert not sent[-1].get("more_body")


def test_a_revoked_key_closes_its_sockets(store, impatient):
    id, text = made(store)
    with (
        TestClient(create_app(impatient, store, upkeep=False)) as client,
        client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket,
    ):
        socket.send_json({"type": "connection_init", "payload": {"x-api-key": text}})
        while socket.receive_json()["type"] != "connection_ack":
            pass
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": ASKED}})
        client.portal.call(store.write, keys.revoke, id, datetime.now(UTC))
        with pytest.raises(WebSocketDisconnect) as closed:
            drain(socket)
        assert closed.value.code == 4401


def drain(socket):
    """Read until the connection is closed."""
    while True:
        socket.receive_json()


def made(store):
    """A key that may read: its id and its text."""
    with store._engine.begin() as connection:
        key, text = keys.create(connection, datetime.now(UTC), rights=("read",), named=())
    return key.id, text
