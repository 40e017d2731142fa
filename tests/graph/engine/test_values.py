"""Rows that stand in other values: what is selected of them is loaded after the values are."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import run_id
from tests.levels import Answer


@pytest.fixture(autouse=True)
def _trees(add: Callable[..., Any], judge: Callable[..., Any]) -> None:
    for tree in "ab":
        root = add(tree, inputs={"tree": tree})
        for place in range(3 if tree == "a" else 2):
            child = add(f"{tree}{place}", at=place + 1, parent=root, outputs={"n": place})
            judge(child, "right", score=float(place))


def compared(selection: str) -> str:
    return f'{{ compareRuns(a: "{run_id("a")}", b: "{run_id("b")}") {{ {selection} }} }}'


@pytest.mark.parametrize(
    "selection",
    [
        "a { id name } b { name status }",
        'a { inputs metadata } pairs { a { outputs } b { outputsAt(path: "n") name } depth }',
        "pairs { a { childRuns { id childRuns { id } } } b { parentRun { id } trace { status } } }",
        "pairs { latencyDelta a { feedback { nodes { score } totalCount } } } a { tags }",
        "pairs { one: a { name } two: a { id } ...P } __typename",
        "pairs { a { project { runs(first: 2) { nodes { name } } } } }",
        "pairs { a { ... on RunBase { tags } ... on Node { __typename id } } }",
    ],
)
def test_rows_in_values_are_shown_as_graphql_core_does(
    planned: Callable[..., Answer], selection: str
):
    used = " fragment P on RunPair { a { runType } b @skip(if: true) { id } }"

    planned(compared(selection) + (used if "...P" in selection else ""))


def test_what_is_eager_costs_nothing_more(planned: Callable[..., Answer]):
    plain = planned(compared("pairs { depth }")).statements
    eager = planned(compared("pairs { depth a { name status } b { name latency } }")).statements
    lazy = planned(compared("pairs { depth a { name inputs outputs } }")).statements

    assert (len(eager), len(lazy)) == (len(plain), len(plain) + 1)


def test_no_comparison_has_no_rows(planned: Callable[..., Answer]):
    query = compared("a { childRuns { name } feedbackStats { n } }").replace(
        run_id("a"), run_id("x")
    )

    assert planned(query).decoded == {"compareRuns": None}


def test_a_wrong_row_in_a_value_is_an_error_there(everywhere: Callable[..., Any]):
    found = everywhere(compared("pairs { a { name descendants(first: -1) { totalCount } } }"))

    assert all(len(answer.errors) == 4 for answer in found.values())
