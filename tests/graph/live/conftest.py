"""Runs that arrive while somebody watches."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from db.arrivals import Batch, RunArrival
from db.dotted import segment
from db.store import Store
from graph.live import Live
from tests.conftest import NOON, run_id

PROTOCOL = "graphql-transport-ws"


def arriving(name: str, at: float = 0, parent: RunArrival | None = None, **facts: Any) -> Any:
    """Return a run that has ended, unless something else is said of it."""
    id = UUID(run_id(name))
    start = NOON + timedelta(seconds=at)
    own = segment(start, id)
    told = {
        "id": id,
        "post": True,
        "name": name,
        "run_type": "chain",
        "start_time": start,
        "session_name": "p",
        "trace_id": parent.trace_id if parent else id,
        "parent_run_id": parent.id if parent else None,
        "dotted_order": f"{parent.dotted_order}.{own}" if parent else own,
        "end_time": start + timedelta(seconds=1),
    }
    return RunArrival(**{**told, **facts})


@pytest.fixture
def live(client: TestClient) -> Live:
    """Everybody who watches the server under test."""
    return client.app.state.live


@pytest.fixture
def send(client: TestClient, store: Store) -> Callable[..., Any]:
    """Have runs arrive in one request; return once they are acknowledged."""

    def send(*runs: RunArrival, **others: Any) -> Any:
        assert client.portal is not None
        outcome = client.portal.call(store.ingest, Batch(runs=runs, **others))
        assert not outcome.refused
        return outcome

    return send


class Socket:
    """A client's end of a WebSocket."""

    def __init__(self, session: WebSocketTestSession, live: Live) -> None:
        self.session = session
        self._live = live
        self._heard: deque[dict[str, Any]] = deque()

    def say(self, **message: Any) -> None:
        self.session.send_json(message)

    def hear(self) -> dict[str, Any]:
        return self._heard.popleft() if self._heard else self.session.receive_json()

    def begin(self) -> None:
        self.say(type="connection_init")
        assert self.hear() == {"type": "connection_ack"}

    def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        """Subscribe, and wait until the server watches."""
        before = self._live.count
        self.ask(query, id, **variables)
        while self._live.count == before:
            self.breathe()

    def breathe(self) -> None:
        """Give the server the time that it takes to answer a ping."""
        self.say(type="ping")
        while (told := self.session.receive_json()) != {"type": "pong"}:
            self._heard.append(told)

    def ask(self, query: str, id: str = "1", **variables: Any) -> None:
        self.say(id=id, type="subscribe", payload={"query": query, "variables": variables})

    def event(self) -> dict[str, Any]:
        """Return the next event of the only field."""
        told = self.hear()
        assert told["type"] == "next", told
        assert "errors" not in told["payload"], told
        (event,) = told["payload"]["data"].values()
        return event


@pytest.fixture
def connect(client: TestClient, live: Live) -> Callable[..., Any]:
    """Open a WebSocket, and begin on it."""

    @contextmanager
    def connect(**options: Any) -> Iterator[Socket]:
        begin = options.pop("begin", True)
        with client.websocket_connect("/graphql", subprotocols=[PROTOCOL], **options) as session:
            socket = Socket(session, live)
            if begin:
                socket.begin()
            yield socket

    return connect
