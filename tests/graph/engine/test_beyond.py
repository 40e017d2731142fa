"""A page reads the row beyond it only where it is asked whether there is more."""

from collections.abc import Callable
from typing import Any

import pytest

from db.readers import Budget
from graph.setting_kinds import Engine
from tests.levels import Answer

RUNS = 5
SIZE = 3


@pytest.fixture(autouse=True)
def _runs(add: Callable[..., Any]) -> None:
    for at in range(RUNS):
        child = add(f"run{at}", at=at)
        for place in range(RUNS):
            add(f"child{at}.{place}", at=at + (place + 1) / 10, parent=child)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each statement brought."""
    counts: list[int] = []
    take = Budget.take

    def counted(self: Budget, count: int) -> None:
        counts.append(count)
        take(self, count)

    monkeypatch.setattr(Budget, "take", counted)
    return counts


PAGE = f"runs(where: {{isRoot: true}}, first: {SIZE})"
LAST = f"runs(where: {{isRoot: true}}, last: {SIZE})"
BELOW = f"{PAGE} {{ nodes {{ childRunsConnection(first: {SIZE}) {{ %s }} }} }}"


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        (f"{PAGE} {{ nodes {{ name }} }}", [SIZE]),
        (f"{LAST} {{ nodes {{ name }} }}", [SIZE]),
        (f"{PAGE} {{ edges {{ cursor node {{ name }} }} }}", [SIZE]),
        (f"{PAGE} {{ nodes {{ name }} totalCount }}", [SIZE + 1]),
        (f"{PAGE} {{ nodes {{ name }} pageInfo {{ hasNextPage }} }}", [SIZE + 1]),
        (f"{LAST} {{ nodes {{ name }} pageInfo {{ hasPreviousPage }} }}", [SIZE + 1]),
        (BELOW % "nodes { name }", [SIZE, SIZE * SIZE]),
        (BELOW % "nodes { name } pageInfo { hasNextPage }", [SIZE, SIZE * (SIZE + 1)]),
        (
            f"a: {PAGE} {{ nodes {{ name }} }}"
            f" b: {PAGE} {{ nodes {{ name }} pageInfo {{ hasNextPage }} }}",
            [SIZE, SIZE + 1],
        ),
        (
            f"{PAGE} {{ nodes {{ a: childRunsConnection(first: {SIZE}) {{ nodes {{ name }} }}"
            f" b: childRunsConnection(first: {SIZE}) {{ pageInfo {{ hasNextPage }} }} }} }}",
            [SIZE, SIZE * (SIZE + 1)],
        ),
    ],
)
def test_a_page_brings_no_row_that_is_not_asked_for(
    planned: Callable[..., Answer], read: list[int], query: str, counts: list[int]
):
    planned(f"{{ {query} }}")

    assert read[-len(counts) :] == counts


@pytest.mark.parametrize("size", ["first: 0", "last: 0"])
def test_a_page_of_no_rows_tells_how_many_there_are(
    everywhere: Callable[..., dict[Engine, Answer]], size: str
):
    answers = everywhere(f"{{ runs({size}) {{ nodes {{ name }} totalCount }} }}")

    whole = {"runs": {"nodes": [], "totalCount": RUNS * (RUNS + 1)}}
    assert all(answer.decoded == whole for answer in answers.values())
