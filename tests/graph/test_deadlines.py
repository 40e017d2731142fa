"""Requests that take too long, or that nobody waits for, end, and their statements with them."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import text

from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.http import Endpoint
from graph.settings import Settings

SLOW = '{ runs(where: {inputs: [{path: "a.b", eq: 1}]}) { totalCount } }'
ROWS = 400


@dataclass
class Exchange:
    """One request and what came back; what the client does next is put into `next`."""

    body: bytes
    more_body: bool = False
    next: "asyncio.Queue[dict[str, Any]]" = field(default_factory=asyncio.Queue)
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, endpoint: Endpoint) -> None:
        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
        self.next.put_nowait(
            {"type": "http.request", "body": self.body, "more_body": self.more_body}
        )

        async def send(message: Any) -> None:
            self.sent.append(message)

        await endpoint({**scope, "headers": headers}, self.next.get, send)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def code(self) -> str:
        body = b"".join(message["body"] for message in self.sent[1:])
        return json.loads(body)["errors"][0]["extensions"]["code"]


def query(text: str) -> bytes:
    return json.dumps({"query": text}).encode()


class Slow:
    """A database that is slow with what `SLOW` asks of it: by its own work, or by a lock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls = 0

    def holds(self, *_: Any) -> bool:
        """Take two milliseconds of work for one row."""
        self.calls += 1
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        return False

    def is_busy(self) -> bool:
        """Say whether a statement still runs."""
        if self.store.dialect == "sqlite":
            return not self.store._readers._idle or self.store._readers._idle[0].given_up
        with self.store._engine.connect() as connection:
            active = (
                "state = 'active' AND query LIKE '%jsonb_path_query%' AND pid <> pg_backend_pid()"
            )
            found = connection.execute(
                text(f"SELECT count(*) FROM pg_stat_activity WHERE {active}")
            )
            return found.scalar_one() > 0


@pytest.fixture
def slow(
    store: Store, monkeypatch: pytest.MonkeyPatch, keep: Callable[..., Any], add: Callable[..., Any]
) -> Iterator[Slow]:
    """A slow database."""
    slow = Slow(store)
    if store.dialect == "sqlite":
        monkeypatch.setattr("db.readers._STEPS", 20)
        monkeypatch.setattr("db.readers.holds", slow.holds)
        for at in range(ROWS):
            add(f"{at}", at=at, inputs={"a": {"b": at}})
        yield slow
        return
    with store._engine.begin() as connection:
        connection.execute(text("LOCK TABLE run, run_payload IN ACCESS EXCLUSIVE MODE"))
        yield slow


def serve(settings: Settings, slow: Slow, act: Callable[[Exchange], Any]) -> tuple[Exchange, float]:
    """Serve the slow query; `act` is what its client does meanwhile."""
    exchange = Exchange(query(SLOW))

    async def work() -> float:
        endpoint = Endpoint(settings, slow.store, AttachmentUrls(b"secret"))
        began = time.monotonic()
        acting = asyncio.ensure_future(act(exchange))
        await exchange.serve(endpoint)
        took = time.monotonic() - began
        await acting
        assert not endpoint._patrol._visits
        assert not slow.is_busy()
        await slow.store._readers.aclose()
        return took

    return exchange, asyncio.run(work())


def test_a_query_that_takes_too_long_ends_with_its_statement(settings: Settings, slow: Slow):
    async def wait(_: Exchange) -> None:
        pass

    exchange, _ = serve(replace(settings, request_seconds=0.05), slow, wait)

    assert (exchange.status, exchange.code) == (504, "TIMEOUT")
    assert slow.calls < ROWS


def test_a_query_ends_with_its_statement_when_the_client_leaves(settings: Settings, slow: Slow):
    async def leave(exchange: Exchange) -> None:
        exchange.next.put_nowait({"type": "http.disconnect"})

    exchange, _ = serve(settings, slow, leave)

    assert exchange.sent == []
    assert slow.calls < ROWS


def test_a_body_that_does_not_arrive_is_not_waited_for(settings: Settings, store: Store):
    exchange = Exchange(b'{"query": ', more_body=True)

    async def work() -> None:
        patient = replace(settings, body_seconds=0.05)
        await exchange.serve(Endpoint(patient, store, AttachmentUrls(b"secret")))

    asyncio.run(work())

    assert (exchange.status, exchange.code) == (408, "BODY_TOO_SLOW")
    assert (b"connection", b"close") in exchange.sent[0]["headers"]


def test_a_large_answer_that_is_not_fetched_is_given_up(
    settings: Settings, store: Store, add: Callable[..., Any]
):
    add("large", inputs={"text": "x" * 5_000_000})
    exchange = Exchange(query("{ runs { nodes { inputs } } }"))
    pieces = 0

    async def work() -> None:
        endpoint = Endpoint(
            replace(settings, request_seconds=0.5), store, AttachmentUrls(b"secret")
        )
        never = asyncio.Event()

        async def send(message: Any) -> None:
            nonlocal pieces
            assert message.get("status", 200) == 200, "the answer itself took too long"
            pieces += 1
            if pieces > 1:
                await never.wait()

        exchange.next.put_nowait({"type": "http.request", "body": exchange.body})
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
        headers = [(b"content-type", b"application/json")]
        await endpoint({**scope, "headers": headers}, exchange.next.get, send)
        assert not endpoint._patrol._visits
        await store._readers.aclose()

    asyncio.run(work())

    assert pieces == 2


@pytest.mark.parametrize("engine", ["http", "off"])
def test_no_more_rows_are_read_than_may_be(
    settings: Settings, store: Store, add: Callable[..., Any], engine: str
):
    root = add("root")
    for at in range(30):
        add(f"{at}", at=at, parent=root)
    exchange = Exchange(query("{ runs { nodes { name childRuns { name } } } }"))

    async def work() -> None:
        few = replace(settings, max_rows=20, engine=engine)
        await exchange.serve(Endpoint(few, store, AttachmentUrls(b"secret")))
        await store._readers.aclose()

    asyncio.run(work())

    answer = json.loads(exchange.sent[1]["body"])
    assert answer["data"] == {"runs": None}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "TOO_MANY_ROWS"
    assert error["message"] == (
        "the query needs more than 20 rows; at most 20 (setting RUNGRAPH_MAX_ROWS)"
    )
