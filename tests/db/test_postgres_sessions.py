"""Connections to PostgreSQL that are lost, bounded, timed, or shared by a pooler."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from db import store as stores
from db.arrivals import Batch
from db.errors import TooManyRowsError, TooSlowError, UnavailableError
from db.readers import Budget
from db.servers import Server
from db.store import Store
from db.tables import RUN
from tests.telling import id_of, post

pytestmark = pytest.mark.only_on("postgresql", reason="SQLite has neither server nor connections")

OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""


@pytest.fixture
def cut(postgres_url: str) -> Callable[[], None]:
    """Cut every connection to the database."""

    def cut() -> None:
        with psycopg.connect(postgres_url) as connection:
            connection.execute(OTHERS)

    return cut


@asynccontextmanager
async def opened(url: str, **server: Any):
    store = Store.open(url, server=Server(**server))
    try:
        yield store
    finally:
        await store.aclose()


async def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    reading = store.reading()
    try:
        return [tuple(row) for row in await reading.rows(sql, ())]
    finally:
        await reading.close()


def ids(store: Store) -> list[Any]:
    with store._engine.begin() as connection:
        return list(connection.scalars(select(RUN.c.id).order_by(RUN.c.id)))


def test_a_read_on_a_connection_that_died_is_done_again(postgres_url: str, cut: Callable[[], None]):
    async def read() -> Any:
        async with opened(postgres_url) as served:
            first = await rows(served, "SELECT 1")
            await asyncio.gather(*[rows(served, "SELECT 1") for _ in range(4)])
            cut()
            return first, await rows(served, "SELECT 2")

    assert asyncio.run(read()) == ([(1,)], [(2,)])


class Confused:
    """A connection that lost its server in the middle of something, and has not noticed."""

    def is_closed(self) -> bool:
        return False

    async def fetch(self, *_: Any) -> Any:
        raise asyncpg.InternalClientError("another operation is in progress")

    execute = fetch

    def terminate(self) -> None:
        """Have nothing to end."""


def test_a_read_on_a_connection_that_is_confused_is_done_again(postgres_url: str):
    async def read() -> Any:
        async with opened(postgres_url) as served:
            await rows(served, "SELECT 1")
            connections = served._readers.connections
            real = connections._idle.pop()
            connections._idle.append(Confused())
            found = await rows(served, "SELECT 2")
            await real.close()
            return found

    assert asyncio.run(read()) == [(2,)]


def test_a_snapshot_that_was_seen_is_not_begun_anew(postgres_url: str, cut: Callable[[], None]):
    async def read() -> None:
        async with opened(postgres_url) as served:
            reading = served.reading()
            await reading.rows("SELECT 1", ())
            cut()
            with pytest.raises(UnavailableError):
                await reading.rows("SELECT 2", ())
            await reading.close()
            assert await rows(served, "SELECT 3") == [(3,)]

    asyncio.run(read())


def test_a_batch_whose_connection_dies_is_folded_again_and_once(
    store: Store, cut: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    folds = 0
    fold = stores.fold

    def broken(*arguments: Any) -> Any:
        nonlocal folds
        folds += 1
        done = fold(*arguments)
        if folds == 1:
            cut()
        return done

    monkeypatch.setattr(stores, "fold", broken)
    outcome = asyncio.run(store.ingest(Batch(runs=[post(1)])))

    assert folds == 2
    assert not outcome.refused
    assert ids(store) == [id_of(1)]


def test_another_write_whose_connection_dies_is_refused(store: Store, cut: Callable[[], None]):
    calls = 0

    def write(_: Any) -> None:
        nonlocal calls
        calls += 1
        cut()

    with pytest.raises(UnavailableError):
        asyncio.run(store.write(write))

    assert calls == 1


def test_a_server_that_stays_away_is_said_so(
    store: Store, cut: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any) -> None:
        cut()

    monkeypatch.setattr(stores, "_PATIENCE", 0)
    with monkeypatch.context() as patched:
        patched.setattr(store.news, "announce", broken)
        with pytest.raises(UnavailableError, match="can not do this now"):
            asyncio.run(store.ingest(Batch(runs=[post(1)])))

    assert ids(store) == []
    asyncio.run(store.ingest(Batch(runs=[post(1)])))
    assert ids(store) == [id_of(1)]


def test_a_read_that_takes_too_long_is_stopped(postgres_url: str):
    async def read() -> None:
        async with opened(postgres_url, seconds=0.05) as served:
            with pytest.raises(TooSlowError, match=r"more than 0\.05 s"):
                await rows(served, "SELECT pg_sleep(20)")
            assert await rows(served, "SELECT 1") == [(1,)]

    asyncio.run(read())


def test_no_more_rows_come_than_tell_that_there_are_too_many(postgres_url: str):
    async def read() -> int:
        async with opened(postgres_url) as store:
            reading = store.reading()
            reading.budget = Budget(10)
            with pytest.raises(TooManyRowsError, match="at most 10"):
                await reading.rows("SELECT generate_series(1, 1000000)", ())
            await reading.close()
            return reading.budget.left

    assert asyncio.run(read()) == -1


def test_no_more_connections_read_than_are_allowed(postgres_url: str):
    async def read() -> set[Any]:
        async with opened(postgres_url, connections=2) as served:
            own = "SELECT pg_backend_pid(), pg_sleep(0.01)"
            found = await asyncio.gather(*[rows(served, own) for _ in range(8)])
            return {pid for ((pid, _),) in found}

    assert 1 <= len(asyncio.run(read())) <= 2


@pytest.fixture
def pooler(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of the database behind a PgBouncer in transaction mode, with few connections."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine")
    url = make_url(postgres_url)
    told = [f"{key}={value}" for key, value in places(url).items() if value]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{url.database} = {' '.join(told)}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 3\n"
    )
    as_user = ["-u", owner_of(places(url)["host"])] if os.geteuid() == 0 else []
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    process = subprocess.Popen(
        [program, "-q", *as_user, str(config)], stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(port, process)
        yield f"postgresql://{url.username}@127.0.0.1:{port}/{url.database}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def owner_of(host: str) -> str:
    """Who may enter the folder of the server's socket; PgBouncer does not run as root."""
    return pwd.getpwuid(os.stat(host).st_uid).pw_name if host.startswith("/") else "nobody"


def places(url: Any) -> dict[str, Any]:
    host = url.query.get("host") or url.host
    return {"host": host, "port": url.port, "user": url.username, "password": url.password}


def wait_for(port: int, process: "subprocess.Popen[str]") -> None:
    while process.poll() is None:
        with socket.socket() as there:
            if there.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(process.communicate()[1])


def test_all_goes_through_a_pooler_in_transaction_mode(
    store: Store, pooler: str, postgres_url: str
):
    where = "SELECT current_schema(), current_setting('jit'), current_setting('timezone')"

    async def use(store: Store) -> list[Any]:
        reads: list[Awaitable[Any]] = [rows(store, where) for _ in range(8)]
        writes = [store.ingest(Batch(runs=[post(number)])) for number in range(8)]
        return (await asyncio.gather(*reads, *writes))[:8]

    async def both() -> list[Any]:
        async with (
            opened(pooler, pooled=True, direct=postgres_url) as one,
            opened(pooler, pooled=True, direct=postgres_url) as other,
        ):
            return [*await use(one), *await use(other), *await use(one)]

    assert asyncio.run(both()) == [[("rungraph", "off", "UTC")]] * 24
    assert ids(store) == [id_of(number) for number in range(8)]
