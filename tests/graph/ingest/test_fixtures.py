"""Recorded traffic of real SDKs, sent again byte for byte, gives the runs that it describes."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from sqlalchemy import select

from db.tables import ATTACHMENT, FEEDBACK, PROJECT, RUN, RUN_PAYLOAD
from tests.graph.ingest import recorded

pytestmark = pytest.mark.skipif(not recorded.SCENARIOS, reason=recorded.MISSING)

PAYLOADS = ("inputs", "outputs", "extra", "events", "serialized")
PLAIN = ("name", "run_type", "error")
IDS = ("parent_run_id", "reference_example_id")

RUNS = select(RUN, RUN_PAYLOAD, PROJECT.c.name.label("session_name")).where(
    RUN.c.trace_id == RUN_PAYLOAD.c.trace_id,
    RUN.c.id == RUN_PAYLOAD.c.id,
    RUN.c.session_id == PROJECT.c.id,
)
SPANS = 1 << 64
"""Runs with ids below came as spans."""

FILES = select(ATTACHMENT).where(ATTACHMENT.c.mime_type != "application/json")


@pytest.fixture(params=recorded.SCENARIOS)
def replayed(request, client):
    """A scenario's requests, sent again to a new server, each with its answer."""
    return [(sent, sent.send(client)) for sent in recorded.requests_of(request.param)]


def test_every_request_is_answered_as_the_sdk_expects(replayed):
    known = set()
    for sent, answer in replayed:
        told = (sent.seq, sent.method, sent.path, answer.status_code, answer.text)
        if sent.brings_runs:
            assert answer.status_code == 202, told
            assert set(answer.json()) == {"message"}, told
        elif sent.exports:
            assert (answer.status_code, answer.content) == (200, b""), told
        elif sent.reads_runs:
            assert answer.status_code < 500, told
        elif not sent.served:
            assert answer.status_code == 404, told
            assert "/graphql" in answer.json()["detail"], told
        elif sent.path.startswith("/sessions/") and sent.path not in known:
            assert answer.status_code == 404, told
        else:
            assert answer.status_code == 200, told
        if sent.method == "POST" and sent.path == "/sessions":
            known.add(f"/sessions/{answer.json()['id']}")


def test_lists_answer_what_was_recorded(replayed):
    for sent, answer in replayed:
        if sent.method == "GET" and sent.path == "/feedback":
            # The recording server did not look at the keys.
            keys = parse_qs(sent.query).get("key", [each["key"] for each in sent.answer])
            expected = {each["id"] for each in sent.answer if each["key"] in keys}
            assert {each["id"] for each in answer.json()} == expected
        if sent.method == "GET" and sent.path == "/sessions" and "metadata" not in sent.query:
            assert [each["name"] for each in answer.json()] == [
                each["name"] for each in sent.answer
            ]


def test_what_is_stored_is_what_was_described(replayed, store):
    described = recorded.described([sent for sent, _ in replayed])

    with store._engine.connect() as connection:

        def rows(statement):
            return connection.execute(statement).mappings().all()

        runs = {str(row["id"]): row for row in rows(RUNS) if row["id"].int >= SPANS}
        assert runs.keys() == described.runs.keys()
        for id, told in described.runs.items():
            check_run(runs[id], told)
        assert {
            (str(row["run_id"]), row["name"]): (row["mime_type"], row["data"])
            for row in rows(FILES)
        } == described.files
        feedback = {str(row["id"]): row for row in rows(select(FEEDBACK))}
        assert feedback.keys() == described.feedback.keys()
        for id, told in described.feedback.items():
            check_feedback(feedback[id], told, {run: row["trace_id"] for run, row in runs.items()})


def check_run(row, told):
    id = told["id"]
    for name in PLAIN:
        assert row[name] == told.get(name), (id, name)
    assert row["dotted_order"] == told.get("dotted_order", row["dotted_order"]), id
    assert row["dotted_order"].endswith(id), id
    assert row["trace_id"] == as_id(told.get("trace_id", id)), id
    for name in IDS:
        assert row[name] == as_id(told.get(name)), (id, name)
    for name in PAYLOADS:
        assert json.loads(row[name] or "null") == told.get(name), (id, name)
    for name in ("start_time", "end_time"):
        if name in told:
            assert row[name] == as_stored(told[name]), (id, name)
    assert json.loads(row["tags"] or "null") == told.get("tags"), id
    assert row["session_name"] == told["session_name"], id
    ended = "success" if told.get("end_time") else "pending"
    assert row["status"] == ("error" if told.get("error") else ended), id


def check_feedback(row, told, traces):
    id = told["id"]
    score = told.get("score")
    assert row["key"] == told["key"], id
    assert row["score"] == (None if score is None else float(score)), id
    assert row["comment"] == told.get("comment"), id
    assert json.loads(row["value"] or "null") == told.get("value"), id
    assert json.loads(row["correction"] or "null") == told.get("correction"), id
    assert json.loads(row["source"]) == told["feedback_source"], id
    assert row["run_id"] == as_id(told.get("run_id")), id
    assert row["trace_id"] == traces.get(told.get("run_id"), as_id(told.get("session_id"))), id
    if "created_at" in told:
        assert row["created_at"] == as_stored(told["created_at"]), id


def as_id(id):
    return None if id is None else UUID(id)


def as_stored(moment):
    if moment is None:
        return None
    if isinstance(moment, int):
        return datetime.fromtimestamp(moment / 1000, UTC)
    read = datetime.fromisoformat(moment)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
