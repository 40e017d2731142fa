"""Every order, put together of pages: the same as sorting in Python, NULLs and ties included."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cmp_to_key
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

Order = list[dict[str, str]]
Facts = dict[str, Any]
FIELDS = ("START_TIME", "END_TIME", "LATENCY", "TIME_TO_FIRST_TOKEN", "TOTAL_TOKENS", "TOTAL_COST")
FIELDS += ("NAME", "FEEDBACK_SCORE")
FACTS = st.fixed_dictionaries(
    {
        "start": st.integers(0, 2),
        "took": st.sampled_from([None, 0.0, 0.25, 1.1]),
        "first": st.sampled_from([None, 0.1, 0.3]),
        "tokens": st.sampled_from([None, 0, 7, 2**40]),
        "cost": st.sampled_from([None, "0", "0.000000000001", "12.5"]),
        "name": st.sampled_from(["a", "B", "b", "é", "", "a b"]),
        "scores": st.lists(st.sampled_from([None, 0.1, 0.2, 0.7]), max_size=3),
    }
)
DIRECTIONS, NULLS = st.sampled_from(["ASC", "DESC"]), st.sampled_from(["FIRST", "LAST"])


def key_of(field: str) -> st.SearchStrategy[dict[str, str]]:
    known = {"field": st.just(field), "direction": DIRECTIONS, "nulls": NULLS}
    return st.fixed_dictionaries(
        known | ({"feedbackKey": st.just("k")} if field == "FEEDBACK_SCORE" else {})
    )


ORDERS = st.lists(st.sampled_from(FIELDS).flatmap(key_of), max_size=4)
PAGE = "{ edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } }"
QUERY = """query($project: String!, $order: [RunOrder!], $first: Int, $after: String, $last: Int,
    $before: String) {
  runs(where: {projectName: {eq: $project}}, orderBy: $order, first: $first, after: $after,
       last: $last, before: $before) PAGE
  project(by: {name: $project}) {
    runs(orderBy: $order, first: $first, after: $after, last: $last, before: $before) PAGE
  }
}""".replace("PAGE", PAGE)
numbers = itertools.count()
few = settings(max_examples=12, deadline=None)


class World:
    """A project of runs, each known by its facts."""

    def __init__(self, store: Store, client: TestClient, facts: list[Facts]) -> None:
        self.store, self.client = store, client
        self.name = f"order {next(numbers)}"
        self.runs: dict[str, Facts] = {}
        self.add(facts)

    def add(self, facts: list[Facts]) -> None:
        batch = [self._run(each) for each in facts]
        if not batch:
            return
        judged = [each for _, some in batch for each in some]
        with self.store._engine.begin() as connection:
            fold(connection, [Batch(runs=[run for run, _ in batch], feedback=judged)], NOON)

    def _run(self, facts: Facts) -> tuple[RunArrival, list[FeedbackArrival]]:
        id = uuid5(NAMES, f"{self.name} {len(self.runs)}")
        self.runs[str(id)] = facts
        start = NOON + timedelta(seconds=facts["start"])
        end = None if facts["took"] is None else start + timedelta(seconds=facts["took"])
        token = facts["first"] and (start + timedelta(seconds=facts["first"])).isoformat()
        usage = [
            f'"total_{name}": {value if name == "tokens" else chr(34) + value + chr(34)}'
            for name, value in (("tokens", facts["tokens"]), ("cost", facts["cost"]))
            if value is not None
        ]
        run = RunArrival(
            id=id,
            post=True,
            name=facts["name"],
            run_type="llm",
            start_time=start,
            end_time=end,
            session_name=self.name,
            trace_id=id,
            dotted_order=segment(start, id),
            usage=f"{{{','.join(usage)}}}",
            events=f'[{{"name": "new_token", "time": "{token}"}}]' if token else None,
        )
        judged = [
            FeedbackArrival(
                id=uuid5(NAMES, f"{id} {key} {at}"),
                key=key,
                run_id=id,
                trace_id=id,
                score=score,
                created_at=NOON,
                modified_at=NOON,
            )
            for key in ("k", "other")
            for at, score in enumerate(facts["scores"] if key == "k" else [5.0])
        ]
        return run, judged

    def page(self, order: Order, **arguments: Any) -> dict[str, Any]:
        sent = {"project": self.name, "order": order, **arguments}
        found = self.client.post("/graphql", json={"query": QUERY, "variables": sent}).json()
        assert "errors" not in found, found["errors"]
        assert found["data"]["runs"] == found["data"]["project"]["runs"]
        return found["data"]["runs"]

    def forward(
        self, order: Order, size: int, between: Callable[[], None] = lambda: None
    ) -> list[str]:
        found: list[str] = []
        arguments: dict[str, Any] = {}
        while True:
            page = self.page(order, first=size, **arguments)
            found += ids(page)
            if not page["pageInfo"]["hasNextPage"]:
                return found
            assert len(page["edges"]) == size
            arguments["after"] = page["edges"][-1]["cursor"]
            between()

    def backward(
        self, order: Order, size: int, between: Callable[[], None] = lambda: None
    ) -> list[str]:
        found: list[str] = []
        arguments: dict[str, Any] = {}
        while True:
            page = self.page(order, last=size, **arguments)
            found = ids(page) + found
            if not page["pageInfo"]["hasPreviousPage"]:
                return found
            assert len(page["edges"]) == size
            arguments["before"] = page["edges"][0]["cursor"]
            between()

    def in_order(self, order: Order) -> list[str]:
        """The runs sorted in Python."""
        if not order:
            order = [{"field": "START_TIME", "direction": "DESC", "nulls": "LAST"}]

        def compare(left: str, right: str) -> int:
            for key in order:
                field, descends = key["field"], key["direction"] == "DESC"
                mine, other = (VALUES[field](self.runs[id]) for id in (left, right))
                if mine == other:
                    continue
                if mine is None or other is None:
                    return -1 if (mine is None) == (key["nulls"] == "FIRST") else 1
                return -1 if (mine > other) == descends else 1
            first_of = {key["field"]: key for key in reversed(order)}
            last = list(dict.fromkeys(key["field"] for key in order))[-1]
            descends = first_of[last]["direction"] == "DESC"
            return -1 if (left > right) == descends else 1

        return sorted(self.runs, key=cmp_to_key(compare))


def average(scores: list[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    total = 0.0
    for score in known:
        total += score
    return total / len(known) if known else None


VALUES: dict[str, Callable[[Facts], Any]] = {
    "START_TIME": lambda facts: facts["start"],
    "END_TIME": lambda facts: None if facts["took"] is None else facts["start"] + facts["took"],
    "LATENCY": lambda facts: facts["took"],
    "TIME_TO_FIRST_TOKEN": lambda facts: facts["first"],
    "TOTAL_TOKENS": lambda facts: facts["tokens"],
    "TOTAL_COST": lambda facts: None if facts["cost"] is None else Decimal(facts["cost"]),
    "NAME": lambda facts: facts["name"] or "unnamed",
    "FEEDBACK_SCORE": lambda facts: average(facts["scores"]),
}


def ids(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.fixture(scope="module", params=["engine", "graphql-core"])
def make(
    request: pytest.FixtureRequest, database: str, open_empty: Callable[[str], Store]
) -> Iterator[Callable[[list[Facts]], World]]:
    """Make a world of some facts."""
    store = open_empty(database)
    settings = Settings(engine=request.param == "engine")
    with TestClient(create_app(settings, store, upkeep=False)) as client:
        yield lambda facts: World(store, client, facts)


@few
@given(
    facts=st.lists(FACTS, max_size=9),
    order=ORDERS,
    size=st.integers(1, 4),
)
def test_pages_of_any_order_put_end_to_end_are_the_whole(
    make: Callable[[list[Facts]], World], facts: list[Facts], order: Order, size: int
):
    world = make([*facts, {**NOTHING}])
    expected = world.in_order(order)

    assert ids(world.page(order, first=1000)) == expected
    assert world.forward(order, size) == expected
    assert world.backward(order, size) == expected


NOTHING: Facts = dict.fromkeys(("took", "first", "tokens", "cost")) | {
    "start": 1,
    "name": "b",
    "scores": [],
}


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_sorts_both_ways_with_its_nulls_at_either_end(
    make: Callable[[list[Facts]], World], field: str
):
    facts = [{**NOTHING} for _ in range(2)]
    for took, first, tokens, cost, name, scores in (
        *((0.0, 0.1, 0, "0", "a", [0.1, 0.2]), (1.1, 0.3, 2**40, "12.5", "B", [None, 0.7])),
        *((0.25, None, 7, "0.000000000001", "é", [None]), (0.25, 0.1, None, "0", "b", [0.7])),
    ):
        told = {"took": took, "first": first, "tokens": tokens, "cost": cost, "name": name}
        facts += [{**told, "scores": scores, "start": at} for at in (0, 2)]
    world = make(facts)

    for direction, nulls in itertools.product(("ASC", "DESC"), ("FIRST", "LAST")):
        key = {"field": field, "direction": direction, "nulls": nulls}
        order = [key | ({"feedbackKey": "k"} if field == "FEEDBACK_SCORE" else {})]
        expected = world.in_order(order)
        assert world.forward(order, 3) == expected
        assert world.backward(order, 3) == expected


@few
@given(
    facts=st.lists(FACTS, min_size=1, max_size=6),
    arriving=st.lists(FACTS, max_size=4),
    order=ORDERS,
    size=st.integers(1, 3),
    backward=st.booleans(),
)
def test_runs_that_arrive_between_pages_neither_hide_nor_double_others(
    make: Callable[[list[Facts]], World],
    facts: list[Facts],
    arriving: list[Facts],
    order: Order,
    size: int,
    backward: bool,
):
    world = make(facts)
    before = world.in_order(order)
    waiting = iter(arriving)

    def arrive() -> None:
        world.add(list(itertools.islice(waiting, 1)))

    found = (world.backward if backward else world.forward)(order, size, arrive)

    assert len(set(found)) == len(found)
    assert [id for id in found if id in before] == before
    assert set(found) <= set(world.runs)
