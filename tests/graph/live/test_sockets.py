"""The protocol graphql-transport-ws: what a client may say, and what ends a connection."""

import asyncio
import gc
from dataclasses import replace
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from db.store import Store
from graph.app import create_app
from graph.live import Watcher
from graph.settings import Settings
from tests.graph.live.conftest import PROTOCOL, arriving

SUBSCRIPTION = "subscription { runChanges { cursor } }"
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}


def closed(socket: Any) -> int:
    """Return the code with which the server closes, whatever it says before."""
    while (told := socket.session.receive())["type"] != "websocket.close":
        pass
    return told["code"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "nope"}, 4400),
        ({"type": ["ping"]}, 4400),
        ({"type": "ping", "payload": 1}, 4400),
        ({"type": "pong", "payload": []}, 4400),
        ({"type": "complete"}, 4400),
        ({"type": "connection_init"}, 4429),
        ({"type": "connection_init", "payload": "x"}, 4400),
        ({"id": "", **{k: v for k, v in SUBSCRIBE.items() if k != "id"}}, 4400),
        ({"id": "1", "type": "subscribe"}, 4400),
        ({"id": "1", "type": "subscribe", "payload": {"query": 5}}, 4400),
        ({"id": "1", "type": "subscribe", "payload": {"query": "{a}", "variables": []}}, 4400),
    ],
)
def test_what_the_protocol_does_not_know_ends_the_connection(connect, said, code):
    with connect() as socket:
        socket.say(**said)
        assert closed(socket) == code


@pytest.mark.parametrize("text", ["not json", "[]", "null", "3", '"x"', "{}"])
def test_what_is_no_message_ends_the_connection(connect, text):
    with connect() as socket:
        socket.session.send_text(text)
        assert closed(socket) == 4400


def test_bytes_end_the_connection(connect):
    with connect() as socket:
        socket.session.send_bytes(b"{}")
        assert closed(socket) == 4400


def test_an_operation_before_the_beginning_is_unauthorized(connect):
    with connect(begin=False) as socket:
        socket.say(**SUBSCRIBE)
        assert closed(socket) == 4401


def test_an_id_is_used_once_at_a_time(connect):
    with connect() as socket:
        socket.say(**SUBSCRIBE)
        socket.say(**SUBSCRIBE)
        assert closed(socket) == 4409


def test_a_message_is_bounded(connect):
    with connect() as socket:
        socket.ask("#" + "x" * 300_000)
        assert closed(socket) == 1009


def test_pings_are_answered_with_what_they_carry_even_before_the_beginning(connect):
    with connect(begin=False) as socket:
        socket.say(type="ping", payload={"x": 1})
        assert socket.hear() == {"type": "pong", "payload": {"x": 1}}


@pytest.mark.parametrize("protocols", [["graphql-ws"], [], ["other"]])
def test_other_protocols_are_not_spoken(client, protocols):
    with client.websocket_connect("/graphql", subprotocols=protocols) as session:
        with pytest.raises(WebSocketDisconnect) as gone:
            session.receive_json()
        assert gone.value.code == 4406


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        ("http://testserver", True),
        ("https://testserver", True),
        ("https://evil.example", False),
        ("http://testserver.evil.example", False),
        ("null", False),
    ],
)
def test_pages_of_other_sites_may_not_connect(client, origin, taken):
    headers = {"origin": origin}
    if taken:
        with client.websocket_connect("/graphql", subprotocols=[PROTOCOL], headers=headers):
            return
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/graphql", subprotocols=[PROTOCOL], headers=headers),
    ):
        pass
    assert refused.value.code in {4401, 4403}  # by the gate, by the socket: HTTP 403 for both


def test_queries_and_mutations_are_answered_once(connect):
    with connect() as socket:
        socket.ask("{ __typename runs { totalCount } }")
        assert socket.hear()["payload"]["data"] == {
            "__typename": "Query",
            "runs": {"totalCount": 0},
        }
        assert socket.hear() == {"id": "1", "type": "complete"}
        socket.ask('mutation { createProject(input: {name: "x"}) { project { name } } }')
        told = socket.hear()["payload"]["data"]
        assert told == {"createProject": {"project": {"name": "x"}}}
        assert socket.hear() == {"id": "1", "type": "complete"}
        socket.ask("{ runs(first: -1) { totalCount } }")
        assert socket.hear()["payload"]["errors"][0]["path"] == ["runs"]


def test_an_id_is_free_once_its_operation_has_ended(connect):
    with connect() as socket:
        for _ in range(3):
            socket.ask("{ __typename }")
            assert [socket.hear()["type"] for _ in range(2)] == ["next", "complete"]


def test_nothing_comes_after_the_client_has_ended_a_subscription(connect, send, live):
    with connect() as socket:
        socket.subscribe(SUBSCRIPTION)
        socket.say(id="1", type="complete")
        while live.count:
            socket.breathe()
        send(arriving("a"))
        socket.breathe()
        assert not socket._heard


class TestFew:
    """A server that takes few subscriptions."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, subscriptions=2, subscriptions_per_connection=2)

    def test_a_connection_has_a_bounded_number_of_operations(self, connect):
        with connect() as socket:
            for id in "ab":
                socket.subscribe(SUBSCRIPTION, id)
            socket.ask(SUBSCRIPTION, "c")
            told = socket.hear()
        assert (told["id"], told["type"]) == ("c", "error")
        assert "RUNGRAPH_SUBSCRIPTIONS_PER_CONNECTION" in told["payload"][0]["message"]

    def test_a_server_has_a_bounded_number_of_subscriptions(self, connect):
        with connect() as one, connect() as other:
            one.subscribe(SUBSCRIPTION, "a")
            other.subscribe(SUBSCRIPTION, "b")
            other.ask(SUBSCRIPTION, "c")
            told = other.hear()
        assert told["payload"][0]["extensions"]["code"] == "BUSY"
        assert "RUNGRAPH_SUBSCRIPTIONS" in told["payload"][0]["message"]


class TestHasty:
    """A server that waits for nothing."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, socket_init_seconds=0, socket_ping_seconds=0.01)  # type: ignore[arg-type]

    def test_who_does_not_begin_is_let_go(self, connect):
        with connect(begin=False) as socket:
            assert closed(socket) == 4408


class TestPinging:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, socket_ping_seconds=0.01)  # type: ignore[arg-type]

    def test_who_does_not_answer_pings_is_let_go(self, connect):
        with connect() as socket:
            assert socket.hear() == {"type": "ping"}
            assert closed(socket) == 4408


class TestTrusting:
    """A server that answers trusted documents only."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, documents_only=True)

    def test_other_documents_are_refused(self, connect):
        with connect() as socket:
            socket.ask(SUBSCRIPTION)
            assert socket.hear()["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


def test_nothing_is_left_of_a_thousand_clients_that_vanish(store: Store, settings: Settings):
    """At the level of ASGI: each connects, subscribes, gets an event, and its socket is cut."""
    app = create_app(settings, store, upkeep=False)

    async def vanish(number: int) -> None:
        said = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": '{"type":"connection_init"}'},
            {
                "type": "websocket.receive",
                "text": '{"id":"1","type":"subscribe","payload":{"query":"subscription {'
                f' runChanges(after: \\"0123456789ab-1-{number}\\") {{ kind }} }}"}}}}',
            },
        ]
        heard = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if said:
                return said.pop(0)
            await heard.wait()
            return {"type": "websocket.disconnect", "code": 1006}

        async def send(message: Any) -> None:
            if "RELOAD" in message.get("text", ""):
                heard.set()

        scope = {
            "type": "websocket",
            "path": "/graphql",
            "headers": [],
            "subprotocols": [PROTOCOL],
            "query_string": b"",
        }
        await app(scope, receive, send)  # type: ignore[arg-type]

    async def all_of_them() -> tuple[int, int]:
        async with app.router.lifespan_context(app):
            before = len(asyncio.all_tasks())
            for at in range(0, 1000, 50):
                await asyncio.gather(*[vanish(at + number) for number in range(50)])
            after = len(asyncio.all_tasks())
            assert app.state.live.count == 0
            assert not app.state.live._groups
            assert not app.state.live._led
            return before, after

    before, after = asyncio.run(all_of_them())
    gc.collect()

    assert after - before < 5  # connections to the database may be given back meanwhile
    assert [each for each in gc.get_objects() if isinstance(each, Watcher)] == []
