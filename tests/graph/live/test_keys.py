"""Sockets with keys: who may watch, and within which projects."""

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
