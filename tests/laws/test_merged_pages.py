"""Pages by one of several values, of several projects: the whole in order, put end to end."""

import asyncio
import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db import answers, composed, filters
from db.arrivals import RunArrival
from db.cursors import cursor_of
from db.dotted import segment
from db.filters import All, Not, Where
from db.merging import split_of
from db.pages import page
from db.questions import RUNS
from db.rows import Row, Shape
from db.store import Store
from tests.conftest import NAMES, NOON

TAGS, TYPES, THREADS = ("a", "b", "c", "d"), ("llm", "tool", "chain"), ("s", "t", None)
PROJECTS = tuple(f"merged {number}" for number in range(5))
COLUMNS = ("trace_id", "id", "start_time")


def _run(number: int) -> RunArrival:
    """A run of hazards: times are often equal, tags are often shared."""
    draw = random.Random(number)
    id, start = uuid5(NAMES, f"merged {number}"), NOON + timedelta(seconds=draw.randrange(40))
    metadata = {
        "env": draw.choice(["prod", "test", 5, 5.0, "5"]),
        "thread_id": draw.choice(THREADS),
    }
    return RunArrival(
        id=id,
        post=True,
        name="run",
        run_type=draw.choice(TYPES),
        start_time=start,
        end_time=draw.choice([None, start]),
        error=draw.choice([None, "x"]),
        session_name=draw.choice(PROJECTS),
        trace_id=id,
        dotted_order=segment(start, id),
        tags=tuple(draw.sample(TAGS, draw.randrange(4))),
        extra=json.dumps({"metadata": metadata}),
    )


RUNS_TOLD = [_run(number) for number in range(160)]
KNOWN = {run.id for run in RUNS_TOLD}


@pytest.fixture(scope="module")
def store(open_filled: Callable[..., Store]) -> Store:
    return open_filled(RUNS_TOLD)


def status_of(run: RunArrival) -> str:
    return "error" if run.error else "success" if run.end_time else "pending"


def env_of(run: RunArrival) -> Any:
    return json.loads(run.extra or "{}")["metadata"]["env"]


def thread_of(run: RunArrival) -> Any:
    return json.loads(run.extra or "{}")["metadata"]["thread_id"]


def some(values: tuple[Any, ...], least: int = 1) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=5)


def same(left: Any, right: Any) -> bool:
    return isinstance(left, str) == isinstance(right, str) and left == right


CHOICES: list[tuple[st.SearchStrategy[Any], Any, Any]] = [
    (
        some((*TAGS, "nobody's")),
        lambda asked: composed.tags("has_any", asked),
        lambda run, asked: not set(asked).isdisjoint(run.tags),
    ),
    (
        some((*TYPES, "other")),
        lambda asked: filters.test("run_type", "in", asked),
        lambda run, asked: run.run_type in asked,
    ),
    (
        some(("s", "t", "u")),
        lambda asked: filters.test("thread_id", "in", asked),
        lambda run, asked: thread_of(run) in asked,
    ),
    (
        some(("error", "success", "pending")),
        lambda asked: filters.test("status", "in", asked),
        lambda run, asked: status_of(run) in asked,
    ),
    (
        some(("prod", "test", 5, "5", "x")),
        lambda asked: composed.by_path("metadata", "env", {"in": asked}),
        lambda run, asked: any(same(env_of(run), each) for each in asked),
    ),
    (
        some((*PROJECTS, "no")),
        lambda asked: filters.test("project_name", "in", asked),
        lambda run, asked: run.session_name in asked,
    ),
    (
        st.sampled_from(PROJECTS),
        lambda asked: filters.test("project_name", "eq", asked),
        lambda run, asked: run.session_name == asked,
    ),
    (
        st.booleans(),
        lambda asked: filters.test("name", "eq", "run") if asked else Not(All(())),
        lambda _run, asked: asked,
    ),
]
"""Of each kind of condition: what it is asked, the filter, and what it means."""

ASKED = st.lists(
    st.sampled_from(CHOICES).flatmap(lambda c: st.tuples(st.just(c), c[0])), min_size=1, max_size=3
)


async def pages(store: Store, where: Where, size: int, *, backward: bool) -> list[UUID]:
    """Return the ids of all pages, put end to end."""
    reading, found, cursor = store.reading(), list[UUID](), None
    shape = Shape(RUNS.target, COLUMNS, reading.dialect)
    while True:
        way = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        question = page(RUNS, where=where, **way).rows
        some = (await answers.windows(reading, question, [()], COLUMNS))[()]
        rows = [Row(shape, row) for row in some.rows]
        ids = [id for row in rows if (id := UUID(row.id)) in KNOWN]
        found = [*ids, *found] if backward else [*found, *ids]
        if not (some.has_previous if backward else some.has_next):
            await reading.close()
            return found
        cursor = cursor_of(rows[0] if backward else rows[-1], RUNS.order)


def check_law(
    runner: asyncio.Runner, store: Store, asked: list[Any], size: int, *, backward: bool
) -> None:
    where = All(tuple(make(value) for (_, make, _), value in asked))
    passing = [run for run in RUNS_TOLD if all(m(run, value) for (_, _, m), value in asked)]
    whole = sorted(passing, key=lambda run: (run.start_time, run.id), reverse=True)

    found = runner.run(pages(store, where, size, backward=backward))

    assert found == [run.id for run in whole]


@settings(max_examples=60, deadline=None)
@given(asked=ASKED, size=st.sampled_from([3, 50]), backward=st.booleans())
def test_merged_pages_put_end_to_end_are_the_whole(
    runner: asyncio.Runner, store: Store, asked: list[Any], size: int, backward: bool
):
    check_law(runner, store, asked, size, backward=backward)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=2_000, deadline=None)
@given(asked=ASKED, size=st.sampled_from([2, 7, 50]), backward=st.booleans())
def test_merged_pages_put_end_to_end_are_the_whole_many_times(
    runner: asyncio.Runner, store: Store, asked: list[Any], size: int, backward: bool
):
    check_law(runner, store, asked, size, backward=backward)


@pytest.mark.parametrize("choice", range(7))
@pytest.mark.parametrize("size", [3, 50])
def test_nothing_passes_what_nothing_passes(
    runner: asyncio.Runner, store: Store, choice: int, size: int
):
    one = (TAGS, TYPES, ("s",), ("error",), ("prod",), PROJECTS, PROJECTS[0])[choice]
    asked = one if isinstance(one, str) else list(one)

    check_law(runner, store, [(CHOICES[choice], asked), (CHOICES[7], False)], size, backward=False)


@pytest.mark.parametrize("choice", range(6))
def test_each_kind_of_condition_is_merged(choice: int):
    values, make, _ = CHOICES[choice]
    asked = {1: ["llm", "tool"], 2: ["s", "t"], 3: ["error", "success"], 4: ["prod", "test"]}
    where = make(asked.get(choice, [*(TAGS if choice == 0 else PROJECTS)]))

    assert values is not None
    assert split_of(RUNS, filters.form(where), RUNS.order) is not None
