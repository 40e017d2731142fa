"""Runs that are too old go, with all that is theirs; what they came to stays."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from db import retention, rollups, stats_answers
from db.errors import NotFoundError
from db.retention import Pruning
from db.store import Store
from db.tables import (
    ATTACHMENT,
    FEEDBACK,
    RUN,
    RUN_METADATA,
    RUN_PAYLOAD,
    RUN_ROLLUP_DIRTY,
    RUN_ROLLUP_HOUR,
    RUN_SEARCH,
    RUN_TAG,
    THREAD,
    THREAD_TRACE,
)
from tests.conftest import NOON

DAY = 86_400
NOW = NOON + timedelta(days=10, minutes=7)
OF_RUNS = (
    *(RUN, RUN_PAYLOAD, RUN_TAG, RUN_METADATA, FEEDBACK, ATTACHMENT, RUN_SEARCH),
    *(THREAD, THREAD_TRACE),
)

Add = Callable[..., Any]


@pytest.fixture
def keep_for(store: Store) -> Callable[..., None]:
    def keep_for(project: str, days: int | None) -> None:
        with store._engine.begin() as connection:
            retention.keep_for(connection, project, days)

    return keep_for


@pytest.fixture
def prune(store: Store, client: TestClient) -> Callable[..., retention.Pruned]:
    """Prune as if it were ten days after noon, on the server's event loop."""

    async def pruned(default: int, how: dict[str, Any]) -> retention.Pruned:
        cutoffs = await store.read_with(retention.cutoffs, default, NOW)
        return await retention.prune(store, Pruning(cutoffs, **how))

    def prune(default: int = 0, **how: Any) -> retention.Pruned:
        assert client.portal
        return client.portal.call(pruned, default, how)

    return prune


@pytest.fixture
def count(store: Store) -> Callable[..., int]:
    def count(*tables: Any) -> Any:
        with store._engine.connect() as connection:
            found = [connection.scalar(select(func.count()).select_from(each)) for each in tables]
        return found[0] if len(tables) == 1 else found

    return count


def full(add: Add, name: str, at: float, parent: Any = None, **facts: Any) -> Any:
    told = {"tags": ("prod",), "extra": {"metadata": {"thread_id": name}}, "inputs": {"q": name}}
    return add(name, at=at, parent=parent, **{**told, **facts})


def test_a_trace_goes_with_everything_that_is_its_own(add, judge, attach, index, prune, count):
    old = full(add, "old", 0)
    judge(full(add, "old child", 1, old), "right", score=1)
    attach(old, "a.txt", b"text")
    young = full(add, "young", 9 * DAY)
    judge(young, "right", score=0)
    attach(young, "a.txt", b"text")
    index()

    gone = prune(5)
    index()

    assert (gone.runs.total(), gone.roots.total()) == (2, 1)
    assert count(*OF_RUNS) == [1] * len(OF_RUNS)


def test_a_trace_stays_whole_while_its_last_run_is_young_enough(add, prune, count):
    root = add("root")
    add("late child", at=8 * DAY, parent=root)

    assert prune(5).runs.total() == 0
    assert count(RUN) == 2


def test_a_run_in_another_project_keeps_the_trace_for_as_long(add, prune, keep_for, count):
    add("child", at=1, parent=add("root", session_name="short"), session_name="long")
    keep_for("short", 1)
    keep_for("long", 30)

    assert prune().runs.total() == 0
    keep_for("long", 2)
    assert prune().runs.total() == 2
    assert count(RUN) == 0


def test_each_project_keeps_runs_for_its_own_days_or_the_default(add, keep_for, prune, ask):
    for project in ("default", "for ever", "one"):
        add(f"of {project}", at=DAY, session_name=project)
    keep_for("for ever", 0)
    keep_for("one", 1)

    assert prune(30).runs.total() == 1
    assert prune(3).runs.total() == 1
    found = ask("{ runs { nodes { name project { retentionDays } } } }")["runs"]["nodes"]
    assert found == [{"name": "of for ever", "project": {"retentionDays": 0}}]


def test_a_project_that_is_not_there_is_named(keep_for):
    with pytest.raises(NotFoundError, match="no project named 'nobody'"):
        keep_for("nobody", 3)


def test_a_dry_run_tells_what_would_go_and_changes_nothing(add, prune, count):
    root = add("root")
    for at in range(5):
        add(f"child {at}", at=at, parent=root)
    add("alone", at=3)

    gone = prune(5, dry_run=True, batch=2)

    assert (gone.runs.total(), gone.roots.total()) == (7, 2)
    assert count(RUN) == 7
    assert prune(5, batch=2).runs == gone.runs


def test_each_transaction_takes_a_few_runs_children_first(add, prune, store, monkeypatch):
    root = add("root")
    for at in range(6):
        add(f"child {at}", at=at + 1, parent=root)
    sizes: list[int] = []
    left: list[str] = []
    remove = retention.remove_runs

    def watched(connection: Any, keys: Any) -> None:
        remove(connection, keys)
        sizes.append(len(keys))
        left[:] = connection.scalars(select(RUN.c.name).order_by(RUN.c.dotted_order)).all()
        if left:
            assert left[0] == "root"

    monkeypatch.setattr(retention, "remove_runs", watched)
    prune(5, batch=3)

    assert sizes == [3, 3, 1]
    assert left == []


def test_payloads_alone_may_go(add, attach, judge, index, prune, count, ask):
    run = full(add, "old", 0, outputs={"answer": "needle"}, error="broken", usage={})
    attach(run, "a.txt", b"text")
    judge(run, "right", score=1)
    index()
    whole = (
        "{ runs(where: %s) { nodes { name outputs inputs metadata tags"
        " feedback { nodes { key } } } } }"
    )
    assert len(ask(whole % '{search: "needle"}')["runs"]["nodes"]) == 1

    gone = prune(5, payloads_only=True)
    index()

    assert (gone.runs.total(), prune(5, payloads_only=True).runs.total()) == (1, 0)
    assert count(ATTACHMENT) == 0
    assert ask(whole % '{search: "needle"}')["runs"]["nodes"] == []
    (found,) = ask(whole % '{tags: {hasAll: ["prod"]}, search: "broken"}')["runs"]["nodes"]
    assert found == {
        "name": "old",
        "outputs": None,
        "inputs": {},
        "tags": ["prod"],
        "metadata": {"thread_id": "old"},
        "feedback": {"nodes": [{"key": "right"}]},
    }
    assert prune(5).runs.total() == 1
    assert count(*OF_RUNS)[:4] == [0, 0, 0, 0]


STATS = """query S($id: ID!, $w: RunFilter) {
  project(by: {id: $id}) {
    stats(where: $w) { runCount errorCount totalTokens latency { p50 } approximate }
  }
  all: runStats(where: $w) { stats { runCount } }
  days: runStats(where: $w, groupBy: [{field: PROJECT}], interval: DAY) { stats { runCount } }
}"""


@pytest.fixture
def three_days(add, store, client) -> UUID:
    """Runs of ten days of a project, and one of another; the old days are summed up."""
    for day in (0, 1, 9):
        for at in range(day + 2):
            add(f"{day} {at}", at=day * DAY + 600 * at, error="no" if at == 1 else None)
    add("other", at=0, session_name="q")
    with store._engine.connect() as connection:
        return connection.scalar(select(RUN.c.session_id).where(RUN.c.name == "0 0"))


def counts(found: dict[str, Any]) -> list[int]:
    return [each["stats"]["runCount"] for each in found["days"] if each["stats"]["runCount"]]


def test_statistics_remember_what_is_gone(three_days, prune, ask, count, store):
    before = ask(STATS, id=str(three_days))

    gone = prune(5)
    after = ask(STATS, id=str(three_days))

    assert gone.runs.total() == 2 + 3 + 1
    assert count(RUN) == 11
    stats = after["project"]["stats"]
    assert stats.pop("approximate")
    assert stats.pop("latency")["p50"] == pytest.approx(1, rel=0.01)
    assert {**before["project"]["stats"], **stats} == before["project"]["stats"]
    assert after["all"] == before["all"]
    assert sorted(counts(after)) == sorted(counts(before))


def test_a_question_about_days_that_are_gone_is_answered_from_rollups(three_days, prune, ask):
    since = {"startTime": {"gte": "2026-01-02T00:00:00Z", "lt": "2026-01-05T00:00:00Z"}}
    before = ask(STATS, id=str(three_days), w=since)
    prune(5)

    after = ask(STATS, id=str(three_days), w=since)

    assert after["project"]["stats"]["runCount"] == before["project"]["stats"]["runCount"] == 3
    assert counts(after) == counts(before) == [3]


def test_late_runs_of_frozen_hours_take_nothing_from_rollups(
    three_days, prune, ask, add, store, client, count
):
    prune(5)
    before = ask(STATS, id=str(three_days))
    hours = count(RUN_ROLLUP_HOUR)

    add("late", at=60)
    marked = ask(STATS, id=str(three_days))
    assert count(RUN_ROLLUP_DIRTY) > 0
    client.portal.call(rollups.keep, store, NOW)

    assert ask(STATS, id=str(three_days)) == marked == before
    assert count(RUN_ROLLUP_DIRTY) == 0
    assert count(RUN_ROLLUP_HOUR) >= hours
    assert prune(5).runs.total() == 1


def test_nothing_is_frozen_before_it_is_summed_up(three_days, store, client):
    cutoffs = {three_days: NOON + timedelta(days=5)}

    async def freeze() -> Any:
        return await store.write(retention.freeze, cutoffs)

    assert client.portal.call(freeze) == [three_days]
    client.portal.call(rollups.keep, store, NOW)
    assert client.portal.call(freeze) == []


def test_a_run_that_comes_meanwhile_saves_its_trace(add, store, prune, monkeypatch, count):
    root = add("root")
    find = retention._find

    def found(*given: Any) -> Any:
        keys = find(*given)
        add("just now", at=9 * DAY, parent=root)
        return keys

    monkeypatch.setattr(retention, "_find", found)
    if store.dialect == "sqlite":  # there the walk reads a snapshot, and others may write
        assert prune(5).runs.total() == 0
        assert count(RUN) == 2


def test_runs_go_by_themselves_once_a_day(add, store, count):
    from graph.upkeep import _prune  # noqa: PLC0415

    add("years ago", at=-900 * DAY)

    async def once() -> None:
        await _prune(365)(store)
        await store._readers.aclose()

    asyncio.run(once())

    assert count(RUN) == 0


def test_every_table_of_runs_is_thought_of():
    others = {
        "access_key",
        "discarded_object",
        "imported_file",
        "project",
        "parked",
        "run_search_queue",
    }
    kept = {name for name in SQLModel.metadata.tables if name.startswith("run_rollup")}
    assert {each.name for each in OF_RUNS} | others | kept >= set(SQLModel.metadata.tables)
    assert stats_answers.EXACT_RUNS
