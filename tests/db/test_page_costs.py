"""Pages by an indexed condition read no more than the page, of one project and of all of them.

What SQLite does is counted in the instructions of its machine: a page of ten among thousands of
matches takes some hundreds of them, wherever in the list it stands.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from db import answers, composed, filters
from db.arrivals import Batch, RunArrival
from db.cursors import cursor_of
from db.dotted import segment
from db.filters import All, Where
from db.ingest import fold
from db.pages import page
from db.questions import RUNS
from db.rows import Row, Shape
from db.store import Store
from tests.conftest import NAMES, NOON

RUNS_STORED = 4000
MOST = 2000
"""Instructions that a page of ten may take; to look at each match takes many times as many."""

PAGE_OF_EACH = {"any of some tags"}
"""Conditions of which a page of each value is read, in each project: runs may pass several."""

COLUMNS = ("trace_id", "id", "start_time", "name", "inputs")
PROJECTS: dict[str, Where] = {
    "of a project": filters.test("project_name", "eq", "project 1"),
    "of two projects": filters.test("project_name", "in", ["project 0", "project 1", "no"]),
    "of all projects": All(()),
}
CONDITIONS: dict[str, Where] = {
    "newest": All(()),
    "tag": composed.tags("has_any", ["common"]),
    "two tags": composed.tags("has_all", ["common", "also"]),
    "any of some tags": composed.tags("has_any", ["common", "also", "rare"]),
    "metadata": composed.by_path("metadata", "env", {"eq": "prod"}),
    "metadata number": composed.by_path("metadata", "n", {"eq": 5}),
    "thread": filters.test("thread_id", "eq", "t"),
    "any of some values of metadata": composed.by_path("metadata", "env", {"in": ["prod", "x"]}),
    "errors": filters.test("status", "eq", "error"),
    "successes": filters.test("status", "eq", "success"),
    "any of two statuses": filters.test("status", "in", ["error", "pending"]),
    "type": filters.test("run_type", "eq", "llm"),
    "any of some types": filters.test("run_type", "in", ["llm", "rare", "tool"]),
    "any of some threads": filters.test("thread_id", "in", ["t", "rare"]),
    "roots": filters.test("is_root", "eq", True),
}
RARE: dict[str, Where] = {
    "tag": composed.tags("has_any", ["rare"]),
    "metadata": composed.by_path("metadata", "env", {"eq": "rare"}),
    "metadata number": composed.by_path("metadata", "n", {"eq": 7}),
    "thread": filters.test("thread_id", "eq", "rare"),
    "type": filters.test("run_type", "eq", "rare"),
    "pending": filters.test("status", "eq", "pending"),
    "any of some tags": composed.tags("has_any", ["rare", "nobody's"]),
    "any of some values of metadata": composed.by_path("metadata", "n", {"in": [7, 8]}),
    "any of some types": filters.test("run_type", "in", ["rare", "tool"]),
    "any of some threads": filters.test("thread_id", "in", ["rare", "nobody's"]),
}


def run_of(number: int) -> RunArrival:
    id, start = uuid5(NAMES, f"cost {number}"), NOON + timedelta(seconds=number // 2)
    rare = number % 1000 == 1
    metadata = {"env": "prod", "n": 5, "thread_id": "t"}
    return RunArrival(
        id=id,
        post=True,
        name="run",
        run_type="rare" if rare else "llm",
        start_time=start,
        end_time=None if rare else start,
        error="x" if number % 2 and not rare else None,
        session_name=f"project {number % 3}",
        trace_id=id,
        dotted_order=segment(start, id),
        inputs='{"a": 1}',
        tags=("rare",) if rare else ("common", "also"),
        extra=json.dumps(
            {"metadata": dict.fromkeys(metadata, "rare") | {"n": 7} if rare else metadata}
        ),
    )


@pytest.fixture(scope="module", params=["with statistics", "without statistics"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("costs") / "rungraph.db"
    store = Store.open(f"sqlite:///{path}", synchronous="off")
    with store._engine.begin() as connection:
        fold(connection, [Batch(runs=[run_of(n) for n in range(RUNS_STORED)])], NOON)
        if request.param == "with statistics":
            connection.exec_driver_sql("ANALYZE")
    yield store
    store.close()


@pytest.fixture
def cost(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[Row], int]]:
    """Ask for a page; return its rows and how many instructions it took."""
    monkeypatch.setattr("db.readers._STEPS", 100)
    monkeypatch.setattr("db.readers.PATIENCE", 60)

    def cost(where: Where, **arguments: Any) -> tuple[list[Row], int]:
        ticks = 0

        def clock() -> float:
            nonlocal ticks
            ticks += 1
            return 0.0

        monkeypatch.setattr("time.thread_time", clock)
        question = page(RUNS, where=where, **arguments).rows

        async def read() -> list[Any]:
            reading = store.reading()
            try:
                found = await answers.windows(reading, question, [()], COLUMNS)
            finally:
                await reading.close()
            return found[()].rows

        rows = asyncio.run(read())
        shape = Shape(question.link.target, COLUMNS, "sqlite")
        return [Row(shape, row) for row in rows], ticks * 100

    return cost


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_page_reads_no_more_than_itself(
    cost: Callable[..., tuple[list[Row], int]], project: str, condition: str
):
    where = All((PROJECTS[project], CONDITIONS[condition]))
    first, at_the_begin = cost(where, first=10)
    last, at_the_end = cost(where, last=10)
    middle = cursor_of(cost(where, first=600)[0][-1], RUNS.order)
    after, in_the_middle = cost(where, first=10, after=middle)

    assert [len(first), len(after), len(last)] == [10, 10, 10]
    assert first[0].start_time > after[0].start_time > last[-1].start_time
    costs = at_the_begin, in_the_middle, at_the_end
    assert max(costs) > 0
    assert max(costs) < MOST * (3 if condition in PAGE_OF_EACH else 1)


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("condition", RARE)
def test_what_is_rare_is_not_looked_for_among_all(
    cost: Callable[..., tuple[list[Row], int]], project: str, condition: str
):
    rows, instructions = cost(All((PROJECTS[project], RARE[condition])), first=10)

    expected = {run.id for n in range(RUNS_STORED) if (run := run_of(n)).run_type == "rare"}
    places = {"of a project": {1}, "of two projects": {0, 1}}.get(project, {0, 1, 2})
    there = {run_of(n).id for n in range(RUNS_STORED) if n % 3 in places}
    assert {UUID(row.id) for row in rows} == expected & there
    assert instructions < MOST


def test_what_has_no_index_costs_more(cost: Callable[..., tuple[list[Row], int]]):
    _, instructions = cost(filters.test("name", "eq", "nobody"), first=10)

    assert instructions > 6 * MOST
