"""A page of a search reads no more runs when more of them match, on PostgreSQL as well."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest

from db import answers, filters
from db.arrivals import RunArrival
from db.dotted import segment
from db.pages import page
from db.questions import RUNS
from db.search import parse
from db.search_index import index_some
from db.search_walk import NEXT
from db.store import Store
from tests.analyzed import Analyzed
from tests.conftest import NAMES, NOON
from tests.databases import shards

pytestmark = pytest.mark.only_on("postgresql", reason="the plans are its own")

STORED, MANY, SOME, PAGE = 4_500, 1_500, 150, 10


def _run(number: int) -> RunArrival:
    """A run; all say `everywhere`, a third `often`, some `seldom` and one `once`."""
    id, start = uuid5(NAMES, str(number)), NOON + timedelta(seconds=number)
    words = ["everywhere"]
    words += ["often"] * (number % (STORED // MANY) == 0)
    words += ["seldom"] * (number % (STORED // SOME) == 0)
    words += ["once"] * (number == 7)
    return RunArrival(
        id=id,
        post=True,
        name="run",
        run_type="chain",
        start_time=start,
        session_name="p",
        trace_id=id,
        dotted_order=segment(start, id),
        inputs=f'{{"q": "{" ".join(words)}"}}',
    )


@pytest.fixture(scope="module")
def store(open_filled: Callable[..., Store]) -> Store:
    store = open_filled(map(_run, range(STORED * shards())))
    with store._engine.begin() as connection:
        while index_some(connection):
            pass
        connection.exec_driver_sql("ANALYZE")
    return store


LOOKED_AT = NEXT + 1
FINAL = 3 * (PAGE + 1)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("everywhere", LOOKED_AT + 2 * (PAGE + 1) + FINAL),
        ("often -once", LOOKED_AT + 6 * (PAGE + 1) + FINAL),
        ("seldom", LOOKED_AT + 2 * NEXT + 3 * SOME + FINAL),
    ],
)
@pytest.mark.parametrize("end", ["first", "last"])
def test_a_page_of_a_search_reads_no_more_than_the_next_runs(
    store: Store, runner: asyncio.Runner, text: str, most: int, end: str
):
    async def read() -> tuple[int, float]:
        reading = Analyzed(store.reading())
        arguments: dict[str, Any] = {end: PAGE}
        where = filters.test("search", "matches", parse(text))
        question = page(RUNS, where=where, **arguments).rows
        found = (await answers.windows(reading, question, [()], ("id", "start_time")))[()]
        await reading.close()
        return len(found.rows), reading.rows_read

    found, read_in_all = runner.run(read())
    assert found == PAGE
    assert 0 < read_in_all <= most * shards()
