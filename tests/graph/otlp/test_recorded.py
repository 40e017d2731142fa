"""LangSmith's SDK in its OpenTelemetry mode, recorded: the runs are those of its other mode."""

import pytest

from tests.graph.ingest import recorded

pytestmark = pytest.mark.skipif(not recorded.SCENARIOS, reason=recorded.MISSING)

OWN = {"OTEL_TRACE_ID", "OTEL_SPAN_ID", "service.name"}
QUERY = """query ($where: RunFilter) { runs(first: 10, where: $where) { nodes {
    id name runType inputs outputs error tags status metadata serialized startTime endTime
    parentRunId totalTokens promptTokenDetails { kind tokens } totalCost } } }"""


def by_name(nodes, *, spans):
    found = [each for each in nodes if each["id"].startswith("00000000-0000-0000-") == spans]
    names = {each["id"]: each["name"] for each in found}
    return {
        each["name"]: {
            **each,
            "id": None,
            "parentRunId": names.get(each["parentRunId"]),
            "metadata": {key: told for key, told in each["metadata"].items() if key not in OWN},
        }
        for each in found
    }


def test_spans_of_the_sdk_become_the_runs_it_sends_beside_them(client, ask):
    for sent in recorded.requests_of("otel_hybrid"):
        assert sent.send(client).status_code in {200, 202}

    nodes = ask(QUERY)["runs"]["nodes"]
    spans, sent = by_name(nodes, spans=True), by_name(nodes, spans=False)
    assert sent.keys() == {"root", "llm", "bad"}
    assert spans == sent


def test_spans_of_the_sdk_are_in_its_project_and_thread(client, ask):
    for sent in recorded.requests_of("otel_otel") * 2:
        assert sent.send(client).status_code == 200

    where = {"projectName": {"eq": "fixture-project"}, "threadId": {"eq": "th-1"}}
    nodes = ask(QUERY, where=where)["runs"]["nodes"]
    assert {each["name"] for each in nodes} == {"root", "llm"}
    assert {each["totalTokens"] for each in nodes} == {5}
