"""What operators see: numbers, a line for each request, a database examined and copied."""

import os
import sqlite3

import orjson
import pytest
from starlette.testclient import TestClient

from db.backup import backup
from db.doctor import examine
from db.errors import ConflictError, InvalidError
from graph.app import create_app
from graph.observe import Seen
from graph.observe_log import RequestLog
from graph.observe_metrics import MOST_OPERATIONS, Metrics

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
