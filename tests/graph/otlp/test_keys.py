"""Keys: whoever may send runs may send spans, into the projects of theirs, and not too often."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.testclient import TestClient

from db import keys
from graph.app import create_app
from tests.graph.otlp.sending import JSON, PROTOBUF, body, json_body, run_id, span
from tests.graph.otlp.test_http import status_in


@pytest.fixture
def make(store: Any) -> Callable[..., str]:
    """Make a key; return its text."""

    def make(*rights: str, projects: tuple[str, ...] = ()) -> str:
        with store._engine.begin() as connection:
            return keys.create(connection, datetime.now(UTC), rights=rights, named=projects)[1]

    return make


@pytest.fixture
def send(client: TestClient) -> Callable[..., Any]:
    """Send spans with a key, into a project."""

    def send(key: str | None, *spans: Any, project: str = "p") -> Any:
        headers = {**PROTOBUF, "langsmith-project": project, **({"x-api-key": key} if key else {})}
        return client.post("/v1/traces", content=body(*spans), headers=headers)

    return send


def test_with_keys_spans_want_one_that_may_write(send, make):
    reader, writer = make("read"), make("write")

    refused = send(None, span(0))
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert status_in(refused)[0] == 16
    refused = send(reader, span(0))
    assert refused.status_code == 403
    assert status_in(refused) == (
        7,
        f"key {reader.split('_')[1]} may not send runs: it lacks write scope",
    )
    assert send(writer, span(0)).status_code == 200


def test_a_refusal_is_in_the_encoding_of_the_request(client, make):
    make("write")
    answer = client.post("/otel/v1/traces", content=json_body(span(0)), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (401, 16)


def test_a_key_of_projects_sends_spans_into_these_only(send, make, client):
    mine, everybody = make("write", projects=("p",)), make("admin")

    assert send(mine, span(0)).content == b""
    refused = send(mine, span(1), project="q")
    assert refused.status_code == 403
    assert status_in(refused)[0] == 7
    assert "this key" in status_in(refused)[1]
    told = span(1, attributes={"langsmith.trace.session_name": "q"})
    partial = ExportTraceServiceResponse.FromString(send(mine, told, span(2)).content)
    assert partial.partial_success.rejected_spans == 1
    assert partial.partial_success.error_message.startswith("FORBIDDEN: ")

    asked = {"query": "{ runs { nodes { id } } }"}
    found = client.post("/graphql", json=asked, headers={"x-api-key": everybody}).json()
    ids = {each["id"] for each in found["data"]["runs"]["nodes"]}
    assert ids == {run_id(0), run_id(2)}


def test_a_key_of_projects_puts_no_span_under_a_run_of_another(send, make, client):
    mine, everybody = make("write", projects=("p",)), make("admin")
    send(everybody, span(0), project="q")
    send(mine, span(1, 0))

    asked = {"query": "{ runs { nodes { id } } }"}
    found = client.post("/graphql", json=asked, headers={"x-api-key": everybody}).json()
    assert [each["id"] for each in found["data"]["runs"]["nodes"]] == [run_id(0)]


def test_a_key_that_sends_too_often_is_told_when_to_come_again(store, settings, make):
    writer = make("write")
    app = create_app(replace(settings, ingest_per_second=1), store, upkeep=False)
    with TestClient(app) as client:
        headers = {**PROTOBUF, "x-api-key": writer}
        answers = [client.post("/v1/traces", content=b"", headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert status_in(answers[-1])[0] == 8
