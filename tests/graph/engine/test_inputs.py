"""Values that come in: variables of any type, and literals with variables in them."""

from collections.abc import Callable
from typing import Any

import pytest

from graph.setting_kinds import Engine
from tests.conftest import run_id
from tests.levels import Answer

Everywhere = Callable[..., dict[Engine, Answer]]


@pytest.fixture(autouse=True)
def _runs(add: Callable[..., Any]) -> None:
    for at in range(4):
        extra = {"metadata": {"n": at, "list": [at, {"x": at}]}}
        add(f"run{at}", at=at, extra=extra, tags=(f"t{at}",), run_type="llm" if at % 2 else "tool")


FOUND = "nodes { name }"
IN_AND_NOT_IN = '{in: [$a, "run3"], notIn: $b}'
WHERE = f"query($where: RunFilter) {{ runs(where: $where) {{ {FOUND} }} }}"


def nested(depth: int) -> dict[str, Any]:
    """Return a filter of lists in lists."""
    where: dict[str, Any] = {"name": {"eq": "run1"}}
    for _ in range(depth):
        where = {"and": [where]}
    return where


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({"name": {"eq": "run1"}}, ["run1"]),
        ({"name": {"in": ["run1", "run2"]}}, ["run2", "run1"]),
        ({"name": {"in": "run1"}}, ["run1"]),
        ({"or": {"name": {"eq": "run3"}}}, ["run3"]),
        ({"metadata": {"path": "n", "gt": 1}}, ["run3", "run2"]),
        ({"metadata": [{"path": "list[1]", "eq": {"x": 2}}]}, ["run2"]),
        ({"tags": {"hasAny": ["t0", "t3"]}, "status": {"neq": "ERROR"}}, ["run3", "run0"]),
        ({"id": {"eq": run_id("run1")}}, ["run1"]),
        (nested(20), ["run1"]),
        ({}, ["run3", "run2", "run1", "run0"]),
        (None, ["run3", "run2", "run1", "run0"]),
    ],
)
def test_a_filter_may_be_a_variable(planned: Callable[..., Answer], where: Any, names: list[str]):
    found = planned(WHERE, {"where": where}).decoded

    assert [run["name"] for run in found["runs"]["nodes"]] == names


@pytest.mark.parametrize(
    "where",
    [
        {"nothing": 1},
        {"name": {"eq": 5}},
        {"name": "run1"},
        {"metadata": [{"eq": 1}]},
        {"status": {"eq": "WEIRD"}},
        {"totalTokens": {"eq": "many"}},
        {"startTime": {"gt": "yesterday"}},
        {"and": [None]},
        [],
        5,
        nested(150),
    ],
)
def test_a_variable_that_is_not_valid_is_refused_as_ever(everywhere: Everywhere, where: Any):
    answers = everywhere(WHERE, {"where": where})

    assert answers[Engine.HTTP].errors or answers[Engine.HTTP].path == "none"


@pytest.mark.parametrize(
    ("declared", "arguments", "variables"),
    [
        ("$a: String", 'where: {name: {in: ["run0", "run1"], neq: $a}}', {"a": "run0"}),
        ("$a: String", "where: {name: {startsWith: $a}}", {}),
        ('$a: String = "run1"', "where: {name: {eq: $a}}", {}),
        (
            "$a: String!, $b: [String!]",
            'where: {name: {in: [$a, "run3"], notIn: $b}}',
            {"a": "run0"},
        ),
        (
            "$a: RunFilter!",
            'where: {or: [$a, {name: {eq: "run2"}}]}',
            {"a": {"runType": {"eq": "llm"}}},
        ),
        ("$a: JSON", 'where: {metadata: [{path: "list[1]", eq: $a}]}', {"a": {"x": 1}}),
        ("$a: Int", 'where: {metadata: [{path: "list[1]", eq: {x: $a}}]}', {"a": 1}),
        ("$a: Int", 'where: {metadata: [{path: "list", eq: [$a, {x: $a}]}]}', {"a": 3}),
        ("$a: Int = 2", 'where: {metadata: [{path: "list[1]", eq: {x: $a}}]}', {}),
        ("$a: Int", 'where: {metadata: [{path: "list[1]", eq: {x: $a}}]}', {}),
        ("$a: Int = 2", "first: $a", {}),
        ("$a: Int = 2", "first: $a", {"a": None}),
        ("$a: Int", "first: $a", {"a": 3}),
        ("$a: Direction! = ASC", "orderBy: [{field: NAME, direction: $a}]", {}),
        (
            "$a: Direction = ASC",
            "orderBy: {field: NAME, direction: $a, nulls: FIRST}",
            {"a": "DESC"},
        ),
        ("$a: RunOrder!", "orderBy: [$a]", {"a": {"field": "NAME", "direction": "ASC"}}),
        ("$a: RunStatus!", "where: {status: {in: [$a]}}", {"a": "SUCCESS"}),
        ("$a: Float", "where: {latency: {gte: $a}}", {"a": 0}),
        ("$a: Float", "where: {latency: {gte: $a}}", {"a": 0.5}),
        ("$a: DateTime", "where: {startTime: {gt: $a}}", {"a": "2020-01-01T00:00:00Z"}),
        ("$a: ID", "where: {id: {neq: $a}}", {"a": run_id("run1")}),
        ("$a: Boolean", "where: {isRoot: $a}", {"a": True}),
    ],
)
def test_literals_may_hold_variables(
    planned: Callable[..., Answer], declared: str, arguments: str, variables: dict[str, Any]
):
    planned(f"query({declared}) {{ runs({arguments}) {{ {FOUND} }} }}", variables)


@pytest.mark.parametrize(
    ("declared", "arguments", "variables"),
    [
        ("$a: String", "where: {name: {eq: $a}}", {"a": None}),
        ('$a: String = "x"', "where: {name: {in: [$a]}}", {"a": None}),
        ("$a: Direction = ASC", "orderBy: {field: NAME, direction: $a}", {"a": None}),
        ("$a: ID", "where: {id: {eq: $a}}", {"a": 5}),
        ("$a: Int", "first: $a", {"a": 2**31}),
        ("$a: Int", "first: $a", {"a": 1.0}),
        ("$a: Int", "first: $a", {"a": "1"}),
        ("$a: Float", "where: {latency: {gte: $a}}", {"a": 10**400}),
        ("$a: String!", "where: {name: {eq: $a}}", {}),
        ("$a: [String!]!", "where: {name: {in: $a}}", {"a": [None]}),
    ],
)
def test_odd_variables_are_answered_as_ever(
    everywhere: Everywhere, declared: str, arguments: str, variables: dict[str, Any]
):
    everywhere(f"query({declared}) {{ runs({arguments}) {{ {FOUND} }} }}", variables)


def test_a_filter_that_nests_deep_is_answered_as_ever(everywhere: Everywhere):
    everywhere(WHERE, {"where": nested(65)})


@pytest.mark.parametrize(
    "by", [{"name": "default"}, {"id": None}, {}, {"name": "a", "id": "b"}, {"name": None}]
)
def test_one_of_is_one_of_them(everywhere: Everywhere, by: Any, caplog: pytest.LogCaptureFixture):
    everywhere("query($by: ProjectRef!) { project(by: $by) { name } }", {"by": by})
    everywhere("query($n: String!) { project(by: {name: $n}) { name } }", by)
    assert "a plan failed" not in caplog.text  # that would be a fault of ours
