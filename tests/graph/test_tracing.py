"""Traces of the server itself: what has a span, what has none, and nothing of it while off."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

import graph.tracing as tracing_module
from db.errors import InvalidError
from db.store import Store
from graph.app import create_app
from graph.commands import serve
from graph.http import Endpoint
from graph.settings import Settings
from graph.tracing import OWN, Tracing, is_here
from tests.graph.ingest.sending import post
from tests.graph.otlp.sending import PROTOBUF, body, span
from tests.servers import environ, serving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUERY = "query Newest { runs(first: 1) { nodes { id name tags } } }"
ASKED = {"query": QUERY, "operationName": "Newest"}


class Told:
    """A server whose spans are kept here."""

    def __init__(self, client: TestClient, tracing: Tracing, exporter: InMemorySpanExporter):
        self.client = client
        self._tracing = tracing
        self._exporter = exporter

    def spans(self) -> list[ReadableSpan]:
        """All spans since the last time, in the order in which they ended."""
        self._tracing._provider.force_flush()
        found = list(self._exporter.get_finished_spans())
        self._exporter.clear()
        return found


@pytest.fixture
def told(store: Store, settings: Settings) -> Iterator[Told]:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    with TestClient(create_app(settings, store, upkeep=False, tracing=tracing)) as client:
        yield Told(client, tracing, exporter)


def names(spans: list[ReadableSpan]) -> list[str]:
    return [each.name for each in spans]


def below(spans: list[ReadableSpan], above: ReadableSpan) -> list[ReadableSpan]:
    return [each for each in spans if each.parent and each.parent.span_id == id_of(above)]


def id_of(made: ReadableSpan) -> int:
    assert made.context
    return made.context.span_id


def test_a_query_is_a_request_with_an_operation_with_its_statements(told):
    answer = told.client.post("/graphql", json=ASKED, headers={"traceparent": PARENT})

    spans = told.spans()
    request = spans[-1]
    assert "errors" not in answer.json()
    assert request.name == "POST /graphql"
    assert request.parent
    assert f"{request.parent.trace_id:032x}" == PARENT[3:35]
    assert f"{request.parent.span_id:016x}" == PARENT[36:52]
    attributes = dict(request.attributes or {})
    assert attributes["http.response.status_code"] == 200
    assert attributes["graphql.operation.name"] == "Newest"
    (operation,) = [each for each in below(spans, request) if each.name == "operation Newest"]
    statements = below(spans, operation)
    assert set(names(statements)) == {"SELECT"}
    assert len(statements) == dict(operation.attributes or {})["rungraph.statements"]
    assert "FROM" in str(dict(statements[0].attributes or {})["db.query.text"])


def test_what_a_request_brings_is_flushed_below_it(told):
    told.client.post("/runs", json=post())

    spans = told.spans()
    (request,) = [each for each in spans if each.name == "POST /runs"]
    (flush,) = [each for each in below(spans, request) if each.name == "flush"]
    assert dict(flush.attributes or {})["rungraph.flush.jobs"] == 1
    assert "INSERT" in names(below(spans, flush))


def test_parts_of_paths_are_named(told):
    told.client.get(f"/runs/{post()['id']}")

    assert told.spans()[-1].name == "GET /runs/{id}"


def test_spans_hold_neither_values_nor_keys(told):
    sent = post(name="a secret name", inputs={"q": "a secret"}, session_name="a secret project")
    told.client.post("/runs", json=sent, headers={"x-api-key": "a secret key"})
    query = (
        'query Q($n: String) { runs(where: {name: {eq: $n}, tags: {hasAny: ["a secret"]}})'
        " { nodes { id } } }"
    )
    sent = {"query": query, "variables": {"n": "a secret"}}
    assert "errors" not in told.client.post("/graphql", json=sent).json()

    spans = told.spans()
    assert spans
    assert not [each for each in spans if "secret" in each.to_json()]


def test_probes_and_what_nobody_asked_for_have_no_spans(told, store):
    for path in ("/healthz", "/readyz", "/metrics"):
        told.client.get(path)

    assert told.spans() == []


def test_traces_that_are_not_sampled_are_not_made(told):
    told.client.post("/graphql", json={"query": QUERY}, headers={"traceparent": PARENT[:-1] + "0"})

    assert told.spans() == []


def test_exports_of_our_own_make_no_spans(told):
    headers = {**PROTOBUF, OWN: "1", "traceparent": PARENT}
    assert told.client.post("/v1/traces", content=body(span(0)), headers=headers).content == b""
    assert told.spans() == []

    told.client.post("/v1/traces", content=body(span(1)), headers=PROTOBUF)
    assert "POST /v1/traces" in names(told.spans())


def test_operations_over_sockets_have_spans(told):
    with told.client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        socket.receive_json()
        socket.send_json({"type": "subscribe", "id": "1", "payload": ASKED})
        assert socket.receive_json()["type"] == "next"

    spans = told.spans()
    (operation,) = [each for each in spans if each.name == "operation Newest"]
    assert operation.parent is None
    assert set(names(below(spans, operation))) == {"SELECT"}


def test_what_fails_is_told_by_its_kind_alone(told, monkeypatch):
    async def broken(*_: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(Endpoint, "_answer", broken)
    with pytest.raises(RuntimeError):
        told.client.post("/graphql", json={"query": QUERY})

    request = told.spans()[-1]
    assert request.status.status_code is StatusCode.ERROR
    assert dict(request.attributes or {})["error.type"] == "RuntimeError"
    assert not request.events


def test_nothing_of_it_is_there_while_it_is_off(store, settings):
    readers = store._readers
    app = create_app(settings, store, upkeep=False)

    assert store._readers is readers
    assert list(before(app.build_middleware_stack())) == ["Observer", "Gate", "Straight"]
    store.close()


def before(app: Any) -> Iterator[str]:
    """Yield the names of what a request passes before Starlette's own."""
    while hasattr(app, "_app"):
        yield type(app).__name__
        app = app._app


HERE = "http://127.0.0.1:8000"


class Collector(BaseHTTPRequestHandler):
    """Keeps the headers of what it is sent."""

    sent: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        self.sent.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_exports_say_whose_they_are(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=mine")
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever).start()
        tracing = Tracing.to(f"http://127.0.0.1:{collector.server_port}/v1/traces", HERE)
        with tracing.span("one"):
            pass
        asyncio.run(tracing.aclose())
        collector.shutdown()

    (headers,) = Collector.sent
    assert (headers[OWN], headers["x-api-key"]) == ("1", "mine")


class Hanging(InMemorySpanExporter):
    """Takes as long as it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def export(self, spans: Any) -> SpanExportResult:
        self.told.wait(60)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.told.set()


def test_a_backend_that_hangs_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(tracing_module, "SECONDS", 0.01)
    exporter = Hanging()
    tracing = Tracing(exporter)
    with tracing.span("one"):
        pass
    asyncio.run(tracing.aclose())

    assert exporter.told.is_set()


@pytest.mark.parametrize(
    ("endpoint", "is_ours"),
    [
        ("http://127.0.0.1:8000/v1/traces", True),
        ("http://localhost:8000/otel/v1/traces", True),
        ("http://0.0.0.0:8000/v1/traces", True),
        ("http://127.0.0.1:4318/v1/traces", False),
        ("http://203.0.113.7:8000/v1/traces", False),
        ("https://127.0.0.1/v1/traces", False),
    ],
)
def test_an_endpoint_that_is_this_server_is_known(endpoint, is_ours):
    assert is_here(endpoint, HERE) is is_ours
    if is_ours:
        with pytest.raises(InvalidError, match="which is this server"):
            Tracing.to(endpoint, HERE)


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "graph.tracing", None)
    settings = Settings(
        db=f"sqlite:///{tmp_path / 'runs.db'}", port=0, otel_endpoint="http://collector:4318"
    )

    with pytest.raises(InvalidError, match=r"RUNGRAPH_OTEL_ENDPOINT is set, .* 'rungraph\[otel\]'"):
        serve(settings)


TRACED = """query ($p: String!) { runs(first: 50, where: {projectName: {eq: $p}}) {
    nodes { name parentRunId traceId } } }"""


def test_one_rungraph_traces_into_another(tmp_path):
    with serving("serve", f"sqlite:///{tmp_path / 'a.db'}") as kept:
        settings = {
            "RUNGRAPH_OTEL_ENDPOINT": f"{kept.url}/v1/traces",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with serving("serve", f"sqlite:///{tmp_path / 'b.db'}", settings=settings) as traced:
            httpx.post(f"{traced.url}/graphql", json=ASKED, timeout=30)
        found = kept.ask(TRACED, p="rungraph")["runs"]["nodes"]

    assert {"POST /graphql", "operation Newest", "SELECT"} <= {each["name"] for each in found}
    assert len({each["traceId"] for each in found}) == 1


def test_a_server_that_is_to_trace_into_itself_does_not_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-m", "graph", "serve", "--port", str(port)],
        env=environ(
            RUNGRAPH_DB=f"sqlite:///{tmp_path / 'runs.db'}",
            RUNGRAPH_OTEL_ENDPOINT=f"http://localhost:{port}/v1/traces",
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "which is this server" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_endpoint_is_a_setting(settings):
    assert replace(settings, otel_endpoint="http://collector:4318/v1/traces").otel_endpoint
