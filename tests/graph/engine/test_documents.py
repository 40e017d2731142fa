"""Which documents are planned, with which variables, and what is left to graphql-core."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from graph.setting_kinds import Engine
from tests.conftest import run_id
from tests.levels import Answer, Levels

TWO = "query One { runs(first: 1) { nodes { name } } } query Two { runs { totalCount } }"


@pytest.fixture(autouse=True)
def _runs(add: Callable[..., Any]) -> None:
    root = add("root", inputs={"a": {"b": [7]}})
    for at in range(3):
        add(f"child{at}", at=at + 1, parent=root, run_type="llm")


@pytest.mark.parametrize(
    ("document", "name", "data"),
    [
        (TWO, "Two", {"runs": {"totalCount": 4}}),
        (TWO, "One", {"runs": {"nodes": [{"name": "child2"}]}}),
        ("query Only { runs { totalCount } }", None, {"runs": {"totalCount": 4}}),
        ("query Only { runs { totalCount } }", "Only", {"runs": {"totalCount": 4}}),
        ("{ runs { totalCount } }", None, {"runs": {"totalCount": 4}}),
    ],
)
def test_the_operation_that_is_named_is_answered(
    planned: Callable[..., Answer], document: str, name: str | None, data: Any
):
    assert planned(document, operationName=name).decoded == data


@pytest.mark.parametrize("name", [None, "Three", "", "one"])
def test_an_operation_that_is_not_there_is_refused(unplanned: Callable[..., Answer], name: Any):
    unplanned(TWO, operationName=name)


def test_an_unknown_name_is_refused_where_there_is_but_one(unplanned: Callable[..., Answer]):
    unplanned("query Only { runs { totalCount } }", operationName="Other")


@pytest.mark.parametrize(
    "document",
    [
        "mutation { __typename }",
        "subscription { __typename }",
        "{ runs { nothing } }",
        "{ runs { nodes { name }",
        "",
        "query($v: Nothing) { runs { totalCount } }",
        'query { project(by: {id: "a", name: "b"}) { id } }',
        "query($v: String) { project(by: {name: $v}) { id } }",
        "{ __schema { queryType { name } } }",
        '{ run(id: "no id") { id } }',
        "{ runs(first: 5000) { totalCount } }",
    ],
)
def test_what_is_not_for_the_engine_is_left_alone(unplanned: Callable[..., Answer], document: str):
    unplanned(document)


def test_a_query_in_the_address_is_planned_as_well(levels: Levels, runner: asyncio.Runner):
    found = {
        engine: runner.run(levels.get(engine, query="{ runs { totalCount } }")) for engine in Engine
    }

    assert {answer.data for answer in found.values()} == {'{"runs":{"totalCount":4}}'}
    assert found[Engine.HTTP].path == "http"


VARIABLES = """query($first: Int = 2, $where: RunFilter, $after: String, $id: ID!, $path: String!) {
  runs(first: $first, where: $where, after: $after) { nodes { name } }
  run(id: $id) { inputsAt(path: $path) childRuns(where: $where) { name } }
}"""


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"first": None},
        {"first": 1, "where": None},
        {"first": 0, "where": {}},
        {"where": {"and": {"runType": {"eq": "llm"}}}},
        {"where": {"or": [{"name": {"in": "child1"}}, {"status": {"eq": "ERROR"}}]}},
        {"where": {"latency": {"gte": 1}, "totalTokens": {"isNull": True}}},
        {"path": "", "unknown": 5},
    ],
)
def test_variables_are_coerced_as_graphql_core_does(planned: Callable[..., Answer], given: Any):
    planned(VARIABLES, {"id": run_id("root"), "path": "a.b[0]", **given})


@pytest.mark.parametrize(
    "given",
    [
        {"id": None},
        {"first": "1"},
        {"first": 1.5},
        {"first": 2**31},
        {"first": True},
        {"where": {"nothing": 1}},
        {"where": {"name": {"eq": 5}}},
        {"where": {"status": {"eq": "weird"}}},
        {"where": {"name": None}},
        {"after": "no cursor"},
        {"path": "a..b"},
        {"id": "no id"},
    ],
)
def test_variables_that_do_not_fit_are_refused_alike(everywhere: Callable[..., Any], given: Any):
    found = everywhere(VARIABLES, {"id": run_id("root"), "path": "", **given})

    assert all(answer.errors for answer in found.values())


def test_one_document_serves_different_arguments(planned: Callable[..., Answer]):
    query = """query($n: Int, $t: String) {
      runs(first: $n, where: {runType: {eq: $t}}) { nodes { id } }
    }"""

    counts = [
        len(planned(query, {"n": n, "t": t}).decoded["runs"]["nodes"])
        for n, t in ((1, "llm"), (3, "llm"), (3, "chain"), (0, "llm"), (9, "llm"))
    ]

    assert counts == [1, 3, 1, 0, 3]


def test_arguments_that_are_equal_once_may_differ_the_next_time(planned: Callable[..., Answer]):
    query = """query($a: Int, $b: Int) {
      runs(first: 1) { totalCount }
      run(id: "ID") { a: descendants(first: $a) { nodes { name } }
        b: descendants(first: $b) { nodes { name } totalCount } }
    }""".replace("ID", run_id("root"))

    for a, b in ((1, 1), (1, 2), (2, 2), (3, 1), (1, 1)):
        run = planned(query, {"a": a, "b": b}).decoded["run"]
        assert (len(run["a"]["nodes"]), len(run["b"]["nodes"])) == (a, b)


def test_a_literal_is_not_mistaken_for_another(planned: Callable[..., Answer]):
    for path, at in (("a.b[0]", "7"), ("a.b[1]", "null"), ("a.b", "[7]"), ("a", '{"b":[7]}')):
        query = f'{{ run(id: "{run_id("root")}") {{ inputsAt(path: "{path}") }} }}'
        assert planned(query).data == f'{{"run":{{"inputsAt":{at}}}}}'


@pytest.mark.parametrize(
    "path", [r"\ud800", r"\ud83d\ude00", r"\u0061", r"\u{61}", r"\"", "é", r"a\\b", r"a\/b"]
)
def test_literals_are_read_as_graphql_core_reads_them(
    everywhere: Callable[..., Any], planned: Callable[..., Answer], path: str
):
    planned(f'{{ run(id: "{run_id("root")}") {{ metadataAt(path: "x") }} }}')

    everywhere(f'{{ run(id: "{run_id("root")}") {{ metadataAt(path: "{path}") }} }}')


def test_a_variable_may_have_the_name_of_a_lifted_literal(planned: Callable[..., Answer]):
    query = """query($__literal0: Int) {
      a: runs(first: $__literal0) { nodes { name } } b: runs(first: 3) { nodes { name } }
    }"""

    found = planned(query, {"__literal0": 1}).decoded

    assert (len(found["a"]["nodes"]), len(found["b"]["nodes"])) == (1, 3)


def test_a_wrong_argument_where_no_row_is_makes_no_error(planned: Callable[..., Answer]):
    query = "query($n: Int) { runs(first: $n) { nodes { descendants(first: -1) { totalCount } } } }"

    assert planned(query, {"n": 0}).decoded == {"runs": {"nodes": []}}


def test_a_wrong_argument_of_a_row_is_an_error_there(everywhere: Callable[..., Any]):
    query = "query($n: Int) { runs(first: $n) { nodes { descendants(first: -1) { totalCount } } } }"

    found = everywhere(query, {"n": 2})[Engine.HTTP]

    assert found.decoded == {"runs": {"nodes": [{"descendants": None}] * 2}}
    assert len(found.errors) == 2


def test_one_field_in_error_leaves_its_neighbours_to_plans(everywhere: Callable[..., Any]):
    found = everywhere("{ bad: runs(first: -1) { totalCount } good: runs { nodes { name } } }")

    assert found[Engine.HTTP].path == found[Engine.EXECUTOR].path == "executor"
    assert found[Engine.HTTP].decoded["bad"] is None
    assert len(found[Engine.HTTP].statements) == 1


def test_what_serves_depends_on_the_setting(everywhere: Callable[..., Any]):
    found = everywhere("{ runs { nodes { name childRuns { name } } } }")

    assert {engine: answer.path for engine, answer in found.items()} == {
        Engine.OFF: "graphql-core",
        Engine.EXECUTOR: "executor",
        Engine.OPERATION: "operation",
        Engine.HTTP: "http",
    }
