"""Rollups answer for many runs, and are kept up with what changes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from db import rollups, stats_answers
from db.marks import mark
from db.store import Store
from db.tables import PROJECT, RUN, RUN_ROLLUP_DAY, RUN_ROLLUP_DIRTY, RUN_ROLLUP_HOUR
from graph.settings import Settings
from tests.conftest import NAMES, NOON

Ask = Callable[..., Any]


@pytest.fixture(params=["engine", "graphql-core"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Both ways to execute."""
    return Settings(debug=True, engine=request.param == "engine")


@pytest.fixture
def rolled(store: Store, client: TestClient) -> Callable[..., int]:
    """Sum up what is marked and has ended; on the server's event loop, which owns connections."""

    def rolled(ended: datetime = NOON + timedelta(days=9), most: int = 1000) -> int:
        assert client.portal
        return client.portal.call(rollups.keep, store, ended, most)

    return rolled


def test_beyond_a_number_of_runs_rollups_answer(
    ask: Ask,
    statements: Callable[..., list[str]],
    add: Callable[..., Any],
    rolled: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stats_answers, "EXACT_RUNS", 1)
    for at in range(8):
        add(f"run {at}", at=3600 * at, session_name=f"p{at % 2}")
    assert rolled() == 8
    add("late", at=100, session_name="p1")
    query = (
        "{ runStats(groupBy: [{field: PROJECT}], interval: HOUR) { key { value } bucket stats"
        " { runCount approximate latency { p50 max } } } }"
    )

    groups = ask(query)["runStats"]

    assert [each["stats"]["runCount"] for each in groups] == [
        *(1, 1, 0, 1, 0, 1, 0, 1),
        *(1, 0, 1, 0, 1, 0, 1, 0),
    ]
    assert {each["key"][0]["value"] for each in groups[:8]} == {"p1"}
    assert all(each["stats"]["approximate"] for each in groups)
    assert all(each["stats"]["latency"]["p50"] == 1 for each in groups if each["stats"]["runCount"])
    found = statements(query)
    assert len(found) <= 7
    assert ask('{ a: runStats(where: {name: {neq: "x"}}) { stats { approximate } } }') == {
        "a": [{"stats": {"approximate": False}}]
    }


def test_nothing_is_left_of_an_hour_whose_runs_are_gone(
    add: Callable[..., Any], rolled: Callable[..., int], store: Store
):
    run = add("gone")
    assert rolled() == 1
    with store._engine.begin() as connection:
        connection.execute(delete(RUN))
        mark(connection, {(NAMES, NOON)})
        for (session,) in connection.execute(select(PROJECT.c.id)).all():
            mark(connection, {(session, run.start_time)})

    assert rolled() == 2

    with store._engine.begin() as connection:
        for table in (RUN_ROLLUP_HOUR, RUN_ROLLUP_DAY, RUN_ROLLUP_DIRTY):
            assert connection.execute(select(table)).all() == []


def test_an_hour_that_has_not_ended_is_left_marked(
    add: Callable[..., Any], rolled: Callable[..., int]
):
    add("now")

    assert rolled(NOON + timedelta(minutes=59)) == 0
    assert rolled(NOON + timedelta(minutes=60)) == 1


def test_a_mark_that_was_made_anew_stays(
    add: Callable[..., Any], rolled: Callable[..., int], store: Store
):
    add("first")
    with store._engine.begin() as connection:
        seen = rollups._marked(connection, NOON + timedelta(days=9), 9)
    add("second", at=1)

    with store._engine.begin() as connection:
        rollups._settle(connection, seen, {})

    assert rolled() == 1
