"""Laws of statistics: what SQL sums up, from runs or from rollups, is what plain Python does."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.testclient import TestClient

from db import rollups, stats_answers
from db.arrivals import Batch, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.store import Store
from db.tables import PROJECT, RUN_ROLLUP_DAY, RUN_ROLLUP_HOUR
from graph.app import create_app
from graph.settings import Settings
from tests.conftest import NAMES, NOON

BEGIN = datetime(2026, 3, 27, tzinfo=UTC)
"""Two days before clocks change in Europe."""

FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
few = settings(max_examples=12, deadline=None)
numbers = count()


@dataclass(frozen=True)
class Told:
    """What a test tells of a run."""

    minute: int
    took: int | None
    kind: str
    name: str
    failed: bool
    tokens: int | None


TOLD = st.builds(
    Told,
    minute=st.one_of(st.integers(0, 5 * 1440), st.integers(0, 130)),
    took=st.none() | st.integers(0, 5_000) | st.integers(0, 90_000_000),
    kind=st.sampled_from(["llm", "tool"]),
    name=st.sampled_from(["a", "b"]),
    failed=st.booleans(),
    tokens=st.none() | st.integers(1, 2**40),
)
TOLDS = st.lists(TOLD, max_size=25)
STATS = (
    "runCount errorCount errorRate promptTokens totalCost approximate"
    " latency { avg min max p50 p90 p95 p99 }"
)


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
    """A project of its own in a store that all examples share."""

    def __init__(self, store: Store, client: TestClient) -> None:
        self.store = store
        self.client = client
        self.name = f"world {next(numbers)}"
        self.told: list[Told] = []

    def tell(self, told: list[Told]) -> None:
        """Store runs."""
        runs = [self.run(len(self.told) + at, each) for at, each in enumerate(told)]
        self.told += told
        self.fold(runs)

    def fold(self, runs: list[RunArrival]) -> None:
        with self.store._engine.begin() as connection:
            (outcome,) = fold(connection, [Batch(runs=runs)], NOON)
        assert not outcome.refused

    def run(self, number: int, told: Told) -> RunArrival:
        id, start = uuid5(NAMES, f"{self.name} {number}"), BEGIN + timedelta(minutes=told.minute)
        took = None if told.took is None else timedelta(milliseconds=told.took)
        usage = None
        if told.tokens is not None and told.kind == "llm":
            usage = f'{{"prompt_tokens": {told.tokens}, "total_cost": 0.001}}'
        return RunArrival(
            id=id,
            post=True,
            trace_id=id,
            dotted_order=segment(start, id),
            name=told.name,
            run_type=told.kind,
            start_time=start,
            end_time=None if took is None else start + took,
            error="broken" if told.failed else None,
            session_name=self.name,
            usage=usage,
        )

    def ask(self, question: str) -> Any:
        sent = {"query": question.replace("$world", f'"{self.name}"')}
        found = self.client.post("/graphql", json=sent).json()
        assert "errors" not in found, found["errors"]
        return found["data"]

    def keep(self, most: int = 1000) -> int:
        """Sum up, on the event loop that the server's connections belong to."""
        assert self.client.portal
        return self.client.portal.call(rollups.keep, self.store, FOREVER, most)


@pytest.fixture(scope="module")
def world(store: Store, client: TestClient) -> Callable[[], World]:
    return lambda: World(store, client)


def plain(told: list[Told]) -> dict[str, Any]:
    """Sum runs up in plain Python."""
    took = sorted(each.took / 1000 for each in told if each.took is not None)
    used = [each for each in told if each.tokens is not None and each.kind == "llm"]
    errors = sum(each.failed for each in told)
    return {
        "runCount": len(told),
        "errorCount": errors,
        "errorRate": errors / len(told) if told else None,
        "promptTokens": sum(each.tokens or 0 for each in used) if used else None,
        "totalCost": Decimal("0.001") * len(used) if used else None,
        "latency": took and {
            "avg": math.fsum(took) / len(took),
            "min": took[0],
            "max": took[-1],
            **{f"p{p}": took[math.ceil(p * len(took) / 100) - 1] for p in (50, 90, 95, 99)},
        },
    }  # fmt: skip


def check(found: dict[str, Any], told: list[Told], *, exact: bool = True) -> None:
    """Statistics are those of the runs; percentiles of rollups right within 1 % and 0.01 ms."""
    expected = plain(told)
    cost, latency = expected.pop("totalCost"), expected.pop("latency")
    assert {name: found[name] for name in expected} == expected
    assert (found["totalCost"] and Decimal(found["totalCost"])) == cost
    if not latency:
        assert found["latency"] is None
        return
    for name, seconds in latency.items():
        if exact or name in {"avg", "min", "max"}:
            assert found["latency"][name] == pytest.approx(seconds, rel=1e-9)
        else:
            assert abs(found["latency"][name] - seconds) <= seconds * 0.01 + 0.00001


@few
@given(told=TOLDS)
def test_groups_are_what_plain_python_makes(world: Callable[[], World], told: list[Told]):
    made = world()
    made.tell(told)

    found = made.ask(
        "{ runStats(where: {projectName: {eq: $world}}, groupBy: [{field: NAME}, {field:"
        f" STATUS}}]) {{ key {{ value }} stats {{ {STATS} }} }} }}"
    )["runStats"]

    groups: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for each in told:
        ended = "PENDING" if each.took is None else "SUCCESS"
        groups[each.name, "ERROR" if each.failed else ended].append(each)
    assert [tuple(key["value"] for key in each["key"]) for each in found] == sorted(
        groups, key=lambda key: (-len(groups[key]), key)
    )
    for each in found:
        name, status = (key["value"] for key in each["key"])
        check(each["stats"], groups[name, status])


@few
@given(
    told=TOLDS,
    interval=st.sampled_from(["HOUR", "DAY", "WEEK", "MONTH"]),
    place=st.sampled_from(["UTC", "Europe/Paris", "Asia/Kolkata", "America/Sao_Paulo"]),
    rolled=st.booleans(),
    hours=st.sampled_from([0, 3, 1000]),
)
def test_buckets_are_those_of_the_local_calendar(
    world: Callable[[], World],
    told: list[Told],
    interval: str,
    place: str,
    rolled: bool,
    hours: int,
):
    made = world()
    made.tell(told)
    made.keep(hours)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stats_answers, "EXACT_RUNS", 0 if rolled else 100)
        found = made.ask(
            f"{{ runStats(where: {{projectName: {{eq: $world}}}}, interval: {interval}, timeZone:"
            f' "{place}") {{ bucket stats {{ {STATS} }} }} }}'
        )["runStats"]

    def bucket(at: datetime) -> Any:
        local = at.astimezone(ZoneInfo(place))
        day = local.date()
        return {
            "HOUR": (day, local.hour, local.utcoffset()),
            "DAY": day,
            "WEEK": day.isocalendar()[:2],
            "MONTH": (day.year, day.month),
        }[interval]

    groups: dict[Any, list[Told]] = defaultdict(list)
    for each in told:
        groups[bucket(BEGIN + timedelta(minutes=each.minute))].append(each)
    begins = [datetime.fromisoformat(each["bucket"]) for each in found]
    assert begins == sorted(set(begins))
    assert set(map(bucket, begins)) >= groups.keys()
    for begin, each in zip(begins, found, strict=True):
        check(each["stats"], groups[bucket(begin)], exact=not each["stats"]["approximate"])
        assert begin.astimezone(ZoneInfo(place)).minute == 0
    if found:
        assert found[0]["stats"]["runCount"] > 0
        assert found[-1]["stats"]["runCount"] > 0


@few
@given(folds=st.lists(st.tuples(TOLDS, st.integers(0, 3)), max_size=4))
def test_rollups_and_what_is_marked_are_the_whole(
    world: Callable[[], World], folds: list[tuple[list[Told], int]]
):
    made = world()
    for told, hours in folds:
        made.tell(told)
        if hours:
            made.keep(hours)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stats_answers, "EXACT_RUNS", 0)
        after = (BEGIN + timedelta(minutes=77)).isoformat()
        found = made.ask(
            f"{{ project(by: {{name: $world}}) {{ stats {{ {STATS} }} later: stats(where:"
            f' {{startTime: {{gt: "{after}"}}}}) {{ {STATS} }} }} }}'
            if made.told
            else f"{{ runs(where: {{projectName: {{eq: $world}}}}) {{ stats {{ {STATS} }} }} }}"
        )

    (project,) = found.values()
    check(project["stats"], made.told, exact=False)
    if made.told:
        assert project["stats"]["approximate"]
        later = [each for each in made.told if each.minute > 77]
        check(project["later"], later, exact=False)


@few
@given(told=st.lists(TOLD, max_size=12), changes=st.data())
def test_rollups_kept_along_the_way_are_those_made_at_the_end(
    world: Callable[[], World], told: list[Told], changes: st.DataObject
):
    def kept(made: World, *, along: bool, order: list[int], again: list[int]) -> Any:
        made.told = list(told)
        runs = [made.run(at, each) for at, each in enumerate(told)]
        for at in [*order, *again]:
            run = runs[at]
            patch = replace(run, post=False, name=None, error="late", start_time=None)
            made.fold([run])
            made.fold([patch])
            if along:
                made.keep(1)
        while made.keep():
            pass
        return rows_of(made)

    def rows_of(made: World) -> Any:
        of_project = select(PROJECT.c.id).where(PROJECT.c.name == made.name).scalar_subquery()
        with made.store._engine.connect() as connection:
            return [
                [row[1:] for row in connection.execute(
                    select(table).where(table.c.session_id == of_project).order_by(table.c.since)
                )]
                for table in (RUN_ROLLUP_HOUR, RUN_ROLLUP_DAY)
            ]  # fmt: skip

    places = list(range(len(told)))
    order = changes.draw(st.permutations(places))
    again = changes.draw(st.lists(st.sampled_from(places), max_size=4)) if places else []

    along = kept(world(), along=True, order=order, again=again)
    at_the_end = kept(world(), along=False, order=places, again=[])

    assert len(along[0]) == len(at_the_end[0])
    for mine, theirs in zip(along[0] + along[1], at_the_end[0] + at_the_end[1], strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert one == (pytest.approx(other) if isinstance(other, float) else other)
