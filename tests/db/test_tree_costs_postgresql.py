"""Pages of large traces read no more than the page on PostgreSQL, whose indexes hold heads only."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest

from db import answers
from db.arrivals import RunArrival
from db.dotted import segment
from db.pages import page
from db.questions import CHILDREN, DESCENDANTS, RUNS_OF_TRACE, Rows, Window
from db.store import Store
from tests.analyzed import Analyzed
from tests.conftest import NAMES, NOON

pytestmark = pytest.mark.only_on("postgresql", reason="the plans are its own")

BRANCHES, LEAVES = 40, 100


def _run(name: str, at: int, parent: RunArrival | None = None) -> RunArrival:
    id, start = uuid5(NAMES, name), NOON + timedelta(milliseconds=at)
    own = segment(start, id)
    return RunArrival(
        id=id,
        post=True,
        name=name,
        run_type="chain",
        start_time=start,
        session_name="p",
        trace_id=parent.trace_id if parent else id,
        parent_run_id=parent.id if parent else None,
        dotted_order=f"{parent.dotted_order}.{own}" if parent else own,
    )


def _trace(name: str) -> list[RunArrival]:
    root = _run(name, 0)
    branches = [_run(f"{name} {at}", at, root) for at in range(BRANCHES)]
    leaves = [
        _run(f"{branch.name} {at}", 1000 + at, branch)
        for branch in branches
        for at in range(LEAVES)
    ]
    return [root, *branches, *leaves]


TRACES = [_trace(f"root {number}") for number in range(3)]
ROOT, *BELOW = sorted(TRACES[1], key=lambda run: run.dotted_order or "")
BRANCH = BELOW[0]
PARENT = (BRANCH.trace_id, BRANCH.id)
WITHIN = (ROOT.id, ROOT.dotted_order, 0)
AFTER = (BELOW[2_000].dotted_order,)


@pytest.fixture(scope="module", params=["with statistics", "without statistics"])
def store(request: pytest.FixtureRequest, open_filled: Callable[..., Store]) -> Store:
    store = open_filled(run for trace in TRACES for run in trace)
    if request.param == "with statistics":
        with store._engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    return store


PAGES: dict[str, tuple[Rows, tuple[Any, ...]]] = {
    "a trace": (page(RUNS_OF_TRACE, first=10).rows, (ROOT.id,)),
    "a trace, its end": (page(RUNS_OF_TRACE, last=10).rows, (ROOT.id,)),
    "a trace, its middle": (Rows(RUNS_OF_TRACE, window=Window(10, after=AFTER)), (ROOT.id,)),
    "descendants": (page(DESCENDANTS, first=10).rows, WITHIN),
    "descendants, the end": (page(DESCENDANTS, last=10).rows, WITHIN),
    "descendants, the middle": (Rows(DESCENDANTS, window=Window(10, after=AFTER)), WITHIN),
    "children": (page(CHILDREN, first=10).rows, PARENT),
    "children, the end": (page(CHILDREN, last=10).rows, PARENT),
}


@pytest.mark.parametrize(("question", "key"), PAGES.values(), ids=PAGES)
def test_a_page_of_a_trace_reads_no_more_than_itself(
    store: Store, runner: asyncio.Runner, question: Rows, key: Sequence[Any]
):
    async def read() -> tuple[int, float]:
        reading = Analyzed(store.reading())
        found = (await answers.windows(reading, question, [key], ("id", "dotted_order")))[key]
        await reading.close()
        return len(found.rows), reading.rows_read

    rows, read_in_all = runner.run(read())
    assert rows == 10
    assert read_in_all <= 40
