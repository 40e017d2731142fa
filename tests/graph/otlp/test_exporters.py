"""Real exporters against a real server: OpenTelemetry's, and LangSmith's SDK in its mode for it."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import format_span_id

from tests.servers import HOME, Server, serving

QUERY = """query ($project: String!) {
  traces: runs(first: 10, where: {projectName: {eq: $project}, isRoot: true}) { nodes {
    id name runType status error inputs outputs
    childRuns { id name runType status error totalTokens metadata }
  } } }"""

USED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
}

PROGRAM = """
from langsmith import Client, traceable
from opentelemetry import trace

@traceable(run_type="llm", metadata={"ls_model_name": "gpt-4o", "thread_id": "th"})
def model(text):
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return {"text": text.upper(), "usage_metadata": usage}

@traceable(tags=["t"])
def app(text):
    return model(text)["text"]

@traceable
def broken():
    raise ValueError("no luck")

client = Client()
app("hello", langsmith_extra={"client": client})
try:
    broken(langsmith_extra={"client": client})
except ValueError:
    pass
client.flush()
trace.get_tracer_provider().force_flush()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("otlp") / "runs.db"
    with serving("serve", f"sqlite:///{path}") as server:
        yield server


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_spans_of_opentelemetrys_exporter_become_a_trace(server, compression):
    project = f"exporter-{compression.value}"
    exporter = OTLPSpanExporter(f"{server.url}/v1/traces", compression=compression, timeout=30)
    provider = TracerProvider(resource=Resource.create({"service.name": project}))
    # One request for each span, and so each child before its parent.
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("agent", attributes={"input.value": "hi"}) as root:
        tracer.start_span("chat", attributes=USED).end()
        with pytest.raises(ValueError, match="no luck"), tracer.start_as_current_span("tool"):
            raise ValueError("no luck")
    provider.shutdown()

    (found,) = server.ask(QUERY, project=project)["traces"]["nodes"]
    id = format_span_id(root.get_span_context().span_id)
    assert found["id"].replace("-", "") == "0" * 16 + id
    assert (found["name"], found["inputs"]) == ("agent", {"input": "hi"})
    chat, tool = found["childRuns"]
    assert (chat["name"], chat["runType"], chat["totalTokens"]) == ("chat", "llm", 15)
    assert (tool["status"], tool["error"].split("\n")[0]) == ("ERROR", "ValueError: no luck")


def test_the_exporter_is_told_that_all_went_well(server):
    exporter = OTLPSpanExporter(f"{server.url}/otel/v1/traces", timeout=30)
    assert exporter.export([]) is SpanExportResult.SUCCESS
    exporter.shutdown()


def test_langsmiths_sdk_in_its_opentelemetry_mode_traces_as_ever(server, tmp_path):
    environ = {
        **{name: told for name, told in os.environ.items() if not name.startswith("OTEL_")},
        "LANGSMITH_ENDPOINT": server.url,
        "LANGSMITH_API_KEY": "any",
        "LANGSMITH_PROJECT": "sdk",
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_OTEL_ENABLED": "true",
        "LANGSMITH_OTEL_ONLY": "true",
        "PYTHONPATH": str(HOME),
    }
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    subprocess.run([sys.executable, str(program)], env=environ, check=True, timeout=60)

    found = server.ask(QUERY, project="sdk")["traces"]["nodes"]
    app, broken = sorted(found, key=lambda each: each["name"])
    assert (app["inputs"], app["outputs"]) == ({"text": "hello"}, {"output": "HELLO"})
    (model,) = app["childRuns"]
    assert (model["runType"], model["totalTokens"]) == ("llm", 15)
    assert model["metadata"]["thread_id"] == "th"
    assert (broken["status"], broken["error"][:21]) == ("ERROR", "ValueError('no luck')")
