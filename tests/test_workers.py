"""Several server processes on one port and one PostgreSQL."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from db.store import Store
from tests import databases
from tests.servers import HOME, RUNGRAPH, environ, serving

WORKERS = {"RUNGRAPH_WORKERS": "2"}


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def test_sqlite_takes_one_process(tmp_path):
    flags = ["serve", "--workers", "2", "--port", "0", "--db", f"sqlite:///{tmp_path / 'r.db'}"]
    done = subprocess.run(
        [*RUNGRAPH, *flags],
        cwd=HOME,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "SQLite has one process that writes" in done.stderr
    assert not (tmp_path / "r.db").exists()


@pytest.fixture
def own_database(postgres_server: str) -> Iterator[str]:
    """A database that nobody else uses, with its tables."""
    name = f"rungraph_workers_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with databases.own(postgres_server, name) as url:
        Store.open(url).close()
        yield url


async def _turns(url: str) -> list[bool]:
    with closing(Store.open(url)) as one, closing(Store.open(url)) as other:
        async with (
            one.turn("index") as first,
            other.turn("index") as second,
            other.turn("rollups") as third,
        ):
            held = [first, second, third]
        async with other.turn("index") as again:
            return [*held, again]


def test_one_process_at_a_time_has_its_turn_at_a_chore(own_database):
    assert asyncio.run(_turns(own_database)) == [True, False, True, True]


def test_a_file_is_worked_on_by_its_one_process(tmp_path):
    async def twice(store: Store) -> list[bool]:
        async with store.turn("index") as first, store.turn("index") as second:
            return [first, second]

    with closing(Store.open(f"sqlite:///{tmp_path / 'r.db'}")) as store:
        assert asyncio.run(twice(store)) == [True, True]


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_all_end_with_their_parent(own_database):
    with serving("serve", own_database, settings=WORKERS) as server:
        before = children(server.process.pid)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while len(set(children(server.process.pid)) - set(before)) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.ask("{ __typename }") == {"__typename": "Query"}
        after = children(server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 128 + signal.SIGTERM
        assert not any(_lives(pid) for pid in after)


@pytest.mark.slow
def test_any_worker_tells_the_numbers_of_all(own_database):
    with serving("serve", own_database, settings=WORKERS) as server:
        for _ in range(20):
            server.ask("{ __typename }")
        deadline, counted = time.monotonic() + 30, 0.0
        while counted < 20:
            assert time.monotonic() < deadline
            lines = httpx.get(f"{server.url}/metrics").text.splitlines()
            found = [line for line in lines if line.startswith("rungraph_request_seconds_count")]
            asked = [line for line in found if 'operation="anonymous"' in line]
            counted = sum(float(line.split()[-1]) for line in asked)
        workers = {line.split('worker="')[1][0] for line in lines if line[0] != "#"}
        assert workers == {"0", "1"}
        assert len([line for line in lines if line.startswith("# TYPE rungraph_parked")]) == 1


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(own_database):
    with serving("serve", own_database, settings=WORKERS) as server:
        workers = children(server.process.pid)
        server.process.kill()
        deadline = time.monotonic() + 30
        while any(map(_lives, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"
