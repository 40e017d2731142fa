"""What operators see: numbers, a line for each request, a database examined and copied."""

import logging
import os
import sqlite3
import sys
from dataclasses import replace

import orjson
import pytest
from starlette.testclient import TestClient

from db.backup import backup
from db.doctor import examine, index_lag
from db.errors import ConflictError, InvalidError
from db.search_index import index_some
from graph.app import create_app
from graph.http import Endpoint
from graph.observe import Seen
from graph.observe_log import JsonLines, RequestLog
from graph.observe_metrics import MOST_OPERATIONS, Metrics
from graph.observe_shared import Shared, merged

ASKED = {"query": "query Mine { runs { nodes { name } } }", "operationName": "Mine"}
RUN = {
    "id": "00000000-0000-4000-8000-000000000001",
    "name": "a",
    "run_type": "chain",
    "start_time": "2026-01-01T00:00:00Z",
}


def test_requests_are_counted_by_operation_and_outcome(client: TestClient):
    client.post("/graphql", json=ASKED)
    client.post("/graphql", json={"query": "{ nothing }"})
    client.post("/runs", json=RUN)

    text = client.get("/metrics").text
    assert 'rungraph_request_seconds_count{operation="Mine",outcome="ok"} 1' in text
    assert 'rungraph_request_seconds_count{operation="anonymous",outcome="errors"} 1' in text
    assert 'rungraph_request_seconds_count{operation="ingest",outcome="ok"} 1' in text
    assert "rungraph_ingest_items_total 1" in text
    assert "\nrungraph_queue_bytes " in text
    assert "rungraph_subscriptions 0" in text


def test_names_that_clients_make_up_are_not_counted_without_end():
    metrics = Metrics()
    for at in range(3 * MOST_OPERATIONS):
        metrics.count(f"op{at}", 200, 0.001, Seen())

    text = metrics.text()
    assert text.count("_count{") <= MOST_OPERATIONS + 1
    assert f'operation="other",outcome="ok"}} {2 * MOST_OPERATIONS}' in text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_request_is_one_line_without_payloads_and_keys(store, settings, as_json):
    reading, writing = os.pipe()
    log = RequestLog(writing, as_json=as_json)
    with TestClient(create_app(settings, store, upkeep=False, log=log)) as client:
        client.post("/graphql", json=ASKED, headers={"x-api-key": "secret-key"})
        client.get("/healthz")
        client.get("/a%0Aforged line")
    log.close()
    os.close(writing)
    with open(reading, "rb") as pipe:
        lines = pipe.read().splitlines()

    assert len(lines) == 2
    assert not any(word in line for line in lines for word in (b"secret", b"nodes"))
    if as_json:
        told = orjson.loads(lines[0])
        assert (told["method"], told["operation"], told["status"]) == ("POST", "Mine", 200)
    else:
        assert b"POST /graphql Mine 200" in lines[0]


def test_a_database_in_use_is_copied_whole(store, add, tmp_path):
    if store.dialect != "sqlite":
        pytest.skip("pg_dump does that for PostgreSQL")
    add("before")
    target, url = tmp_path / "copy.db", f"sqlite:///{store._engine.url.database}"

    assert backup(url, target) == target.stat().st_size

    add("after")
    copy = sqlite3.connect(target)
    assert copy.execute("SELECT name FROM run").fetchall() == [("before",)]
    copy.close()
    with pytest.raises(ConflictError, match="is there already"):
        backup(url, target)
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_of_another_kind_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(InvalidError, match="pg_dump"):
        backup("postgresql://somewhere/db", tmp_path / "x")
    with pytest.raises(InvalidError, match="there is no database"):
        backup(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "x")


def test_a_database_is_examined(store, add):
    add("a")
    with store._engine.connect() as connection:
        assert all(each.fine for each in examine(connection))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX run_by_id")
    with store._engine.begin() as connection:
        wrong = [each for each in examine(connection) if not each.fine]
        connection.exec_driver_sql("CREATE INDEX run_by_id ON run (id)")
    assert [each.told for each in wrong] == ["indexes are missing: run_by_id"]


def numbers(client: TestClient) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_cost_and_database_time_are_summed_up_by_operation(client: TestClient):
    for _ in range(2):
        client.post("/graphql", json=ASKED)

    found = numbers(client)
    labels = '{operation="Mine",outcome="ok"}'
    assert found[f"rungraph_cost_total{labels}"] == 2 * 51
    assert found[f"rungraph_statements_total{labels}"] == 2
    assert found[f"rungraph_database_seconds_total{labels}"] > 0


def test_what_waits_and_who_answers_is_told(client: TestClient):
    for _ in range(2):  # by the second one, the first is counted whole: one thread writes
        client.patch(f"/runs/{RUN['id']}", json={"outputs": {"a": 1}})  # its run has not come
    found = numbers(client)

    assert found["rungraph_parked"] == 1
    assert found["rungraph_search_queue"] == 0
    assert found["rungraph_search_lag_seconds"] == 0
    assert found["rungraph_process_id"] == os.getpid()
    assert found["rungraph_writing_seconds_total"] > 0


def test_operations_of_sockets_and_streams_are_counted_and_logged_as_requests_are(store, settings):
    reading, writing = os.pipe()
    log = RequestLog(writing, as_json=True)
    with TestClient(create_app(settings, store, upkeep=False, log=log)) as client:
        with client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
            socket.send_json({"type": "connection_init"})
            socket.receive_json()
            socket.send_json({"id": "1", "type": "subscribe", "payload": ASKED})
            assert socket.receive_json()["type"] == "next"
            wrong = {"query": "{ nothing }"}
            socket.receive_json()
            socket.send_json({"id": "2", "type": "subscribe", "payload": wrong})
            assert socket.receive_json()["type"] == "error"
        client.post("/graphql", json=ASKED, headers={"accept": "text/event-stream"})
        found = numbers(client)
    log.close()
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = [orjson.loads(line) for line in pipe.read().splitlines()]

    assert found['rungraph_request_seconds_count{operation="Mine",outcome="ok"}'] == 2
    assert found['rungraph_request_seconds_count{operation="anonymous",outcome="errors"}'] == 1
    seen = [(line["method"], line["operation"], line["errors"]) for line in told]
    assert seen == [("SOCKET", "Mine", 0), ("SOCKET", None, 1), ("STREAM", "Mine", 0)]
    assert all(line["path"] == "/graphql" for line in told)


def test_slow_statements_are_remembered_without_values(client: TestClient, store):
    for at in range(300):
        store._readers.slow.note(f"SELECT {at}", 0.3)
    store._readers.slow.note("SELECT 299", 0.9)

    told = client.get("/metrics/statements").json()["statements"]
    assert len(told) == 100
    assert told[0] == {"sql": "SELECT 299", "times": 2, "seconds": 1.2, "longest": 0.9}


def test_whatever_is_logged_is_a_json_object():
    record = logging.LogRecord("x", logging.ERROR, "", 1, "a\n%s", ("b",), None)
    told = orjson.loads(JsonLines().format(record))
    assert (told["level"], told["logger"], told["message"]) == ("ERROR", "x", "a\nb")

    try:
        int("no")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert "ValueError: invalid" in orjson.loads(JsonLines().format(record))["exception"]


def test_the_doctor_tells_versions_sizes_and_how_far_the_index_is_behind(store, add):
    add("a")
    with store._engine.connect() as connection:
        told = {each.about: each.told for each in examine(connection)}
        assert told["run"].startswith("1 rows, ")
        assert "bytes" in told["run"]
        assert told[f"version of {store.dialect}"]
        connection.rollback()
        assert index_lag(connection, 0.05).told.startswith("more than 0.05 s")
    with store._engine.begin() as connection:
        index_some(connection)
    with store._engine.connect() as connection:
        assert index_lag(connection, 5).told == "0 s"


def test_without_the_page_there_are_no_files_of_it(store, settings):
    for switch in (True, False):
        app = create_app(replace(settings, graphiql=switch), store, upkeep=False)
        paths = [getattr(route, "path", "") for route in app.routes]
        assert ("/graphql/page/{name}" in paths) == switch


def test_numbers_of_several_workers_are_one_text_with_a_label(tmp_path):
    for worker in range(2):
        metrics = Metrics()
        for _ in range(worker + 1):
            metrics.count("Mine", 200, 0.001, Seen(statements=1))
        Shared(tmp_path, worker).put(metrics.text())
    metrics.count("Mine", 200, 0.001, Seen(statements=1))

    text = Shared(tmp_path, 1).text(metrics.text())
    labels = 'operation="Mine",outcome="ok"'
    assert f'rungraph_statements_total{{{labels},worker="0"}} 1\n' in text
    assert f'rungraph_statements_total{{{labels},worker="1"}} 3\n' in text
    assert 'rungraph_ingest_bytes_total{worker="0"} 0\n' in text
    assert text.count("# HELP rungraph_statements_total") == 1
    assert text.count("# TYPE rungraph_statements_total counter") == 1
    lines = text.splitlines()
    begin = lines.index("# TYPE rungraph_statements_total counter")
    assert all(line.startswith("rungraph_statements") for line in lines[begin + 1 : begin + 3])
    assert merged({}) == ""


def test_what_breaks_is_counted_as_failed(store, settings, monkeypatch: pytest.MonkeyPatch):
    async def breaks(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Endpoint, "_serve", breaks)
    with TestClient(create_app(settings, store, upkeep=False)) as client:
        with pytest.raises(RuntimeError):
            client.post("/graphql", json=ASKED)
        text = client.get("/metrics").text

    assert 'rungraph_request_seconds_count{operation="anonymous",outcome="failed"} 1' in text
