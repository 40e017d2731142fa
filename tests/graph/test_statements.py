"""What a selection costs: statements are counted, and nothing is read that is not selected."""

import re
from collections.abc import Callable
from typing import Any

import pytest

BOTH_ENGINES = True

FIELDS = "name runType status startTime endTime latency totalTokens tags parentRunIds"
PAYLOADS = ("inputs", "outputs", "extra", "events", "serialized", "metadata", "revisionId")


@pytest.fixture(autouse=True)
def _traces(add: Callable[..., Any], judge: Callable[..., Any], attach: Callable[..., Any]) -> None:
    """Five traces of four runs, three levels deep, with feedback and files."""
    for at in range(5):
        root = add(f"root{at}", at=at, inputs={"question": at}, extra={"metadata": {"a": 1}})
        for place in range(2):
            child = add(f"child{at}.{place}", at=at + 0.1 + place / 10, parent=root)
            judge(child, "right", score=float(place))
        leaf = add(f"leaf{at}", at=at + 0.3, parent=child, outputs={"answer": at})
        attach(leaf, "notes.txt", b"notes")


def page(selection: str) -> str:
    return f"{{ runs(first: 20) {{ nodes {{ {selection} }} }} }}"


def test_a_page_of_runs_is_one_statement(statements: Callable[..., list[str]]):
    assert len(statements(page(FIELDS))) == 1


@pytest.mark.parametrize(
    "relation",
    [
        "childRuns { name }",
        'childRuns(where: {name: {startsWith: "child"}}) { name }',
        "childRunIds",
        "childRunCount",
        "childRunsConnection(first: 1) { nodes { name } }",
        "childRunsConnection(first: 1) { nodes { name } edges { cursor } pageInfo { endCursor } }",
        "childRunsConnection { totalCount }",
        "descendants { nodes { name } }",
        "descendants(maxDepth: 1, first: 2) { edges { cursor node { name } } }",
        "parentRun { name }",
        "parentRuns { name }",
        "trace { traceId }",
        "project { name }",
        "feedback { nodes { key } }",
        'feedback(key: ["right"], first: 1) { nodes { key } pageInfo { hasNextPage } }',
        "feedbackStats { key avg }",
        "attachments { name size url }",
    ],
)
def test_a_relation_costs_one_statement_for_any_number_of_runs(
    statements: Callable[..., list[str]], relation: str
):
    assert len(statements(page(f"name {relation}"))) == 2


@pytest.mark.parametrize(
    ("selection", "most"),
    [
        ("childRuns { name childRuns { name childRuns { name } } }", 4),
        ("childRuns { name project { name } trace { rootRun { name } } }", 5),
        ("a: childRuns { name } b: childRuns(where: {isRoot: false}) { name }", 3),
        ("childRuns { name } childRunIds childRuns { id feedbackStats { n } }", 4),
        ("trace { rootRun { name } runs(first: 2) { nodes { name } } project { name } }", 5),
        ("project { runs(first: 1) { nodes { name } totalCount } }", 4),
        ("trace { startTime endTime status runCount totalTokens totalCost latency }", 3),
        ("feedback { nodes { run { name } } }", 3),
    ],
)
def test_each_field_of_each_level_costs_one_statement(
    statements: Callable[..., list[str]], selection: str, most: int
):
    assert len(statements(page(selection))) <= most


def test_the_same_field_twice_is_asked_once(statements: Callable[..., list[str]]):
    found = statements(page("a: childRuns { name } b: childRuns { id }"))

    assert len(found) == 2


@pytest.mark.parametrize("field", PAYLOADS)
def test_payloads_cost_at_most_one_more_statement(statements: Callable[..., list[str]], field: str):
    found = statements(page(f"name {field}"))

    assert len(found) <= 2
    assert any("run_payload" in sql for sql in found)


def test_all_payloads_of_a_level_cost_at_most_one_more_statement(
    statements: Callable[..., list[str]],
):
    paths = 'inputsAt(path: "question") outputsPreview { text } metadataAt(path: "a")'
    level = f"name {' '.join(PAYLOADS)} {paths}"

    assert len(statements(page(level))) <= 2
    assert len(statements(page(f"{level} childRuns {{ {level} }}"))) <= 4


def test_no_payload_is_read_unless_one_is_selected(statements: Callable[..., list[str]]):
    everything_else = (
        f"{FIELDS} id traceId sessionId dottedOrder depth model threadId isRoot appPath url"
        " manifestId inDataset firstTokenTime promptTokenDetails { kind } childRuns { name }"
        " parentRuns { name } trace { runCount } project { name metadata } feedbackStats { n }"
        " feedback { nodes { key value } } attachments { name } descendants { nodes { name } }"
    )

    found = statements(page(everything_else))

    assert not [sql for sql in found if "run_payload" in sql]


def test_no_column_of_an_unselected_payload_is_read(statements: Callable[..., list[str]]):
    found = " ".join(statements(page("name outputs")))

    assert "run_payload.outputs" in found
    assert not any(f"run_payload.{name}" in found for name in ("inputs", "extra", "events"))


def test_a_preview_reads_no_more_than_it_shows(statements: Callable[..., list[str]]):
    found = " ".join(statements(page("inputsPreview(maxBytes: 10) { text }")))

    assert re.search(r"substr\(CAST\(run_payload.inputs AS BLOB\)|left\(run_payload.inputs", found)
    assert " AS inputs" not in found


def test_rows_are_counted_only_when_the_count_is_selected(statements: Callable[..., list[str]]):
    assert not [sql for sql in statements(page("name")) if "count(" in sql]

    found = statements("{ runs(first: 2) { totalCount nodes { name } } }")

    assert len(found) <= 2
    assert len([sql for sql in found if "count(" in sql]) == 1


def test_a_count_alone_reads_no_rows(statements: Callable[..., list[str]]):
    (found,) = statements("{ runs { totalCount } }")

    assert "count(" in found
    assert "run.name" not in found


def test_a_connection_of_which_nothing_is_selected_costs_nothing(
    statements: Callable[..., list[str]],
):
    assert statements("{ runs { __typename } }") == []


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("query($id: ID!) { run(id: $id) { name } }", 1),
        ("query($id: ID!) { run(id: $id, traceId: $id) { name childRuns { name } } }", 2),
        ("query($id: ID!) { trace(traceId: $id) { status rootRun { name } } }", 3),
        ("query($id: ID!) { trace(traceId: $id) { runs { totalCount nodes { name } } } }", 3),
        ('{ project(by: {name: "p"}) { name runs(first: 3) { nodes { name } } } }', 2),
        ("{ projects { nodes { name runs(first: 1) { nodes { name } } } } }", 2),
        ("query($id: ID!) { node(id: $id) { id ... on Run { name childRuns { name } } } }", 4),
        ("query($id: ID!) { nodes(ids: [$id, $id]) { id ... on Run { name } } }", 3),
    ],
)
def test_the_other_doors_cost_as_little(
    statements: Callable[..., list[str]], ask: Callable[..., Any], query: str, most: int
):
    (root,) = ask('{ runs(where: {name: {eq: "root0"}}) { nodes { id } } }')["runs"]["nodes"]

    assert len(statements(query, id=root["id"])) <= most


def test_two_roots_of_one_question_are_asked_apart_and_answered_alike(ask: Callable[..., Any]):
    found = ask("{ a: runs(first: 2) { nodes { name } } b: runs(first: 2) { nodes { name } } }")

    assert found["a"] == found["b"]
