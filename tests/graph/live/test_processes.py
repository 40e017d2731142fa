"""Several processes on one PostgreSQL tell each other what they have done."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from db.arrivals import Batch
from db.news import History
from db.servers import Server
from db.store import Store
from tests import databases
from tests.conftest import run_id
from tests.graph.live.conftest import arriving
from tests.servers import serving


@pytest.fixture
def own_database(postgres_server: str) -> Iterator[str]:
    """A database that nobody else uses, with its tables."""
    name = f"rungraph_live_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with databases.own(postgres_server, name) as url:
        Store.open(url).close()
        yield url


async def next_of(history: History) -> asyncio.Future[str]:
    """Return what will be the next that is told; empty when some was missed."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(changes: object) -> None:
        if not told.done():
            told.set_result(" ".join(each.id for each in changes))  # type: ignore[attr-defined]

    history.listen(hear)
    return told


def hexadecimal(name: str) -> str:
    return run_id(name).replace("-", "")


def test_each_hears_of_all_in_one_order_and_takes_the_cursors_of_others(own_database):
    async def scene(one: Store, other: Store) -> None:
        await asyncio.gather(one.news.open(), other.news.open())
        start = one.news.history.newest[0]
        for at, name in enumerate("abcd"):
            heard = [await next_of(store.news.history) for store in (one, other)]
            await (one, other)[at % 2].ingest(Batch(runs=[arriving(name)]))
            assert await asyncio.gather(*heard) == [hexadecimal(name)] * 2
        told = one.news.history.after(start, 100)
        assert told is not None
        assert [each.id for each in told] == [hexadecimal(name) for name in "abcd"]
        number = other.news.history.number_of(told[1].cursor)
        assert number is not None
        rest = other.news.history.after(number, 100)
        assert [each.cursor for each in rest or ()] == [each.cursor for each in told[2:]]
        await asyncio.gather(one.news.aclose(), other.news.aclose())

    with closing(Store.open(own_database)) as one, closing(Store.open(own_database)) as other:
        asyncio.run(asyncio.wait_for(scene(one, other), 60))


def test_what_is_told_while_nobody_could_listen_is_known_to_be_missed(own_database):
    async def scene(store: Store) -> None:
        await store.news.open()
        cursor = store.news.history.newest[1]
        missed = await next_of(store.news.history)
        await store.write(
            lambda connection: connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE '%%LISTEN%%' AND pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
        )
        assert await missed == ""
        assert store.news.history.number_of(cursor) is None
        assert store.news.trouble is None
        heard = await next_of(store.news.history)
        await store.ingest(Batch(runs=[arriving("a")]))
        assert await heard == hexadecimal("a")
        await store.news.aclose()

    with closing(Store.open(own_database)) as store:
        asyncio.run(asyncio.wait_for(scene(store), 60))


def test_behind_a_pooler_nobody_may_think_that_they_hear(own_database):
    async def scene(store: Store) -> str | None:
        await store.news.open()
        await store.ingest(Batch(runs=[arriving("a")]))
        await store.news.aclose()
        return store.news.trouble

    with closing(Store.open(own_database, server=Server(pooled=True))) as store:
        assert "RUNGRAPH_DB_DIRECT" in str(asyncio.run(scene(store)))


def test_a_transaction_that_is_undone_is_no_news(own_database):
    async def scene(store: Store) -> None:
        await store.news.open()
        heard = await next_of(store.news.history)

        def undone(connection: object) -> None:
            from db.ingest import fold  # noqa: PLC0415
            from tests.conftest import NOON  # noqa: PLC0415

            fold(connection, [Batch(runs=[arriving("undone")])], NOON)  # type: ignore[arg-type]
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(undone)
        await store.ingest(Batch(runs=[arriving("done")]))
        assert await heard == hexadecimal("done")
        await store.news.aclose()

    with closing(Store.open(own_database)) as store:
        asyncio.run(asyncio.wait_for(scene(store), 60))


@pytest.mark.slow
def test_runs_sent_to_one_server_are_seen_at_the_other_within_a_second(own_database):
    query = "subscription { runChanges(first: 1) { runId run { name } } }"
    seen: list[tuple[float, str]] = []
    ready = threading.Event()

    def watch(url: str) -> None:
        with httpx.stream(
            "POST",
            f"{url}/graphql",
            json={"query": query},
            headers={"accept": "text/event-stream"},
            timeout=60,
        ) as answer:
            for line in answer.iter_lines():
                ready.set()
                if line.startswith("data: "):
                    seen.append((time.monotonic(), line))

    with serving("serve", own_database) as one, serving("serve", own_database) as other:
        for at in range(5):
            ready.clear()
            seen.clear()
            watching = threading.Thread(target=watch, args=(other.url,))
            watching.start()
            assert ready.wait(60)
            run = arriving(f"run {at}")
            told = {
                "id": str(run.id),
                "name": run.name,
                "run_type": "chain",
                "start_time": run.start_time.isoformat(),
                "trace_id": str(run.id),
                "dotted_order": run.dotted_order,
                "session_name": "p",
            }
            answer = httpx.post(f"{one.url}/runs", json=told, timeout=60)
            acknowledged = time.monotonic()
            assert answer.status_code == 202
            found = other.ask("query ($id: ID!) { run(id: $id) { name } }", id=str(run.id))
            assert found == {"run": {"name": run.name}}
            watching.join(60)
            moment, line = seen[0]
            assert json.loads(line[6:])["data"]["runChanges"]["run"] == {"name": run.name}
            assert moment - acknowledged < 1
