"""Statistics read by an index: of the project, or of the time, that is asked for."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from db import rollups, row_answers, stats_answers
from db.buckets import TimeInterval
from db.filters import EVERYTHING, All, Where
from db.filters import test as asks
from db.project_questions import by_name
from db.questions import RUNS, RUNS_OF_PROJECT, Values
from db.readers import Reading
from db.stats import GroupedStats, StatsOf
from db.stats_groups import RunGroupField
from db.store import Store
from db.threads import threads_of
from tests.conftest import NOON

pytestmark = pytest.mark.only_on("sqlite", reason="the plans are SQLite's, in its words")

DAY = All((asks("start_time", "gte", NOON), asks("start_time", "lt", NOON + timedelta(days=1))))
NAMED = asks("project_name", "eq", "p1")
BY_TYPE = (RunGroupField.RUN_TYPE,)


class Planned:
    """A reading that answers, and keeps what each statement does with tables."""

    def __init__(self, reading: Reading) -> None:
        self.dialect = reading.dialect
        self.statements = reading.statements
        self.reach = reading.reach
        self.steps: list[str] = []
        self._reading = reading

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        found = await self._reading.rows(f"EXPLAIN QUERY PLAN {sql}", values)
        self.steps += [row[3] for row in found if row[3].startswith(("SEARCH", "SCAN"))]
        return await self._reading.rows(sql, values)

    async def close(self) -> None:
        await self._reading.close()


@pytest.fixture(params=["with statistics", "without statistics"])
def steps(
    request: pytest.FixtureRequest, store: Store, add: Callable[..., Any]
) -> Callable[..., list[str]]:
    """Answer a question about some hundred runs in three projects; return what was read how."""
    for at in range(90):
        thread = {"metadata": {"thread_id": f"t{at % 5}"}}
        root = add(f"root {at}", at=at * 400, session_name=f"p{at % 3}", extra=thread)
        add(f"child {at}", at=at * 400 + 1, parent=root, session_name=f"p{at % 3}", run_type="llm")
    if request.param == "with statistics":
        with store._engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")

    def steps(question: Values | None, named: tuple[str, ...] = ()) -> list[str]:
        async def run() -> list[str]:
            reading = store.reading()
            projects = [
                (await row_answers.rows(reading, by_name(name), [None]))[0] for name in named
            ]
            planned = Planned(reading)
            if question is None:
                page = threads_of(projects[0], 2, None).rows
                await row_answers.rows(planned, page, projects)
            else:
                keys = [(each.stored("id"),) for each in projects] or [()]
                await question.answer(planned, keys)
            await reading.close()
            return planned.steps

        return asyncio.run(run())

    return steps


def of_runs(found: list[str]) -> set[str]:
    """Return how runs are read."""
    return {each for each in found if each.split()[1] in {"run", "of_thread"}}


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (StatsOf(RUNS_OF_PROJECT), ("p1",)),
        (StatsOf(RUNS_OF_PROJECT), ("p0", "p1")),
        (StatsOf(RUNS_OF_PROJECT, where=DAY), ("p1",)),
        (StatsOf(RUNS, where=All((NAMED, DAY))), ()),
        (GroupedStats(RUNS, where=All((NAMED, DAY)), groups=BY_TYPE), ()),
        (GroupedStats(RUNS, where=NAMED, interval=TimeInterval.HOUR), ()),
        (GroupedStats(RUNS, where=All((NAMED, DAY)), interval=TimeInterval.HOUR), ()),
    ],
)
def test_a_project_and_a_time_are_read_by_their_index(
    steps: Callable[..., list[str]], question: Values, named: tuple[str, ...]
):
    found = of_runs(steps(question, named))

    assert found
    assert all(each.startswith("SEARCH run USING") for each in found), found
    assert all("(session_id=?" in each for each in found), found


@pytest.mark.parametrize("where", [EVERYTHING, DAY])
def test_buckets_over_all_projects_are_read_by_time(steps: Callable[..., list[str]], where: Where):
    found = steps(GroupedStats(RUNS, where=where, interval=TimeInterval.HOUR))

    assert {each for each in of_runs(found) if "start_time>? AND start_time<?" in each}
    assert not [each for each in of_runs(found) if "USING" not in each]


def test_rollups_are_read_by_project_and_time(
    steps: Callable[..., list[str]], store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stats_answers, "EXACT_RUNS", 0)
    asyncio.run(rollups.keep(store, NOON + timedelta(hours=7)))

    found = steps(StatsOf(RUNS_OF_PROJECT), ("p1",))

    rolled = [each for each in found if "run_rollup" in each]
    assert len(rolled) == 3
    assert all("(session_id=? AND since>? AND since<?)" in each for each in rolled), rolled
    assert all("SEARCH" in each for each in of_runs(found))


def test_a_page_of_threads_reads_no_more_than_itself(steps: Callable[..., list[str]]):
    found = steps(None, ("p1",))

    assert "SEARCH thread USING INDEX thread_newest (session_id=?)" in found
    assert all(each.startswith("SEARCH") for each in found), found
