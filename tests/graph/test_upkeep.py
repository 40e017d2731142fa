"""What the server does by itself."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.arrivals import Batch
from db.store import Store
from graph import upkeep


def count(store: Store, table: str) -> int:
    with store._engine.connect() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM {table}"))


def test_hours_that_are_over_are_summed_up_and_words_indexed(store: Store, add: Any):
    add("run")
    assert count(store, "run_rollup_dirty") == 1

    async def until_done() -> None:
        async with upkeep.kept_up(store, timedelta(days=7)):
            while count(store, "run_rollup_dirty") or count(store, "run_search_queue"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await store._readers.aclose()

    asyncio.run(asyncio.wait_for(until_done(), timeout=20))

    assert count(store, "run_rollup_hour") == 1


def test_a_chore_that_fails_is_tried_again(store: Store):
    tries = 0

    async def failing(_: Store) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError
        raise asyncio.CancelledError

    async def twice() -> None:
        try:
            await upkeep._forever(store, "failing", failing, 0)
        except asyncio.CancelledError:
            return

    asyncio.run(twice())

    assert tries == 2


def test_chores_wait_while_batches_come(store: Store, monkeypatch: pytest.MonkeyPatch):
    moments = 0

    async def moment(_: float) -> None:
        nonlocal moments
        moments += 1
        if moments < 4:
            await store.ingest(Batch())

    monkeypatch.setattr(asyncio, "sleep", moment)
    asyncio.run(store.lull(60))
    assert moments == 4

    asyncio.run(store.lull(0))
    assert moments == 4


def test_chores_wait_while_a_batch_is_written(store: Store, monkeypatch: pytest.MonkeyPatch):
    moments = 0
    held, free = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        held.set()
        assert free.wait(10)

    async def moment(_: float) -> None:
        nonlocal moments
        moments += 1
        if moments == 4:
            free.set()
            await batch

    async def lull() -> None:
        nonlocal batch
        holding = asyncio.create_task(store.write(hold))
        await asyncio.to_thread(held.wait, 10)
        batch = asyncio.create_task(store.ingest(Batch(size=1)))
        await asyncio.to_thread(lambda: None)
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "sleep", moment)
            await store.lull(60)
        await holding

    batch: asyncio.Task[Any]
    asyncio.run(lull())
    assert moments >= 4
