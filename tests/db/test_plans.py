"""Each statement uses the index that is meant for it, whether or not the database has statistics.

What matters is asked of SQLite itself: no list reads the whole table, no page sorts what an index
has in order already, and of many parents each is looked up.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from db import answers, feedback_questions, row_answers, runs
from db.arrivals import Batch, FeedbackArrival, RunArrival
from db.dotted import segment
from db.entities import RUN
from db.entity import Column
from db.filters import All, Where, test as asks
from db.ingest import fold
from db.pages import page
from db.questions import (
    CHILDREN,
    DESCENDANTS,
    PARENT,
    RUNS,
    RUNS_OF_PROJECT,
    RUNS_OF_TRACE,
    TRACE_OF_RUN,
    Rows,
)
from db.readers import Reading
from db.rows import Row
from db.store import Store
from tests.conftest import NAMES, NOON

Plan = list[str]
TYPES = ("llm", "tool", "chain", "retriever")


def _trace(number: int) -> list[RunArrival]:
    """A root with four children, each with one child; every tenth trace fails."""
    made: list[RunArrival] = []
    for place in range(9):
        parent = made[(place + 1) // 2 - 1] if place else None
        id = uuid5(NAMES, f"{number} {place}")
        start = NOON + timedelta(seconds=number, milliseconds=place)
        own = segment(start, id)
        made.append(
            RunArrival(
                id=id,
                post=True,
                name=f"run {place}",
                run_type=TYPES[place % 4],
                start_time=start,
                end_time=start + timedelta(seconds=1),
                error="broken" if number % 10 == 0 and place == 0 else None,
                session_name=f"project {number % 3}",
                trace_id=parent.trace_id if parent else id,
                parent_run_id=parent.id if parent else None,
                dotted_order=f"{parent.dotted_order}.{own}" if parent else own,
                inputs='{"a": 1}',
            )
        )
    return made


@pytest.fixture(scope="module", params=["with statistics", "without statistics"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store of some thousand runs in three projects."""
    path: Path = tmp_path_factory.mktemp("plans") / "rungraph.db"
    store = Store.open(f"sqlite:///{path}", synchronous="off")
    traces = [_trace(number) for number in range(550)]
    feedback = [
        FeedbackArrival(
            id=uuid5(NAMES, f"{root.id} feedback"),
            key="k",
            created_at=NOON,
            modified_at=NOON,
            run_id=root.id,
            trace_id=root.trace_id,
        )
        for root, *_ in traces
    ]
    with store._engine.begin() as connection:
        fold(connection, [Batch(runs=sum(traces, []), feedback=feedback)], NOON)
    if request.param == "with statistics":
        with store._engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    yield store
    store.close()


class Planned:
    """A reading that answers, and keeps the plan of each statement."""

    def __init__(self, reading: Reading) -> None:
        self.dialect = reading.dialect
        self.statements = reading.statements
        self.plans: list[Plan] = []
        self._reading = reading

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        found = await self._reading.rows(f"EXPLAIN QUERY PLAN {sql}", values)
        self.plans.append([row[3] for row in found])
        return await self._reading.rows(sql, values)

    async def close(self) -> None:
        await self._reading.close()


@pytest.fixture
def planned(store: Store) -> Callable[..., list[Plan]]:
    """Ask questions about a store; return the plans of all statements but those of `parents`."""

    def planned(ask: Callable[[Planned], Any]) -> list[Plan]:
        async def run() -> list[Plan]:
            reading = Planned(store.reading())
            await ask(reading)
            await reading.close()
            return reading.plans

        return asyncio.run(run())

    return planned


def rows_of(question: Rows, keys: Sequence[Any], columns: tuple[Column, ...] = RUN.eager) -> Any:
    """Ask for rows, or for the windows of a question that has one."""
    ask = answers.rows if question.window is None else answers.windows
    return lambda reading: ask(reading, question, keys, columns)


def check(plan: Plan, *indexes: str, sorts: bool = False) -> None:
    """Each index is used, in this order; no table is read whole; nothing is sorted by hand."""
    text = "\n".join(plan)
    used = [line for line in plan if line.startswith(("SEARCH", "SCAN"))]
    whole = [line for line in used if line.startswith("SCAN") and "USING" not in line]
    tables = [line for line in whole if line.split()[1] in {"run", "run_payload", "feedback"}]
    assert tables == [], text
    assert "AUTOMATIC" not in text, text
    if not sorts:
        assert "TEMP B-TREE" not in text, text
    found = [line for line in used if line.split()[1] in {"run", "run_payload", "feedback"}]
    assert len(found) == len(indexes), text
    for line, index in zip(found, indexes, strict=True):
        assert index in line, text
