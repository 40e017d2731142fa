"""Streams of events (graphql-sse), and who gets one."""

import asyncio
import json
from typing import Any

import pytest

from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.graph.live.conftest import arriving

EVENTS = {"accept": "text/event-stream"}
URQL = {
    "accept": "application/graphql-response+json, application/graphql+json, application/json,"
    " text/event-stream, multipart/mixed"
}
LATER = """subscription ($after: String) {
  runChanges(after: $after, first: 2) { kind run { name } }
}"""


@pytest.fixture
def since(client, store, send) -> str:
    """The cursor before two runs that have arrived meanwhile."""
    cursor = store.news.history.newest[1]
    send(arriving("a"))
    send(arriving("b"))
    return cursor


def parsed(text: str) -> list[tuple[str, Any]]:
    """Return events as an EventSource would: name and data."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = dict(line.split(": ", 1) if ": " in line else (line[:-1], "") for line in lines)
        if fields:
            found.append((fields["event"], json.loads(fields["data"]) if fields["data"] else None))
    return found


def test_a_subscription_is_a_stream_of_events_that_ends(client, since):
    body = {"query": LATER, "variables": {"after": since}}
    answer = client.post("/graphql", json=body, headers=EVENTS)

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "\r" not in answer.text
    *events, last = parsed(answer.text)
    assert [(name, each["data"]["runChanges"]["run"]["name"]) for name, each in events] == [
        ("next", "a"),
        ("next", "b"),
    ]
    assert last == ("complete", None)


def test_an_event_source_asks_by_address(client, since):
    address = {"query": LATER, "variables": json.dumps({"after": since})}
    answer = client.get("/graphql", params=address, headers=EVENTS)

    assert [name for name, _ in parsed(answer.text)] == ["next", "next", "complete"]


def test_queries_may_be_streamed_as_well(client):
    answer = client.post("/graphql", json={"query": "{ __typename }"}, headers=EVENTS)

    told = {"data": {"__typename": "Query"}}
    assert parsed(answer.text) == [("next", told), ("complete", None)]


def test_a_mutation_is_not_taken_from_an_address(client):
    query = 'mutation { createProject(input: {name: "x"}) { project { name } } }'
    answer = client.get("/graphql", params={"query": query}, headers=EVENTS)

    (_, told), _ = parsed(answer.text)
    assert told["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    asked = client.post("/graphql", json={"query": "{ projects { totalCount } }"})
    assert asked.json()["data"]["projects"]["totalCount"] == 0


@pytest.mark.parametrize("query", ["subscription {", "subscription { nope }"])
def test_errors_of_a_document_come_as_an_event(client, query):
    answer = client.post("/graphql", json={"query": query}, headers=EVENTS)

    assert answer.status_code == 200
    (name, told), end = parsed(answer.text)
    assert name == "next"
    assert told["errors"][0]["message"]
    assert end == ("complete", None)


def test_what_is_no_request_is_refused_by_status(client):
    assert client.post("/graphql", json={}, headers=EVENTS).status_code == 400


@pytest.mark.parametrize("accept", [URQL["accept"], "*/*", "text/event-stream, */*;q=0.1"])
def test_who_takes_json_gets_json(client, accept):
    answer = client.post("/graphql", json={"query": "{ __typename }"}, headers={"accept": accept})

    assert "json" in answer.headers["content-type"]
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"accept": "application/json"}, 400),
        ({"accept": "application/graphql-response+json"}, 400),
        (URQL, 400),
    ],
)
def test_a_subscription_by_plain_post_is_told_how_to_be_sent(client, headers, status):
    query = "subscription { runChanges { cursor } }"
    answer = client.post("/graphql", json={"query": query}, headers=headers)

    assert answer.status_code == status
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "SUBSCRIPTION_NEEDS_STREAM"
    assert "text/event-stream" in error["message"]


def test_nothing_is_left_of_clients_that_vanish(store: Store, settings: Settings):
    """At the level of ASGI: each gets an event of its stream, and is cut off."""
    app = create_app(settings, store, upkeep=False)
    query = 'subscription { runChanges(after: "0123456789ab-1-0") { kind } }'

    async def vanish() -> None:
        said = [{"type": "http.request", "body": json.dumps({"query": query}).encode()}]
        heard = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if said:
                return said.pop()
            await heard.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if b"RELOAD" in message.get("body", b""):
                heard.set()

        headers = [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": [*headers, (b"host", b"localhost")],
        }
        await app(scope, receive, send)  # type: ignore[arg-type]

    async def all_of_them() -> tuple[int, int]:
        async with app.router.lifespan_context(app):
            before = len(asyncio.all_tasks())
            for _ in range(20):
                await asyncio.gather(*[vanish() for _ in range(20)])
            await asyncio.sleep(0)
            assert app.state.live.count == 0
            return before, len(asyncio.all_tasks())

    before, after = asyncio.run(all_of_them())

    assert after - before < 5  # connections to the database may be given back meanwhile
