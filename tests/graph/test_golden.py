"""Golden queries: `tests/queries/name.graphql` is answered with `name.json`, to the letter.

The data is that of `world`. To see new answers: `RUNGRAPH_TEST_GOLDEN=write pytest` this file; then
read the difference before it is committed.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import run_id
from tests.graph.test_trees import make

BOTH_ENGINES = True

QUERIES = Path(__file__).parents[1] / "queries"
NAMES = sorted(path.stem for path in QUERIES.glob("*.graphql"))
WRITE = os.environ.get("RUNGRAPH_TEST_GOLDEN") == "write"
_SIGNED = re.compile(r"expires=\d+&signature=[0-9a-f]+")


@pytest.fixture
def _world(add: Callable[..., Any], judge: Callable[..., Any], attach: Callable[..., Any]) -> None:
    """An agent that is under way, a run that failed, and a trace whose root never arrived."""
    usage = {
        "prompt_tokens": 1200,
        "completion_tokens": 300,
        "total_tokens": 1500,
        "prompt_token_details": {"cache_read": 1000},
        "completion_token_details": {"reasoning": 120},
        "prompt_cost": "0.0021",
        "completion_cost": "0.0045",
        "total_cost": "0.0066",
        "prompt_cost_details": {"cache_read": "0.0001"},
    }
    metadata = {"ls_model_name": "model-1", "thread_id": "thread 1", "revision_id": "v1-5-gabc"}
    agent = add(
        "agent",
        inputs={"question": "Wie groß ist der Mond?"},
        outputs={"answer": {"text": "3.474,8 km 🌕", "sources": [1, 2]}},
        extra={"metadata": metadata, "runtime": {"sdk": "langsmith-py"}},
        tags=("agent", "production"),
        end_time=None,
    )
    model = add(
        "model",
        at=0.25,
        parent=agent,
        run_type="llm",
        inputs={"messages": [{"role": "user", "content": "Wie groß?"}], "n": 2**70},
        outputs={"content": "3.474,8 km"},
        extra={"metadata": metadata},
        events=[{"name": "new_token", "time": "2026-01-01T12:00:00.750000+00:00"}],
        serialized={"lc": 1, "id": ["chat", "Model"]},
        usage=usage,
    )
    tool = add("tool", at=1.5, parent=agent, run_type="tool", error="Timeout: 5 s")
    add("retry", at=1.75, parent=tool, run_type="tool")
    attach(agent, "Mond & Sonne.txt", "größer".encode())
    judge(model, "correct", score=1.0, comment="stimmt")
    judge(model, "correct", score=0.0)
    judge(model, "tone", value='"friendly"', source='{"type": "human"}')
    add("failed", at=10, error="ValueError: broken", session_name="q")
    lost = make("lost", at=20)
    add("orphan", at=21, parent=lost, session_name="q")


def _told(name: str) -> dict[str, str]:
    """The variables of a query: each $name of a run is its id."""
    declared = re.findall(r"\$(\w+): ID!", (QUERIES / f"{name}.graphql").read_text())
    return {variable: run_id(variable) for variable in declared}


@pytest.mark.usefixtures("_world")
@pytest.mark.parametrize("name", NAMES)
def test_a_golden_query_has_its_golden_answer(client: TestClient, name: str):
    query = (QUERIES / f"{name}.graphql").read_text()
    text = client.post("/graphql", json={"query": query, "variables": _told(name)}).text
    answer = json.loads(_SIGNED.sub("expires=...&signature=...", text))
    answer.pop("extensions")
    found = json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
    golden = QUERIES / f"{name}.json"
    if WRITE:
        golden.write_text(found)

    assert found == golden.read_text()


def test_each_golden_answer_has_its_query():
    assert sorted(path.stem for path in QUERIES.glob("*.json")) == NAMES
