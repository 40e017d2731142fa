"""Pages by an indexed condition read no more than the page on PostgreSQL either.

What it does is counted in rows: those that the scans of a plan bring, and those they throw away.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from db import answers
from db.cursors import cursor_of
from db.filters import All, Where
from db.pages import page
from db.project_questions import by_name
from db.questions import RUNS
from db.row_answers import rows as row_answers_of
from db.rows import Row, Shape
from db.store import Store
from db.threads import threads_of
from tests.analyzed import Analyzed
from tests.databases import shards
from tests.db.test_page_costs import COLUMNS, CONDITIONS, PROJECTS, RARE, RUNS_STORED, run_of

pytestmark = pytest.mark.only_on("postgresql", reason="the plans are its own")
MOST = 700
"""Rows that a page of ten may take: of up to nine pages that are merged, thrice each.

Each shard of a cluster reads such a page, and has as many runs to read it from."""


@pytest.fixture(scope="module")
def store(open_filled: Callable[..., Store]) -> Store:
    store = open_filled(run_of(n) for n in range(RUNS_STORED * shards()))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    return store


@pytest.fixture
def cost(store: Store, runner: asyncio.Runner) -> Callable[..., tuple[list[Row], float]]:
    """Ask for a page; return its rows and how many were read for it."""

    async def read(where: Where, arguments: dict[str, Any]) -> tuple[list[Row], float]:
        reading = Analyzed(store.reading())
        question = page(RUNS, where=where, **arguments).rows
        found = (await answers.windows(reading, question, [()], COLUMNS))[()].rows
        await reading.close()
        shape = Shape(RUNS.target, COLUMNS, reading.dialect)
        return [Row(shape, row) for row in found], reading.rows_read

    return lambda where, **arguments: runner.run(read(where, arguments))


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_page_reads_no_more_than_itself(
    cost: Callable[..., tuple[list[Row], float]], project: str, condition: str
):
    where = All((PROJECTS[project], CONDITIONS[condition]))
    first, at_the_begin = cost(where, first=10)
    last, at_the_end = cost(where, last=10)
    middle = cursor_of(cost(where, first=600)[0][-1], RUNS.order)
    after, in_the_middle = cost(where, first=10, after=middle)

    assert [len(first), len(after), len(last)] == [10, 10, 10]
    assert 0 < max(at_the_begin, in_the_middle, at_the_end) < MOST * shards()


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("condition", RARE)
def test_what_is_rare_is_not_looked_for_among_all(
    cost: Callable[..., tuple[list[Row], float]], project: str, condition: str
):
    _, rows = cost(All((PROJECTS[project], RARE[condition])), first=10)

    assert 0 < rows < MOST * shards()


def test_a_page_of_threads_reads_no_runs(store: Store, runner: asyncio.Runner):
    async def read() -> float:
        reading = store.reading()
        (project,) = await row_answers_of(reading, by_name("project 1"), [None])
        await reading.close()
        analyzed = Analyzed(store.reading())
        await row_answers_of(analyzed, threads_of(project, 10, None).rows, [project])
        await analyzed.close()
        return analyzed.rows_read

    assert 0 < runner.run(read()) <= 11
