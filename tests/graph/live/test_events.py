"""What subscribers are told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db import retention, watched
from db.store import utc_now
from graph.settings import Settings
from tests.conftest import NOON, run_id
from tests.graph.live.conftest import arriving

CHANGES = "subscription { runChanges { cursor kind runId run { name status } } }"
WHERE = """subscription ($where: RunFilter, $after: String) {
  runChanges(where: $where, after: $after) { cursor kind run { name } }
}"""


def test_a_run_is_told_when_it_begins_and_when_it_ends(connect, send):
    run = arriving("a", end_time=None)
    with connect() as socket:
        socket.subscribe(CHANGES)
        send(run)
        first = socket.event()
        send(replace(run, post=False, end_time=NOON + timedelta(seconds=9)))
        second = socket.event()

    assert (first["kind"], first["run"]) == ("CREATED", {"name": "a", "status": "PENDING"})
    assert (second["kind"], second["run"]) == ("FINISHED", {"name": "a", "status": "SUCCESS"})
    assert first["runId"] == second["runId"] == run_id("a")


def test_each_event_shows_the_runs_of_its_own_time(connect, send):
    root = arriving("root")
    with connect() as socket:
        socket.subscribe("subscription { runChanges { run { name trace { runCount } } } }")
        send(root)
        assert socket.event()["run"]["trace"] == {"runCount": 1}
        send(arriving("leaf", 1, root))
        assert socket.event()["run"]["trace"] == {"runCount": 2}


@pytest.mark.parametrize(
    "where",
    [
        {"name": {"eq": "b"}},
        {"traceId": {"eq": run_id("b")}},
        {"id": {"in": [run_id("b"), run_id("c")]}},
        {"runType": {"eq": "llm"}},
        {"runType": {"eq": "llm"}, "isRoot": True, "projectName": {"eq": "p"}},
        {"tags": {"hasAny": ["x"]}},
        {"or": [{"name": {"eq": "b"}}, {"name": {"eq": "nobody"}}]},
        {"expression": 'eq(name, "b")'},
        {"inputs": [{"path": "q", "eq": 1}]},
        {"anyRunInTrace": {"tags": {"hasAll": ["x"]}}},
    ],
)
def test_filters_are_those_of_queries(connect, send, where):
    with connect() as socket:
        socket.subscribe(WHERE, where=where)
        send(arriving("a"), arriving("b", 1, run_type="llm", tags=("x",), inputs='{"q": 1}'))
        send(arriving("d", 2))
        assert socket.event()["run"] == {"name": "b"}
        send(arriving("b2", 3, run_type="llm", tags=("x",), inputs='{"q": 1}'))
        socket.say(id="1", type="complete")
        socket.say(type="ping")
        heard = [socket.hear()]
        while heard[-1] != {"type": "pong"}:
            heard.append(socket.hear())
        names = [each["payload"]["data"]["runChanges"]["run"]["name"] for each in heard[:-1]]
        assert "a" not in names
        assert "d" not in names


def test_what_facts_decide_is_asked_of_nobody(connect, send, monkeypatch):
    def asked(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("graph.live.found", asked)
    with connect() as socket:
        socket.subscribe(
            "subscription ($where: RunFilter) { runChanges(where: $where) { runId } }",
            where={"traceId": {"eq": run_id("b")}, "runType": {"eq": "chain"}, "isRoot": True},
        )
        send(arriving("a"), arriving("b", 1))
        assert socket.event() == {"runId": run_id("b")}


def test_who_comes_back_hears_what_it_missed_once_and_in_order(connect, send):
    with connect() as socket:
        socket.subscribe(WHERE)
        send(arriving("a"))
        send(arriving("b"))
        cursor = socket.event()["cursor"]
        assert socket.event()["run"] == {"name": "b"}
    for name in "cde":
        send(arriving(name))
    with connect() as socket:
        socket.subscribe(WHERE, after=cursor, where={"name": {"neq": "d"}})
        send(arriving("f"))
        assert [socket.event()["run"]["name"] for _ in range(4)] == ["b", "c", "e", "f"]


class TestForgetful:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, subscription_history=3)

    def test_who_comes_back_too_late_is_told_to_reload(self, connect, send, store):
        store.news.history._most = 3
        with connect() as socket:
            socket.subscribe(WHERE)
            send(arriving("a"))
            cursor = socket.event()["cursor"]
        for name in "bcdef":
            send(arriving(name))
        with connect() as socket:
            socket.subscribe(WHERE, after=cursor)
            send(arriving("g"))
            reload = socket.event()
            assert (reload["kind"], reload["run"]) == ("RELOAD", None)
            then = socket.event()
            while then["run"] != {"name": "g"}:
                reload, then = then, socket.event()
        with connect() as socket:
            socket.subscribe(WHERE, after=reload["cursor"])
            assert socket.event() == then


def test_a_cursor_of_another_life_is_told_to_reload(connect, send):
    with connect() as socket:
        socket.subscribe(WHERE, after="0123456789ab-5-0")
        assert socket.event()["kind"] == "RELOAD"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ('subscription { runChanges(after: "x") { cursor } }', "a cursor of an event is wanted"),
        ("subscription { runChanges(first: -1) { cursor } }", "first is -1; at least 0"),
        ('subscription { runChanges(where: {expression: "eq("}) { cursor } }', "line 1"),
        ("subscription { runChanges { nothing } }", "Cannot query field 'nothing'"),
        ("subscription { runChanges { cursor }", "Syntax Error"),
        ("subscription ($n: Int!) { runChanges(first: $n) { cursor } }", "$n"),
        ("subscription { a: runChanges { cursor } b: runChanges { cursor } }", "one top level"),
    ],
)
def test_what_can_not_be_watched_is_refused(connect, query, said):
    with connect() as socket:
        socket.ask(query)
        told = socket.hear()
        assert told["type"] == "error"
        assert said in told["payload"][0]["message"]
        assert told["payload"][0]["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
        socket.ask("{ __typename }", "2")
        assert socket.hear()["payload"] == {"data": {"__typename": "Query"}}


def test_bugs_are_masked(connect, send, monkeypatch):
    async def failing(*_: Any) -> Any:
        raise RuntimeError("the secret")

    monkeypatch.setattr("graph.live.found", failing)
    with connect() as socket:
        socket.subscribe(CHANGES)
        send(arriving("a"))
        told = socket.hear()
    assert told["type"] == "error"
    assert "secret" not in str(told)
    assert told["payload"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


def test_errors_of_one_event_stand_beside_its_data(connect, send):
    query = 'subscription { runChanges { run { name inputsAt(path: "[") } } }'
    with connect() as socket:
        socket.subscribe(query)
        send(arriving("a"), arriving("b"))
        for _ in range(2):
            payload = socket.hear()["payload"]
            assert payload["data"]["runChanges"]["run"]["inputsAt"] is None
            assert payload["errors"][0]["path"] == ["runChanges", "run", "inputsAt"]


def test_documents_may_hold_fragments_names_and_other_operations(connect, send):
    query = """
    query Other { ...R }
    fragment R on Query { __typename }
    subscription Mine($skip: Boolean!, $after: String) {
      ...Root
    }
    fragment Root on Subscription { changed: runChanges(after: $after) { ...Change __typename } }
    fragment Change on RunChange { run { ...Named id @skip(if: $skip) } }
    fragment Named on Run { it: name }
    """
    with connect() as socket:
        payload = {"query": query, "operationName": "Mine", "variables": {"skip": True}}
        socket.say(id="1", type="subscribe", payload=payload)
        while not socket._live.count:
            socket.breathe()
        send(arriving("a"))
        assert socket.event() == {"run": {"it": "a"}, "__typename": "RunChange"}


def test_nothing_is_watched_where_everything_is_skipped(connect):
    with connect() as socket:
        socket.ask("subscription ($no: Boolean!) { runChanges @skip(if: $no) { cursor } }", no=True)
        assert socket.hear()["type"] in {"complete", "error"}


def test_first_ends_a_subscription(connect, send):
    with connect() as socket:
        socket.subscribe("subscription { runChanges(first: 2) { run { name } } }")
        send(*[arriving(name) for name in "abc"])
        assert {socket.event()["run"]["name"] for _ in range(2)} < {"a", "b", "c"}
        assert socket.hear() == {"id": "1", "type": "complete"}


def test_facts_of_a_filter_lead_to_those_who_want_a_change():
    trace = watched.UUID(run_id("a"))
    test = watched.filters.test
    facts = watched.facts_of(watched.All((test("trace_id", "eq", trace), test("name", "eq", "x"))))
    assert facts.leads == (("trace_id", trace.hex),)
    assert not facts.whole
    facts = watched.facts_of(watched.All((test("run_type", "in", ["a", "b"]),)))
    assert facts.leads == ()
    assert facts.whole


def test_runs_that_are_pruned_are_told_as_deleted_to_all_whom_they_may_concern(
    connect, client, send, store
):
    send(arriving("old"), arriving("other", run_type="llm"))
    with connect() as socket:
        where = {"runType": {"eq": "chain"}, "name": {"neq": "nobody"}}
        socket.subscribe(WHERE, where=where)
        cutoffs = client.portal.call(store.read_with, retention.cutoffs, 1, utc_now())
        client.portal.call(retention.prune, store, retention.Pruning(cutoffs))
        told = socket.event()
        assert (told["kind"], told["run"]) == ("DELETED", None)
        socket.breathe()
        assert not socket._heard
