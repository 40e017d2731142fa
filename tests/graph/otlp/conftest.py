"""Fixtures: send spans, and see the runs that they have become."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.graph.otlp.sending import PROTOBUF, body

RUNS = """{ runs(first: 50, orderBy: [{field: START_TIME, direction: ASC}]) { nodes {
    id name runType inputs outputs extra metadata events error tags serialized
    startTime endTime firstTokenTime status traceId parentRunId dottedOrder
    promptTokens completionTokens totalTokens promptCost totalCost
    promptTokenDetails { kind tokens } completionTokenDetails { kind tokens }
} } }"""


@pytest.fixture
def export(client: TestClient) -> Callable[..., Any]:
    """Send spans in one request; all must be kept."""

    def export(*spans: Any, headers: dict[str, str] | None = None, **told: Any) -> None:
        sent = body(*spans, **told)
        answer = client.post("/v1/traces", content=sent, headers={**PROTOBUF, **(headers or {})})
        assert (answer.status_code, answer.content) == (200, b"")

    return export


@pytest.fixture
def runs(ask: Callable[..., Any]) -> Callable[[], list[dict[str, Any]]]:
    """Return all runs, in the order in which they began."""
    return lambda: ask(RUNS)["runs"]["nodes"]


@pytest.fixture
def run_of(export: Callable[..., Any], runs: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Send one span; return its run."""

    def run_of(sent: Any, **told: Any) -> dict[str, Any]:
        export(sent, **told)
        return runs()[0]

    return run_of
