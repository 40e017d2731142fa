"""SQLite locks no connection; each is used by one thread at a time, whatever becomes of a read."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.dialects import open_engine
from db.readers import _Connection
from db.store import Store

FIND = find_spec("_sqlite3")
LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)"
    " SELECT count(*) FROM n"
)


@pytest.mark.skipif(not (FIND and FIND.has_location), reason="SQLite is part of this Python itself")
def test_every_command_begins_without_locks():
    asked = "import graph.cli, db; raise SystemExit(not db.UNLOCKED)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_a_connection_is_given_back_without_open_cursors(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}", synchronous="full")
    with engine.connect() as connection:
        result = connection.execute(text("SELECT 1 UNION ALL SELECT 2"))
        cursor: Any = result.cursor
        assert result.fetchone() == (1,)

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        cursor.fetchone()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 3")) == 3
    engine.dispose()


@pytest.mark.only_on("sqlite", reason="PostgreSQL is not read by threads")
def test_a_connection_is_the_threads_until_it_has_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    begun = threading.Event()
    busy: list[bool] = []
    read = _Connection.read

    def watched(self: _Connection, *args: Any) -> Any:
        in_thread = threading.current_thread() is not threading.main_thread()
        if in_thread:
            begun.set()
            time.sleep(0.3)  # deaf for a while, as SQLite may be
        try:
            return read(self, *args)
        finally:
            if in_thread:
                busy.append(self in store._readers._idle)

    monkeypatch.setattr(_Connection, "read", watched)

    async def scenario() -> None:
        reading = store.reading()

        async def ask() -> None:
            try:
                await reading.rows(LONG, ())
            finally:
                await reading.close()

        task = asyncio.ensure_future(ask())
        await asyncio.to_thread(begun.wait)
        for _ in range(5):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not task.done()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not store._readers._idle[-1].given_up
        await store._readers.aclose()

    asyncio.run(scenario())
    assert busy == [False]
