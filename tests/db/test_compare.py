"""Two trees side by side: who stands for whom, and what differs."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, TypeAlias
from uuid import uuid5

import pytest

from db import compare
from db.arrivals import RunArrival
from db.dotted import segment
from graph.settings import Settings
from tests.conftest import NAMES, NOON, run_id

Tree: TypeAlias = tuple[str, list["Tree"]]
Ask = Callable[..., Any]
PAIRS = (
    "query($a: ID!, $b: ID!) { compareRuns(a: $a, b: $b) { a { name } b { id name inputs } pairs {"
    " a { name } b { name childRuns { name } } depth latencyDelta totalTokensDelta totalCostDelta"
    " statusChanged inputsDiffer outputsDiffer } } }"
)


@pytest.fixture(params=["engine", "graphql-core"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Both ways to execute."""
    return Settings(debug=True, engine=request.param == "engine")


@pytest.fixture
def step(keep: Callable[..., Any]) -> Callable[..., RunArrival]:
    """Store a run under a name that others may have too."""
    places = count()

    def step(name: str, parent: RunArrival | None = None, **facts: Any) -> RunArrival:
        at = next(places)
        id, start = uuid5(NAMES, f"step {at}"), NOON + timedelta(minutes=at)
        own = segment(start, id)
        told: dict[str, Any] = {
            "trace_id": parent.trace_id if parent else id,
            "parent_run_id": parent and parent.id,
            "dotted_order": f"{parent.dotted_order}.{own}" if parent else own,
            "start_time": start,
            "end_time": start + timedelta(seconds=1),
            "run_type": "chain",
        }
        run = RunArrival(id=id, post=True, name=name, **{**told, **facts})
        assert not keep(runs=[run]).refused
        return run

    return step


@pytest.fixture
def trace(step: Callable[..., RunArrival]) -> Callable[..., RunArrival]:
    """Store a tree: a name, and the trees below it."""

    def trace(tree: Tree, parent: RunArrival | None = None) -> RunArrival:
        name, below = tree
        run = step(name, parent)
        for each in below:
            trace(each, run)
        return run

    return trace


@pytest.fixture
def pairs(ask: Ask) -> Callable[..., Any]:
    """Compare two runs; return their pairs, by names and depth."""

    def pairs(a: Any, b: Any) -> list[tuple[str | None, str | None, int]]:
        found = ask(PAIRS, a=str(a.id), b=str(b.id))["compareRuns"]["pairs"]
        return [
            (pair["a"] and pair["a"]["name"], pair["b"] and pair["b"]["name"], pair["depth"])
            for pair in found
        ]

    return pairs


def test_equal_trees_are_all_pairs(trace: Callable[..., Any], pairs: Callable[..., Any]):
    tree = ("root", [("plan", []), ("act", [("tool", []), ("tool", [])])])

    assert pairs(trace(tree), trace(tree)) == [
        ("root", "root", 0),
        ("plan", "plan", 1),
        ("act", "act", 1),
        ("tool", "tool", 2),
        ("tool", "tool", 2),
    ]


def test_insertions_and_deletions_stand_where_they_are(
    trace: Callable[..., Any], pairs: Callable[..., Any]
):
    a = trace(("root", [("gone", [("below", [])]), ("same", []), ("twice", [])]))
    b = trace(("root", [("new", [("under", [])]), ("same", []), ("twice", []), ("twice", [])]))

    assert pairs(a, b) == [
        ("root", "root", 0),
        ("gone", None, 1),
        ("below", None, 2),
        (None, "new", 1),
        (None, "under", 2),
        ("same", "same", 1),
        ("twice", "twice", 1),
        (None, "twice", 1),
    ]


def test_only_equal_names_and_types_stand_for_each_other(
    step: Callable[..., Any], pairs: Callable[..., Any]
):
    a, b = step("one name"), step("another")
    step("step", a, run_type="tool")
    step("step", b, run_type="llm")

    assert pairs(a, b) == [("one name", "another", 0), ("step", None, 1), (None, "step", 1)]


def test_runs_of_one_trace_compare_what_is_below_them(
    step: Callable[..., Any], pairs: Callable[..., Any]
):
    root = step("root")
    first, second = step("try", root), step("try", root)
    step("tool", first)
    step("tool", second)

    assert pairs(first, second) == [("try", "try", 0), ("tool", "tool", 1)]
    assert pairs(first, first) == [("try", "try", 0), ("tool", "tool", 1)]


def test_what_differs_is_told(ask: Ask, step: Callable[..., Any]):
    used = json.dumps({"prompt_tokens": 3, "completion_tokens": 1, "total_cost": 0.3})
    more = json.dumps({"prompt_tokens": 5, "completion_tokens": 1, "total_cost": 0.4})
    a = step("model", run_type="llm", usage=used, inputs="{}", outputs='{"x":1}')
    end = NOON + timedelta(seconds=65.25)
    b = step("model", run_type="llm", usage=more, outputs='{"x":2}', error="broken", end_time=end)

    (pair,) = ask(PAIRS, a=str(a.id), b=str(b.id))["compareRuns"]["pairs"]

    assert pair["latencyDelta"] == 4.25
    assert (pair["totalTokensDelta"], pair["totalCostDelta"]) == (2, "0.1")
    assert pair["statusChanged"] is True
    assert pair["inputsDiffer"] is False
    assert pair["outputsDiffer"] is True


def test_what_is_not_known_has_no_difference(ask: Ask, add: Callable[..., Any]):
    a, b = add("a", end_time=None), add("b")
    add("alone", at=1, parent=b)

    pair, alone = ask(PAIRS, a=str(a.id), b=str(b.id))["compareRuns"]["pairs"]

    assert (pair["latencyDelta"], pair["totalTokensDelta"], pair["totalCostDelta"]) == (None,) * 3
    assert pair["inputsDiffer"] is False
    assert (alone["a"], alone["statusChanged"], alone["inputsDiffer"]) == (None, False, None)


def test_children_of_a_parent_that_never_came_hang_on_the_next_above(
    step: Callable[..., Any], trace: Callable[..., Any], pairs: Callable[..., Any]
):
    root = step("root")
    own = segment(NOON, uuid5(NAMES, "never came"))
    missing = replace(
        root, id=uuid5(NAMES, "never came"), dotted_order=f"{root.dotted_order}.{own}"
    )
    step("left", missing)

    assert pairs(root, trace(("root", [("left", [])]))) == [
        ("root", "root", 0),
        ("left", "left", 1),
    ]


def test_a_run_that_is_not_there_is_null(ask: Ask, add: Callable[..., Any]):
    add("there")

    found = ask(PAIRS, a=run_id("there"), b=run_id("nowhere"))

    assert found == {"compareRuns": None}


def test_trees_of_too_many_runs_are_refused(
    answer: Ask, trace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compare, "MOST_RUNS", 4)
    a, b = trace(("root", [("x", [])])), trace(("root", [("x", []), ("x", [])]))

    found = answer(PAIRS, a=str(a.id), b=str(b.id))

    assert "more than 4 runs" in found["errors"][0]["message"]


def test_payloads_are_compared_where_they_are_stored(
    statements: Callable[..., list[str]], trace: Callable[..., Any]
):
    a, b = (trace(("root", [("x", []), ("y", [])])) for _ in range(2))
    query = (
        "query($a: ID!, $b: ID!) { compareRuns(a: $a, b: $b) { pairs { inputsDiffer"
        " latencyDelta a { name } b { name } } } }"
    )

    found = statements(query, a=str(a.id), b=str(b.id))

    assert len(found) == 3
    assert [sql for sql in found if "run_payload" in sql] == [found[-1]]
    assert "coalesce" in found[-1]
