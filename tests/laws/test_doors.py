"""Law: what is exported and imported into an empty store makes an equal store."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from db.filters import EVERYTHING
from db.importing import Mark
from db.ingest import fold
from db.store import Store
from graph.app import create_app
from graph.demo.fill import fill
from graph.exporting.outputs import open_output
from graph.exporting.runs import export
from graph.importing.files import FileImport, Imported
from graph.importing.sources import opened
from graph.importing.told import Reader
from graph.settings import Settings
from tests.graph.ingest import recorded
from tests.laws.test_ingest_order import stories, tellings
from tests.laws.test_replay import requests
from tests.telling import NOW

LEFT_OUT = {"parked", "imported_file", "access_key"}
"""Tables of what is no run's: what waits for one, what was imported, who may ask."""

MADE_LATER = ("run_search", "run_rollup")
"""How tables begin that are made of others when there is time."""

OpenEmpty = Callable[[str], Store]


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of what an export is of."""
    with store._engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for name, table in SQLModel.metadata.tables.items()
            if name not in LEFT_OUT and not name.startswith(MADE_LATER)
        }


async def write(store: Store, path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Export a store; return what it holds."""
    with open_output(str(path), resume=False) as output:
        await export(store, EVERYTHING, output, lambda _: None)
    await store._readers.aclose()
    return everything(store)


async def read(store: Store, path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Import a file into an empty store; return what that holds then."""
    complaints: list[str] = []
    with opened(str(path)) as source:
        importing = FileImport(
            store, source, Reader(NOW), lambda _: None, complaints.append, lambda: NOW
        )
        done: Imported = await importing.run(Mark())
    assert (complaints, done.refused) == ([], 0)
    return everything(store)


async def fill_with_demo(store: Store) -> None:
    app = create_app(Settings(), store, upkeep=False)
    await fill(app, datetime(2026, 3, 1, tzinfo=UTC))
    await store._readers.aclose()


def check(open_empty: OpenEmpty, database: str, path: Path, put: Callable[[Store], Any]) -> Any:
    """Fill a store, export it, import it into another; return what both hold."""
    store = open_empty(database)
    try:
        put(store)
        expected = asyncio.run(write(store, path))
    finally:
        store.close()
    store = open_empty(database)
    try:
        found = asyncio.run(read(store, path))
    finally:
        store.close()
    for table, rows in expected.items():
        assert found[table] == rows, table
    return expected


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_arrivals_are_the_same_after_a_journey(open_empty, database, tmp_path_factory, data):
    told = data.draw(stories())
    folds = data.draw(tellings(told))
    path = tmp_path_factory.mktemp("journey") / "runs.jsonl"

    def put(store: Store) -> None:
        with store._engine.begin() as connection:
            for batches in folds:
                fold(connection, batches, NOW)

    check(open_empty, database, path, put)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_arrivals_are_the_same_after_a_journey_many_times(
    open_empty, database, tmp_path_factory, data
):
    test_arrivals_are_the_same_after_a_journey.hypothesis.inner_test(
        open_empty, database, tmp_path_factory, data
    )


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_the_demo_is_the_same_after_a_journey(open_empty, database, tmp_path, packing):
    def put(store: Store) -> None:
        asyncio.run(fill_with_demo(store))

    held = check(open_empty, database, tmp_path / f"demo.jsonl{packing}", put)

    assert all(held[table] for table in ("run", "feedback", "attachment", "thread", "run_tag"))


@pytest.mark.skipif(not recorded.SCENARIOS, reason=recorded.MISSING)
def test_what_sdks_sent_is_the_same_after_a_journey(tmp_path):
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("first", "other")]
    with TestClient(create_app(Settings(), Store.open(urls[0]), upkeep=False)) as client:
        for request in requests():
            assert request.send(client).status_code in {200, 202}
    path = tmp_path / "runs.jsonl"
    with closing(Store.open(urls[0])) as first, closing(Store.open(urls[1])) as other:
        expected = asyncio.run(write(first, path))
        found = asyncio.run(read(other, path))

    assert len(expected["run"]) > 500
    for table, rows in expected.items():
        assert found[table] == rows, table
