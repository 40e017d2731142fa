"""POST /v1/traces as OTLP has it: both encodings, what is answered, and what is refused."""

import gzip
import json
import logging
from dataclasses import replace

import pytest
import zstandard
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.testclient import TestClient

from db.errors import BusyError
from db.store import Store
from graph.app import create_app
from graph.otlp.routes import PATHS
from tests.graph.otlp.sending import JSON, PROTOBUF, body, json_body, request, run_id, span

pytestmark = pytest.mark.only_on("sqlite", reason="the answers are made without a database")

BAD = span(1, trace_id=b"short")


def status_in(answer) -> tuple[int, str]:
    """Return the code and the message of a google.rpc.Status in protobuf, read by hand."""
    content = answer.content
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert content[0] == 0x08
    assert content[2] == 0x12
    length, start = content[3], 4
    if length & 0x80:
        length, start = (length & 0x7F) | content[4] << 7, 5
    assert len(content) == start + length
    return content[1], content[start:].decode()


@pytest.mark.parametrize("path", PATHS)
def test_protobuf_is_answered_in_protobuf(client, runs, path):
    answer = client.post(path, content=body(span(0)), headers=PROTOBUF)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert [run["id"] for run in runs()] == [run_id(0)]


@pytest.mark.parametrize("path", PATHS)
def test_json_is_answered_in_json(client, runs, path):
    answer = client.post(path, content=json_body(span(0)), headers=JSON)

    assert (answer.status_code, answer.json()) == (200, {})
    assert [run["id"] for run in runs()] == [run_id(0)]


ATTRIBUTES = {
    "text": "a",
    "flag": True,
    "whole": -(2**63),
    "number": 0.5,
    "infinite": float("inf"),
    "list": [1, "b", [False]],
    "object": {"a": {"b": 1.5}},
    "bytes": b"\xff\0",
    "nothing": None,
}


def test_both_encodings_make_the_same_run(client, runs):
    told = span(0, kind=3, attributes=ATTRIBUTES, events=[("e", ATTRIBUTES)])
    told.links.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    told.status.code = 2
    told.status.message = "no"
    client.post("/v1/traces", content=body(told, **ATTRIBUTES), headers=PROTOBUF)
    binary = runs()
    told.name = "a longer name outranks"
    client.post("/v1/traces", content=json_body(told, **ATTRIBUTES), headers=JSON)

    found = runs()
    assert found[0].pop("name") == "a longer name outranks"
    assert binary[0].pop("name") == "span 0"
    assert found == binary
    assert found[0]["metadata"]["infinite"] == "Infinity"
    assert found[0]["metadata"]["bytes"] == "/wA="


def test_json_may_say_numbers_and_enums_as_it_likes(client, runs):
    sent = json.loads(json_body(span(0)))
    (made,) = sent["resourceSpans"][0]["scopeSpans"][0]["spans"]
    made["traceId"] = made["traceId"].upper()
    made["startTimeUnixNano"] = int(made["startTimeUnixNano"])
    made["kind"], made["status"] = 3, {"code": 2}
    made["attributes"] = [{"key": "n", "value": {"intValue": 5}}, {"key": "none"}]
    made["somethingNew"] = {"a": 1}
    answer = client.post("/v1/traces", content=json.dumps(sent), headers=JSON)

    assert answer.json() == {}
    (run,) = runs()
    assert (run["status"], run["metadata"]["n"]) == ("ERROR", 5)
    assert run["extra"]["otel"]["kind"] == "client"


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("zstd", zstandard.compress), ("identity", bytes)],
)
def test_bodies_may_be_compressed(client, runs, encoding, encode):
    headers = {**PROTOBUF, "content-encoding": encoding}
    answer = client.post("/v1/traces", content=encode(body(span(0))), headers=headers)

    assert answer.status_code == 200
    assert len(runs()) == 1


def test_an_empty_request_is_fine(client):
    assert client.post("/v1/traces", content=b"", headers=PROTOBUF).status_code == 200
    assert client.post("/v1/traces", content=b"{}", headers=JSON).json() == {}


def test_bad_spans_are_refused_by_name_and_their_neighbours_kept(client, runs):
    answer = client.post("/v1/traces", content=body(span(0), BAD), headers=PROTOBUF)

    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert partial.rejected_spans == 1
    assert partial.error_message == (
        "INVALID_SPAN: span 'span 1': traceId is '73686f7274'; it must be 16 bytes, not all zero"
    )
    assert [run["id"] for run in runs()] == [run_id(0)]


def test_json_answers_tell_refusals_too(client):
    answer = client.post("/v1/traces", content=json_body(BAD, BAD), headers=JSON)

    partial = Parse(answer.text, ExportTraceServiceResponse()).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 2)
    assert "16 bytes" in partial.error_message


def test_many_refusals_are_counted_rather_than_told(client):
    answer = client.post("/v1/traces", content=json_body(*[BAD] * 9), headers=JSON)

    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "9"
    assert partial["errorMessage"].endswith("; and 4 more")
    assert len(partial["errorMessage"]) < 1000


WRONG = [
    ({"span_id": bytes(8)}, "spanId is '0000000000000000'; it must be 8 bytes, not all zero"),
    ({"parent_span_id": b"1"}, "parentSpanId is '31'; it must be 8 bytes, or none"),
    ({"start_time_unix_nano": 0}, "startTimeUnixNano is missing"),
    ({"attributes": {"langsmith.span.id": "x"}}, "langsmith.span.id is 'x'; expected a UUID"),
    ({"attributes": {"langsmith.span.id": ["x"]}}, "langsmith.span.id is a list; expected a UUID"),
    ({"attributes": {"langsmith.span.dotted_order": "x"}}, "dotted_order is 'x'; it must be"),
    (
        {"attributes": {"langsmith.traceable_parent_otel_span_id": "x"}},
        "langsmith.traceable_parent_otel_span_id is 'x'; expected the id of a span",
    ),
    ({"parent_span_id": span(1).span_id}, f"parent_run_id is {run_id(1)}, the run itself"),
]


@pytest.mark.parametrize(("told", "message"), WRONG)
def test_refusals_say_what_is_allowed(client, told, message):
    answer = client.post("/v1/traces", content=json_body(span(1, **told)), headers=JSON)

    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert message in partial["errorMessage"]


def test_a_span_that_the_store_refuses_is_told_like_the_others(client, runs):
    client.post("/v1/traces", content=body(span(0), span(1, 0)), headers=PROTOBUF)
    answer = client.post("/v1/traces", content=json_body(span(1)), headers=JSON)

    assert answer.json()["partialSuccess"] == {
        "rejectedSpans": "1",
        "errorMessage": f"CONFLICT: run {run_id(1)} is in trace {run_id(0)}; "
        f"trace {run_id(1)} was given",
    }


JSON_WRONG = [
    (b"[]", "the body is a list; expected an object"),
    (b"{", "the body is not JSON"),
    (b'{"resourceSpans": 1}', "resourceSpans is 1; expected a list"),
    (b'{"resourceSpans": [1]}', "resourceSpans is 1; expected an object"),
    (b'{"resourceSpans": [{"scopeSpans": [{"spans": [7]}]}]}', "spans is 7; expected an object"),
    (b"[" * 2000, "the body is nested deeper than 1024 levels"),
]


@pytest.mark.parametrize(("sent", "message"), JSON_WRONG)
def test_what_is_no_request_is_a_400_with_a_status(client, sent, message):
    answer = client.post("/v1/traces", content=sent, headers=JSON)

    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.json()["message"].startswith(message)


@pytest.mark.parametrize(
    ("name", "sent", "message"),
    [
        ("traceId", "xyz", "traceId is 'xyz'; expected hexadecimal digits"),
        ("name", 5, "name is 5; expected text"),
        ("startTimeUnixNano", "-1", "startTimeUnixNano is '-1'; expected nanoseconds"),
        ("startTimeUnixNano", "soon", "startTimeUnixNano is 'soon'; expected a whole number"),
        ("kind", "SPAN_KIND_ODD", "kind is 'SPAN_KIND_ODD'; expected a whole number"),
        ("attributes", [{"key": "a", "value": {"intValue": "1.5"}}], "an intValue is '1.5'"),
        ("attributes", [{"key": "a", "value": {"intValue": 2**63}}], "an intValue is 9223372036"),
        ("attributes", [{"key": "a", "value": {"boolValue": 1}}], "a boolValue is 1; expected"),
        ("attributes", [{"key": "a", "value": {"doubleValue": "x"}}], "a doubleValue is 'x'"),
        ("attributes", {"a": 1}, "attributes is an object; expected a list"),
    ],
)
def test_json_of_a_span_that_is_none_refuses_the_span(client, runs, name, sent, message):
    told = json.loads(json_body(span(0), span(1)))
    told["resourceSpans"][0]["scopeSpans"][0]["spans"][0][name] = sent
    answer = client.post("/v1/traces", content=json.dumps(told), headers=JSON)

    assert answer.status_code == 200
    assert message in answer.json()["partialSuccess"]["errorMessage"]
    assert [run["id"] for run in runs()] == [run_id(1)]


def test_attributes_that_nest_too_deep_refuse_the_span(client):
    value: dict = {"intValue": 1}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    told = json.loads(json_body(span(0)))
    told["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [
        {"key": "a", "value": value}
    ]
    answer = client.post("/v1/traces", content=json.dumps(told), headers=JSON)

    assert "deeper than 100 levels" in answer.json()["partialSuccess"]["errorMessage"]


def test_bytes_that_are_no_protobuf_are_a_400_with_a_status_in_protobuf(client):
    answer = client.post("/v1/traces", content=b"\xff\xff", headers=PROTOBUF)

    assert answer.status_code == 400
    code, message = status_in(answer)
    assert code == 3
    assert message.startswith("the body is no ExportTraceServiceRequest in protobuf")


def test_a_broken_gzip_is_a_400(client):
    headers = {**PROTOBUF, "content-encoding": "gzip"}
    answer = client.post("/v1/traces", content=b"not gzip", headers=headers)

    assert answer.status_code == 400
    assert status_in(answer)[0] == 3


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"content-type": "text/plain"},
            "Content-Type is 'text/plain'; allowed: application/x-pro",
        ),
        ({}, "Content-Type is ''; allowed:"),
        ({**JSON, "content-encoding": "br"}, "Content-Encoding is 'br'; allowed: identity, gzip"),
    ],
)
def test_what_is_not_read_is_a_415(client, headers, message):
    answer = client.post("/v1/traces", content=b"{}", headers=headers)

    assert answer.status_code == 415
    assert answer.json()["message"].startswith(message)


@pytest.mark.parametrize(
    ("sent", "encoding"),
    [(b"x" * 2000, "identity"), (gzip.compress(bytes(2000)), "gzip")],
    ids=["plain", "gzip"],
)
def test_large_bodies_are_a_413(store, settings, sent, encoding):
    headers = {**PROTOBUF, "content-encoding": encoding}
    app = create_app(replace(settings, ingest_max_bytes=1000), store, upkeep=False)
    with TestClient(app) as client:
        answer = client.post("/v1/traces", content=sent, headers=headers)

    assert answer.status_code == 413
    code, message = status_in(answer)
    assert code == 8
    assert "RUNGRAPH_INGEST_MAX_BYTES" in message


def test_a_full_lane_asks_to_come_again(client, monkeypatch):
    async def full(*_):
        raise BusyError("too much waits")

    monkeypatch.setattr(Store, "ingest", full)
    answer = client.post("/v1/traces", content=body(span(0)), headers=PROTOBUF)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert status_in(answer) == (14, "too much waits")


def test_a_bug_is_shown_by_its_id_only(client, monkeypatch, caplog):
    async def broken(*_):
        raise RuntimeError("the secret")

    monkeypatch.setattr(Store, "ingest", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.post("/v1/traces", content=json_body(span(0)), headers=JSON)

    assert answer.status_code == 500
    assert answer.json()["code"] == 13
    assert "secret" not in answer.text
    assert answer.json()["message"].removeprefix("internal error ") in caplog.text


def test_pages_of_other_sites_may_not_send_spans(client, runs):
    headers = {**PROTOBUF, "origin": "https://evil.example"}
    answer = client.post("/v1/traces", content=body(span(0)), headers=headers)

    assert answer.status_code == 403
    assert status_in(answer)[0] == 7
    assert runs() == []


def test_other_methods_are_not_served(client):
    assert client.get("/v1/traces").status_code == 405


def test_requests_are_counted_as_what_they_bring(client):
    client.post("/v1/traces", content=body(span(0), span(1, 0)), headers=PROTOBUF)

    assert "rungraph_ingest_items_total 2" in client.get("/metrics").text


def test_a_large_request_is_read_beside_the_loop(client, runs):
    told = request(*(span(at, 0 if at else None) for at in range(1000)))
    answer = client.post("/v1/traces", content=told.SerializeToString(), headers=PROTOBUF)

    assert answer.content == b""
    assert len(told.SerializeToString()) > 64 * 1024
    assert len(runs()) == 50
