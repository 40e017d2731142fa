"""A reading goes on after a statement that failed."""

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
