"""Whatever the schema allows to be asked is answered: no bug, no hang, no word from inside."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from starlette.testclient import TestClient

from db.store import Store
from graph.app import create_app
from graph.schema import schema
from graph.settings import Settings

REQUESTS = {"sqlite": 2000, "postgresql": 500}
KNOWN = {
    "BAD_USER_INPUT",
    "COST_TOO_HIGH",
    "GRAPHQL_VALIDATION_FAILED",
    "NOT_FOUND",
    "QUERY_TOO_LONG",
    "TIMEOUT",
    "TOO_DEEP",
    "TOO_MANY_ALIASES",
    "TOO_MANY_ERRORS",
    "TOO_MANY_ROOT_FIELDS",
    "TOO_MANY_ROWS",
    "TOO_MANY_TOKENS",
}
"""What an answer to a query that fits the schema may be refused by."""

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
TIMES = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
NUMBERS = st.integers(-(2**63), 2**63 - 1)
SCALARS = {
    "BigInt": NUMBERS.map(nodes.Int),
    "DateTime": (TIMES | TEXTS).map(nodes.String),
    "Decimal": (st.decimals(-1000, 1000, places=3).map(str) | TEXTS).map(nodes.String),
    "JSON": st.one_of(
        NUMBERS.map(nodes.Int), TEXTS.map(nodes.String), st.booleans().map(nodes.Boolean)
    ),
}


@pytest.fixture
def fuzzed(
    store: Store, add: Callable[..., Any], judge: Callable[..., Any]
) -> Iterator[TestClient]:
    """A client of a server with a few runs."""
    root = add("root", inputs={"a": [1, {"b": "c"}]}, outputs={"x": "needle"}, tags=["t"])
    for at in range(20):
        add(f"child {at}", at=at, parent=root, run_type="llm", extra={"metadata": {"k": at}})
    judge(root, "good", score=1.0)
    with TestClient(create_app(Settings(), store, upkeep=False)) as client:
        yield client


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_whatever_fits_the_schema_is_answered(fuzzed: TestClient, database: str):
    sent = 0

    @settings(
        max_examples=REQUESTS[database],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(queries(schema.as_str(), custom_scalars=SCALARS, allow_null=True))
    def law(query: str) -> None:
        nonlocal sent
        sent += 1
        found = fuzzed.post("/graphql", json={"query": query})
        assert found.status_code == 200, (query, found.text)
        answer = json.loads(found.content)
        for error in answer.get("errors", ()):
            assert error["extensions"]["code"] in KNOWN, (query, error)

    law()
    assert sent >= REQUESTS[database]
