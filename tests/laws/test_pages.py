"""Pages put end to end are the whole list: in both directions, with ties, while rows arrive."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from db.arrivals import Batch, FeedbackArrival, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.conftest import NAMES, NOON

Offsets = list[int]
OFFSETS = st.lists(st.integers(0, 3), max_size=8)
"""Seconds at which things begin: few, so that many begin together."""
SIZES = st.integers(1, 4)
PAGE = "{ edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } }"
List = tuple[str, str, bool]
LISTS: dict[str, List] = {
    "children": ("run(id: $root)", "childRunsConnection(#)", False),
    "everything below": ("run(id: $root)", "descendants(#)", False),
    "trace": ("trace(traceId: $root)", "runs(#)", False),
    "feedback": ("run(id: $root)", "feedback(#)", False),
    "projects": ("", "projects(where: {name: {startsWith: $world}}, #)", False),
    "runs": ("", "runs(where: {projectName: {eq: $world}}, #)", True),
    "runs of the project": ("project(by: {name: $world})", "runs(#)", True),
}
"""What a list hangs on, the list (# is where the page's arguments go), whether it goes back."""
each_list = pytest.mark.parametrize("of", LISTS.values(), ids=LISTS)
few = settings(max_examples=8, deadline=None)
numbers = count()


@pytest.fixture(scope="module")
def store(database: str, open_empty: Callable[[str], Store]) -> Iterator[Store]:
    store = open_empty(database)
    yield store
    store.close()


@pytest.fixture(scope="module")
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(), store, upkeep=False)) as client:
        yield client


class World:
    """A project of its own in a store that all examples share: a root with things below it."""

    def __init__(self, store: Store, client: TestClient) -> None:
        self.store = store
        self.client = client
        self.name = f"world {next(numbers)}|"
        self.root = self.run("root", 0)
        self.keep(runs=[self.root])

    def run(self, name: str, at: int, parent: RunArrival | None = None) -> RunArrival:
        id, start = uuid5(NAMES, self.name + name), NOON + timedelta(seconds=at)
        own = segment(start, id)
        return RunArrival(
            id=id,
            post=True,
            name=name,
            run_type="chain",
            start_time=start,
            session_name=self.name,
            trace_id=parent.trace_id if parent else id,
            parent_run_id=parent.id if parent else None,
            dotted_order=f"{parent.dotted_order}.{own}" if parent else own,
        )

    def keep(self, **arrivals: Any) -> None:
        with self.store._engine.begin() as connection:
            (outcome,) = fold(connection, [Batch(**arrivals)], NOON)
        assert not outcome.refused

    def fill(self, prefix: str, offsets: Offsets) -> None:
        """Add for each offset a child of the root, a child of that, feedback and a project."""
        runs: list[RunArrival] = []
        feedback: list[FeedbackArrival] = []
        for n, at in enumerate(offsets):
            child = self.run(f"{prefix}{n}", at, self.root)
            elsewhere = self.run(f"{prefix}{n} elsewhere", at)
            runs += [child, self.run(f"{prefix}{n} below", at, child)]
            runs += [replace(elsewhere, session_name=f"{self.name}{at}{prefix}{n}")]
            feedback += [self.judgement(f"{prefix}{n}", at)]
        self.keep(runs=runs, feedback=feedback)

    def judgement(self, name: str, at: int) -> FeedbackArrival:
        return FeedbackArrival(
            id=uuid5(NAMES, f"{self.name}{name} feedback"),
            key="k",
            created_at=NOON + timedelta(seconds=at),
            modified_at=NOON,
            run_id=self.root.id,
            trace_id=self.root.trace_id,
        )

    def page(self, of: List, arguments: str) -> dict[str, Any]:
        outer, inner, _ = of
        asked = f"page: {inner.replace('#', arguments)} {PAGE}"
        query = f"{{ {outer} {{ {asked} }} }}" if outer else f"{{ {asked} }}"
        for name, value in (("$root", str(self.root.id)), ("$world", self.name)):
            query = query.replace(name, f'"{value}"')
        found = self.client.post("/graphql", json={"query": query}).json()
        assert "errors" not in found, found["errors"]
        data = found["data"]
        return data["page"] if not outer else next(iter(data.values()))["page"]

    def whole(self, of: List) -> list[str]:
        return _ids(self.page(of, "first: 1000"))

    def forward(self, of: List, size: int, between: Callable[[], None] = lambda: None) -> list[str]:
        """Read a list page by page from its beginning."""
        found: list[str] = []
        arguments = f"first: {size}"
        while True:
            page = self.page(of, arguments)
            found += _ids(page)
            if not page["pageInfo"]["hasNextPage"]:
                return found
            assert len(page["edges"]) == size
            arguments = f'first: {size}, after: "{page["edges"][-1]["cursor"]}"'
            between()

    def backward(
        self, of: List, size: int, between: Callable[[], None] = lambda: None
    ) -> list[str]:
        """Read a list page by page from its end."""
        found: list[str] = []
        arguments = f"last: {size}"
        while True:
            page = self.page(of, arguments)
            found = _ids(page) + found
            if not page["pageInfo"]["hasPreviousPage"]:
                return found
            assert len(page["edges"]) == size
            arguments = f'last: {size}, before: "{page["edges"][0]["cursor"]}"'
            between()


def _ids(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.fixture(scope="module")
def world(store: Store, client: TestClient) -> Callable[[Offsets], World]:
    def world(offsets: Offsets) -> World:
        made = World(store, client)
        made.fill("run", offsets)
        return made

    return world


@each_list
@few
@given(offsets=OFFSETS, size=SIZES)
def test_pages_put_end_to_end_are_the_whole(
    world: Callable[[Offsets], World], of: List, offsets: Offsets, size: int
):
    made = world(offsets)
    whole = made.whole(of)

    assert len(set(whole)) == len(whole) >= len(offsets)
    assert made.forward(of, size) == whole
    if of[2]:
        assert made.backward(of, size) == whole


@each_list
@few
@given(offsets=OFFSETS, arriving=OFFSETS, size=SIZES, backward=st.booleans())
def test_rows_that_arrive_between_pages_neither_hide_nor_double_others(
    world: Callable[[Offsets], World],
    of: List,
    offsets: Offsets,
    arriving: Offsets,
    size: int,
    backward: bool,
):
    made = world(offsets)
    before = made.whole(of)
    waiting = enumerate(arriving)

    def arrive() -> None:
        for n, at in waiting:
            made.fill(f"later{n}", [at])
            return

    walk = made.backward if backward and of[2] else made.forward
    found = walk(of, size, arrive)

    assert len(set(found)) == len(found)
    assert [id for id in found if id in before] == before
    assert set(found) <= set(made.whole(of))
