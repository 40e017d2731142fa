"""Each statement uses the index that is meant for it, whether or not there are statistics.

SQLite itself is asked: no list reads the whole table, no page sorts what an index has in order
already, and of many parents each is looked up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest

from db import answers, filters, runs, trees
from db.arrivals import Batch, FeedbackArrival, RunArrival
from db.compiler import more_of_many
from db.dotted import segment
from db.entities import FEEDBACK, RUN
from db.filters import All
from db.ingest import fold
from db.pages import page
from db.questions import (
    ANCESTORS,
    CHILDREN,
    DESCENDANTS,
    FEEDBACK_OF_RUN,
    PARENT,
    PROJECTS,
    RUNS,
    RUNS_OF_PROJECT,
    RUNS_OF_TRACE,
    TRACE_OF_RUN,
    Rows,
    Window,
)
from db.readers import Reading
from db.store import Store
from db.values import PACK
from tests.conftest import NAMES, NOON

Plan = list[str]
Ask = Callable[["Planned"], Awaitable[Any]]

TYPES = ("llm", "tool", "chain", "retriever")
PROJECT = uuid5(NAMES, "project 0")


def _trace(number: int) -> list[RunArrival]:
    """A root with two children, each with two children; every tenth root fails."""
    made: list[RunArrival] = []
    for place in range(7):
        parent = made[(place - 1) // 2] if place else None
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
                session_id=uuid5(NAMES, f"project {number % 3}"),
                session_name=f"project {number % 3}",
                trace_id=parent.trace_id if parent else id,
                parent_run_id=parent.id if parent else None,
                dotted_order=f"{parent.dotted_order}.{own}" if parent else own,
                inputs='{"a": 1}',
            )
        )
    return made


TRACES = [_trace(number) for number in range(700)]
ROOT = TRACES[5][0]
ROOTS = [root for root, *_ in TRACES[:50]]
KEYS = [(root.trace_id.bytes, root.id.bytes) for root in ROOTS]
TREE = (ROOT.id.bytes, ROOT.dotted_order, 0)


@pytest.fixture(scope="module", params=["with statistics", "without statistics"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store of some thousand runs in three projects."""
    path: Path = tmp_path_factory.mktemp("plans") / "rungraph.db"
    store = Store.open(f"sqlite:///{path}", synchronous="off")
    feedback = [
        FeedbackArrival(
            id=uuid5(NAMES, f"{root.id} feedback"),
            key="k",
            created_at=NOON,
            modified_at=NOON,
            run_id=root.id,
            trace_id=root.trace_id,
        )
        for root, *_ in TRACES
    ]
    everything = [run for trace in TRACES for run in trace]
    with store._engine.begin() as connection:
        fold(connection, [Batch(runs=everything, feedback=feedback)], NOON)
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
        self.reach = reading.reach
        self.plans: list[Plan] = []
        self._reading = reading

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        found = await self._reading.rows(f"EXPLAIN QUERY PLAN {sql}", values)
        self.plans.append([row[3] for row in found])
        return await self._reading.rows(sql, values)

    async def close(self) -> None:
        await self._reading.close()


@pytest.fixture
def plan(store: Store) -> Callable[[Ask], Plan]:
    """Ask something of a store; return the plan of the one statement it took."""

    def plan(ask: Ask) -> Plan:
        async def run() -> list[Plan]:
            reading = Planned(store.reading())
            await ask(reading)
            await reading.close()
            return reading.plans

        (found,) = asyncio.run(run())
        return found

    return plan


def rows_of(
    question: Rows, keys: Sequence[Any] = ((),), columns: tuple[Any, ...] | None = None
) -> Ask:
    """Ask for the rows of parents, or for their windows."""
    ask = answers.rows if question.window is None else answers.windows
    return lambda reading: ask(reading, question, keys, columns or question.link.target.eager)


def where(**tests: Any) -> All:
    """A filter: `name=value` is equality, `name__operator=value` another operator."""
    named = ((*name.split("__"), "eq")[:2] for name in tests)
    values = tests.values()
    return All(tuple(filters.test(*name, value) for name, value in zip(named, values, strict=True)))


def newest(**tests: Any) -> Ask:
    """Ask for the first page of runs that pass tests."""
    return rows_of(page(RUNS, where=where(**tests), first=10).rows)


def steps(plan: Plan) -> list[str]:
    """How each stored table is read, and what is sorted: the rest of a plan is about keys."""
    tables = ("run ", "run_payload ", "feedback ", "project ")
    return [
        step
        for step in plan
        if step.removeprefix("SEARCH ").removeprefix("SCAN ").startswith(tables)
        or step.startswith(("USE TEMP", "BLOOM"))
    ]


BY_PROJECT_NAME = "SEARCH project USING INDEX sqlite_autoindex_project_2 (name=?)"
BY_RUN = "SEARCH run USING INDEX sqlite_autoindex_run_1 (trace_id=? AND id=?)"
PAYLOAD = (
    "SEARCH run_payload USING INDEX sqlite_autoindex_run_payload_1 (trace_id=? AND id=?) LEFT-JOIN"
)
PAGES: dict[str, tuple[Ask, list[str]]] = {
    "newest": (newest(), ["SCAN run USING INDEX run_newest"]),
    "oldest": (rows_of(page(RUNS, last=10).rows), ["SCAN run USING INDEX run_newest"]),
    "after a cursor": (
        rows_of(Rows(RUNS, window=Window(10, after=(ROOT.start_time, ROOT.id)))),
        ["SEARCH run USING INDEX run_newest ((start_time,id)<(?,?))"],
    ),
    "before a cursor": (
        rows_of(Rows(RUNS, window=Window(10, backward=True, before=(ROOT.start_time, ROOT.id)))),
        ["SEARCH run USING INDEX run_newest ((start_time,id)>(?,?))"],
    ),
    "with payloads": (
        rows_of(page(RUNS, first=10).rows, columns=("trace_id", "id", "start_time", "inputs")),
        ["SCAN run USING INDEX run_newest", PAYLOAD],
    ),
    "roots": (newest(is_root=True), ["SCAN run USING INDEX run_newest_roots"]),
    "of some time": (
        newest(start_time__gt=NOON, start_time__lt=NOON + timedelta(seconds=9)),
        ["SEARCH run USING INDEX run_newest (start_time>? AND start_time<?)"],
    ),
    "of a project": (
        rows_of(page(RUNS_OF_PROJECT, first=10).rows, [(PROJECT.bytes,)]),
        ["SEARCH run USING INDEX run_by_session (session_id=?)"],
    ),
    "by project": (
        newest(session_id=PROJECT),
        ["SEARCH run USING INDEX run_by_session (session_id=?)"],
    ),
    "by project's name": (
        newest(project_name="project 1"),
        ["SEARCH run USING INDEX run_by_session (session_id=?)", BY_PROJECT_NAME],
    ),
    "by project's name, after a cursor": (
        rows_of(
            Rows(
                RUNS,
                where=where(project_name="project 1"),
                window=Window(10, after=(ROOT.start_time, ROOT.id)),
            )
        ),
        [
            "SEARCH run USING INDEX run_by_session (session_id=? AND (start_time,id)<(?,?))",
            BY_PROJECT_NAME,
        ],
    ),
    "roots by project's name": (
        newest(project_name="project 1", is_root=True),
        ["SEARCH run USING INDEX run_by_session_roots (session_id=?)", BY_PROJECT_NAME],
    ),
    "errors by project": (
        newest(session_id=PROJECT, status="error"),
        ["SEARCH run USING INDEX run_by_session_status (session_id=? AND status=?)"],
    ),
    "errors by project's name": (
        newest(project_name="project 1", status="error"),
        [
            "SEARCH run USING INDEX run_by_session_status (session_id=? AND status=?)",
            BY_PROJECT_NAME,
        ],
    ),
    "by project and type": (
        newest(session_id=PROJECT, run_type="llm"),
        ["SEARCH run USING INDEX run_by_session_type (session_id=? AND run_type=?)"],
    ),
    "by project's name and type": (
        newest(project_name="project 1", run_type="llm"),
        [
            "SEARCH run USING INDEX run_by_session_type (session_id=? AND run_type=?)",
            BY_PROJECT_NAME,
        ],
    ),
    "by project and thread": (
        newest(session_id=PROJECT, thread_id="x"),
        ["SEARCH run USING INDEX run_by_session_thread (session_id=? AND thread_id=?)"],
    ),
    "of a trace": (
        rows_of(page(RUNS_OF_TRACE, first=100).rows, [(ROOT.id.bytes,)]),
        ["SEARCH run USING INDEX run_by_trace (trace_id=?)"],
    ),
    "of a trace, after a cursor": (
        rows_of(Rows(RUNS_OF_TRACE, window=Window(9, after=(ROOT.dotted_order,))), [TREE[:1]]),
        ["SEARCH run USING INDEX run_by_trace (trace_id=? AND dotted_order>?)"],
    ),
    "descendants": (
        rows_of(page(DESCENDANTS, first=100, max_depth=2).rows, [TREE]),
        ["SEARCH run USING INDEX run_by_trace (trace_id=? AND dotted_order>? AND dotted_order<?)"],
    ),
    "children": (
        rows_of(page(CHILDREN, first=2).rows, KEYS[:1]),
        ["SEARCH run USING INDEX run_by_parent (trace_id=? AND parent_run_id=?)"],
    ),
    "children of many": (
        rows_of(page(CHILDREN, first=2).rows, KEYS[:3]),
        ["SEARCH run USING INDEX run_by_parent (trace_id=? AND parent_run_id=?)"] * 3,
    ),
    "projects": (
        rows_of(page(PROJECTS, first=10).rows),
        ["SCAN project USING INDEX sqlite_autoindex_project_2"],
    ),
}
"""Pages: what is asked, and how it is read."""

SORTED = "USE TEMP B-TREE FOR ORDER BY"
LOOK_UPS: dict[str, tuple[Ask, list[str]]] = {
    "a run by its id": (rows_of(runs.by_id(ROOT.id, None)), ["run_by_id (id=?)", SORTED]),
    "a run of a trace": (rows_of(runs.by_id(ROOT.id, ROOT.id)), [BY_RUN]),
    "runs by their ids": (
        rows_of(Rows(RUNS, where=where(id__in=[root.id for root in ROOTS]))),
        ["run_by_id (id=?)", SORTED],
    ),
    "children": (
        rows_of(Rows(CHILDREN), KEYS),
        ["run_by_parent (trace_id=? AND parent_run_id=?)", SORTED],
    ),
    "children with payloads": (
        rows_of(Rows(CHILDREN), KEYS, ("trace_id", "id", "parent_run_id", "inputs")),
        ["run_by_parent (trace_id=? AND parent_run_id=?)", PAYLOAD, SORTED],
    ),
    "children that pass tests": (
        rows_of(Rows(CHILDREN, where=where(name="run 1", run_type="llm")), KEYS),
        ["run_by_parent (trace_id=? AND parent_run_id=?)", SORTED],
    ),
    "how many children": (
        lambda reading: answers.counts(reading, Rows(CHILDREN), KEYS),
        ["run_by_parent (trace_id=? AND parent_run_id=?)", "USE TEMP B-TREE FOR GROUP BY"],
    ),
    "how many children that pass tests": (
        lambda reading: answers.counts(reading, Rows(CHILDREN, where=where(name="run 1")), KEYS),
        ["run_by_parent (trace_id=? AND parent_run_id=?)", "USE TEMP B-TREE FOR GROUP BY"],
    ),
    "parents": (rows_of(Rows(PARENT, one=True), KEYS), [BY_RUN]),
    "chains of parents": (
        rows_of(Rows(ANCESTORS), [(run.trace_id.bytes, run.dotted_order) for run in TRACES[3][3:]]),
        [BY_RUN],
    ),
    "everything below": (
        rows_of(Rows(DESCENDANTS), [TREE]),
        ["run_by_trace (trace_id=? AND dotted_order>? AND dotted_order<?)"],
    ),
    "whole trees": (
        lambda reading: trees.subtrees(reading, [(*key, 0) for key in KEYS], RUN.eager, 3),
        ["(trace_id=?)", SORTED],
    ),
    "sums of traces": (
        rows_of(
            Rows(TRACE_OF_RUN, one=True),
            [(trace,) for trace, _ in KEYS],
            ("trace_id", "run_count", "total_tokens"),
        ),
        ["(trace_id=?)", "USE TEMP B-TREE FOR GROUP BY"],
    ),
    "feedback": (
        rows_of(Rows(FEEDBACK_OF_RUN), KEYS),
        ["feedback_by_run (trace_id=? AND run_id=?)", SORTED],
    ),
    "a page of feedback": (
        rows_of(page(FEEDBACK_OF_RUN, first=9).rows, KEYS[:1], FEEDBACK.eager),
        ["feedback_by_run (trace_id=? AND run_id=?)", SORTED],
    ),
}
"""What hangs on known rows: what is asked, and the index of each step."""


def more(reading: Planned) -> Awaitable[Any]:
    """Ask for payloads of known runs."""
    statement = more_of_many(reading.dialect, RUN, (*RUN.key, "inputs"))
    return reading.rows(statement.sql, statement.placed({"keys": PACK[reading.dialect](KEYS)}))


@pytest.mark.parametrize(("ask", "expected"), PAGES.values(), ids=PAGES)
def test_a_page_is_read_in_the_order_of_its_index(
    plan: Callable[[Ask], Plan], ask: Ask, expected: list[str]
):
    assert steps(plan(ask)) == expected


@pytest.mark.parametrize(("ask", "expected"), LOOK_UPS.values(), ids=LOOK_UPS)
def test_what_hangs_on_known_rows_is_looked_up(
    plan: Callable[[Ask], Plan], ask: Ask, expected: list[str]
):
    found = steps(plan(ask))

    assert len(found) == len(expected), found
    for step, index in zip(found, expected, strict=True):
        assert step.endswith(index)
        assert step.startswith(("SEARCH", "USE TEMP"))


def test_payloads_of_known_runs_are_looked_up(plan: Callable[[Ask], Plan]):
    assert steps(plan(more)) == [
        "SEARCH run USING COVERING INDEX sqlite_autoindex_run_1 (trace_id=? AND id=?)",
        PAYLOAD,
    ]


def test_all_runs_are_counted_without_reading_them(plan: Callable[[Ask], Plan]):
    (step,) = steps(plan(lambda reading: answers.counts(reading, Rows(RUNS), [()])))

    assert "COVERING INDEX" in step


def test_the_filter_tests_keep_their_meaning_beside_keys(store: Store):
    """The rows are those that pass, whatever the plan."""

    async def names() -> dict[Any, list[Any]]:
        reading = store.reading()
        question = Rows(CHILDREN, where=where(name="run 1"))
        found = await answers.rows(reading, question, KEYS, ("trace_id", "parent_run_id", "name"))
        await reading.close()
        return found

    found = asyncio.run(names())
    assert {row[2] for rows in found.values() for row in rows} == {"run 1"}
    assert len(found) == len(KEYS)
