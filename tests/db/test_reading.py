"""Readings: they go on after a statement that failed, and leave few connections open."""

import asyncio

import pytest

from db.store import Store


def test_a_read_that_fails_does_not_fail_those_after_it(store: Store):
    async def read() -> list[tuple[int, ...]]:
        reading = store.reading()
        assert [tuple(row) for row in await reading.rows("SELECT 1", ())] == [(1,)]
        with pytest.raises(Exception, match="nothing"):
            await reading.rows("SELECT nothing", ())
        found = await reading.rows("SELECT 2", ())
        await reading.close()
        await store._readers.aclose()
        return [tuple(row) for row in found]

    assert asyncio.run(read()) == [(2,)]


@pytest.mark.only_on("sqlite", reason="PostgreSQL has a number of connections that is set")
def test_after_many_readings_at_once_few_connections_are_kept(store: Store):
    async def read() -> int:
        readings = [store.reading() for _ in range(30)]
        for reading in readings:
            await reading.rows("SELECT 1", ())
        for reading in readings:
            await reading.close()
        kept = len(store._readers._idle)
        await store._readers.aclose()
        return kept

    assert asyncio.run(read()) == 8
