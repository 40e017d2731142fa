"""What is selected: fields merge, fragments apply, directives decide, in graphql-core's order."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import run_id
from tests.levels import Answer


@pytest.fixture(autouse=True)
def _runs(add: Callable[..., Any], judge: Callable[..., Any]) -> None:
    root = add("root", tags=("a",), inputs={"q": [1, 2]})
    judge(add("child", at=1, parent=root), "right", score=1.0)


@pytest.mark.parametrize(
    "selection",
    [
        "name a: name name b: id a: name",
        "tags childRuns { name } tags childRuns { id childRuns { id } } childRuns { runType }",
        "... on Run { name } ... on RunBase { id name } ... on Node { id __typename }",
        "... { name ... { id } } name",
        "...A ...B ...A",
        "x: __typename __typename",
        "name @skip(if: true) name id @include(if: false)",
        "name @skip(if: false) @include(if: true) id @skip(if: false) @include(if: false)",
        "... @include(if: false) { name } ... @skip(if: false) { id }",
        "...A @skip(if: true) ...B @include(if: true)",
        "childRuns { name } ... on RunBase { attachments { name } } ...C",
        "a: inputsPreview { text } b: inputsPreview(maxBytes: 3) { text bytes truncated }",
        "name @include(if: true) @skip(if: true)",
        "childRunsConnection { edges { node { name } } nodes { id } edges { cursor node { id } } }",
    ],
)
def test_a_selection_is_collected_as_graphql_core_does(
    planned: Callable[..., Answer], selection: str
):
    fragments = """
    fragment A on Run { name childRuns { name } }
    fragment B on RunBase { id startTime ...D }
    fragment C on Run { childRuns { feedback { nodes { key } } } }
    fragment D on Node { id }
    """
    used = {f"...{name}" for name in "ABCD" if f"...{name}" in selection}
    wanted = used | ({"...D"} if "...B" in used else set())
    text = "\n".join(
        line for line in fragments.splitlines() if f"...{line.strip()[9:10]}" in wanted
    )

    planned(f"{{ runs {{ nodes {{ {selection} }} }} }} {text}")


def test_a_selection_without_fields_is_an_empty_object(planned: Callable[..., Answer]):
    found = planned("{ runs { nodes { name @skip(if: true) } } }")

    assert found.decoded == {"runs": {"nodes": [{}, {}]}}


def test_variables_decide_anew_at_each_request(planned: Callable[..., Answer]):
    query = """query($a: Boolean!, $b: Boolean = true) { runs(first: 1) { nodes {
      name @include(if: $a) ... @skip(if: $b) { id childRuns { name @include(if: $a) } }
    } } }"""

    shown = [
        [*planned(query, {"a": a, **b}).decoded["runs"]["nodes"][0]]
        for a in (True, False)
        for b in ({}, {"b": True}, {"b": False})
    ]

    both = ["name", "id", "childRuns"]
    assert shown == [["name"], ["name"], both, [], [], both[1:]]


def test_many_variants_of_one_document_are_all_right(planned: Callable[..., Answer]):
    names = [f"v{at}" for at in range(8)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    query = f"query({declared}) {{ runs(first: 1) {{ nodes {{ {fields} }} }} }}"

    for at in range(0, 256, 17):
        chosen = {name: bool(at >> place & 1) for place, name in enumerate(names)}
        (node,) = planned(query, chosen).decoded["runs"]["nodes"]
        assert [*node] == [name for name in names if chosen[name]]


def test_an_interface_shows_what_each_kind_selects(planned: Callable[..., Answer]):
    query = """query($ids: [ID!]!) { nodes(ids: $ids) {
      __typename id ... on Run { name childRuns { id } } ... on Project { name metadata }
      ... on RunBase { tags } ...F
    } } fragment F on Node { ... on Feedback { key run { name parentRun { name } } } }"""
    project = planned("{ projects { nodes { id } } }").decoded["projects"]["nodes"][0]["id"]
    feedback = planned("{ runs { nodes { feedback { nodes { id } } } } }").decoded["runs"]["nodes"]
    (judged,) = [node["id"] for run in feedback for node in run["feedback"]["nodes"]]
    ids = [run_id("child"), project, run_id("nobody"), judged, run_id("child"), "no id"]

    found = planned(query, {"ids": ids}).decoded["nodes"]

    kinds = [node and node["__typename"] for node in found]
    assert kinds == ["Run", "Project", None, "Feedback", "Run", None]
    assert found[3]["run"] == {"name": "child", "parentRun": {"name": "root"}}


def test_introspection_beside_data_leaves_the_data_to_a_plan(everywhere: Callable[..., Any]):
    found = everywhere('{ __type(name: "Run") { name } runs { nodes { name } } }')

    assert {level: answer.path for level, answer in found.items()} == {
        "off": "graphql-core",
        "executor": "executor",
        "operation": "executor",
        "http": "executor",
    }
