"""Law: requests in any order, any number of times, by any number of clients, make the same rows."""

import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.graph.ingest import recorded

pytestmark = pytest.mark.skipif(not recorded.SCENARIOS, reason=recorded.MISSING)

CLIENTS = 4

BY_THE_CLOCK = {("project", "created_at"), ("parked", "arrival"), ("feedback", "modified_at")}
"""Columns that tell when something arrived, or was patched."""


def requests() -> list[recorded.Request]:
    """Return what brings runs and feedback, of all scenarios; deletions have an order."""
    found = [each for scenario in recorded.SCENARIOS for each in recorded.requests_of(scenario)]
    mine = [each for each in found if each.brings_runs or each.path.startswith("/feedback")]
    return [each for each in mine if each.method in {"POST", "PATCH"}]


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables, sorted, without what the clock says."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name: rows(connection, name) for (name,) in names if not is_index(name)}


def is_index(table: str) -> bool:
    """Say whether a table is made of others when there is time: the index of words, the sums."""
    return table.startswith(("run_search", "run_words", "run_rollup"))


def rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    kept = ", ".join(f'"{column}"' for column in columns if (table, column) not in BY_THE_CLOCK)
    return sorted(connection.execute(f'SELECT {kept} FROM "{table}"'), key=repr)


def replay(path: Path, streams: list[list[recorded.Request]]) -> dict[str, list[tuple[Any, ...]]]:
    """Send streams of requests at once to a new server; return its tables."""
    store = Store.open(f"sqlite:///{path}", synchronous="normal")
    with TestClient(create_app(Settings(), store, upkeep=False)) as client:

        def send_all(stream: list[recorded.Request]) -> None:
            for request in stream:
                answer = request.send(client)
                assert answer.status_code in {200, 202}, (request, answer.text)
                assert "refused" not in answer.json(), (request, answer.text)

        with ThreadPoolExecutor(len(streams)) as clients:
            list(clients.map(send_all, streams))
    return tables(path)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_replays_make_the_same_rows(tmp_path, seed):
    straight = requests()
    shuffled = straight * 2
    random.Random(seed).shuffle(shuffled)

    expected = replay(tmp_path / "straight.db", [straight])
    found = replay(tmp_path / "shuffled.db", [shuffled[at::CLIENTS] for at in range(CLIENTS)])

    assert len(expected["run"]) > 500
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert found[table] == rows, table
