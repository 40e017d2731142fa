"""Queries read a replica that keeps up; what must be new, and what it can not answer, does not."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url
from starlette.testclient import TestClient

from db.errors import InvalidError
from db.replica import Replica
from db.store import Store
from graph.app import create_app
from graph.observe_metrics import Metrics
from graph.observe_replica import replica_counters, replica_gauges
from graph.settings import Settings
from tests.databases import CLUSTER

IN_REPLICA = "SELECT pg_is_in_recovery()"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> Replica:
    return Replica(5, clock)


def test_a_replica_is_not_read_before_it_was_looked_at(state):
    assert not state.fit


def test_a_replica_that_has_everything_is_fit(state):
    state.looked(100, 1_000, 1_000)

    assert (state.fit, state.lag) == (True, 0)


def test_how_far_a_replica_is_behind_at_first_is_not_known(state):
    state.looked(100, 1_000, 900)

    assert (state.fit, state.lag) == (False, None)


def test_lag_counts_from_when_the_primary_was_where_the_replica_is(state, clock):
    for second in range(10):
        clock.now = 100 + second
        state.looked(clock.now, 1_000 + second, 1_000 + min(second, 2))

    assert state.lag == 7
    assert state.trouble == "it is 7.0 s behind; at most 5 s"
    assert state.left_out == 1


def test_an_idle_primary_makes_nobody_late(state, clock):
    for second in range(100):
        clock.now = 100 + second
        state.looked(clock.now, 1_000, 1_000)

    assert (state.fit, state.lag) == (True, 0)


def test_a_server_that_is_no_replica_is_left_out(state):
    state.looked(100, 1_000, None)

    assert state.trouble == "it is no streaming replica"


def test_a_replica_is_back_when_it_has_caught_up(state, caplog):
    caplog.set_level("INFO")
    state.looked(100, 1_000, 1_000)
    state.lost("no connection")
    state.looked(101, 1_001, 1_001)

    assert state.fit
    assert [record.message for record in caplog.records] == [
        "the replica is read",
        "the replica is left out, the primary read instead: no connection",
        "the replica is read",
    ]


def told_by(state: Replica | None) -> dict[str, str]:
    metrics = Metrics(replica_gauges(state), replica_counters(state))
    told = [line.split() for line in metrics.text().splitlines() if not line.startswith("#")]
    return {name: value for name, value in told if "replica" in name}


def test_metrics_tell_how_a_replica_does(state, clock):
    state.looked(100, 1_000, 900)
    assert told_by(state) == {
        "rungraph_replica_fit": "0",
        "rungraph_replica_lag_seconds": "NaN",
        "rungraph_replica_left_out_total": "1",
    }

    clock.now = 103
    state.looked(103, 1_001, 1_000)
    assert told_by(state) == {
        "rungraph_replica_fit": "1",
        "rungraph_replica_lag_seconds": "3",
        "rungraph_replica_left_out_total": "1",
    }
    assert told_by(None) == {}


def test_sqlite_has_no_replica(tmp_path):
    with pytest.raises(InvalidError, match="not PostgreSQL"):
        Store.open(f"sqlite:///{tmp_path}/runs.db", replica="postgresql://there/runs")


@pytest.fixture(scope="module")
def programs(postgres_server: str) -> Path:
    if CLUSTER or os.environ.get("RUNGRAPH_TEST_POSTGRES"):
        pytest.skip("a replica is made of the server that comes as a wheel, not of any other")
    asked = "SELECT setting FROM pg_config WHERE name = 'BINDIR'"
    with psycopg.connect(postgres_server) as connection:
        (folder,) = connection.execute(asked).fetchone()
    return Path(folder)


class Standby:
    """A streaming replica: a server of its own, copied from the primary."""

    def __init__(self, programs: Path, primary: str) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="rungraph-replica-"))
        self.user = "pgserver" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        url = make_url(primary)
        source = psycopg.conninfo.make_conninfo(primary)
        self._run(
            "pg_basebackup", "-d", source, "-D", str(self.folder / "data"), "-R", "-c", "fast"
        )
        self.url = url.set(host="127.0.0.1", port=self.port, query={})

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c hot_standby=on"
        self._control("start", "-w", "-o", options, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *what: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), *what)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments], user=self.user, check=True, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120,
        )  # fmt: skip


@pytest.fixture
def standby(programs: Path, postgres_server: str) -> Iterator[Standby]:
    standby = Standby(programs, postgres_server)
    standby.start()
    yield standby
    standby.stop()
    shutil.rmtree(standby.folder, ignore_errors=True)


@pytest.mark.slow
def test_a_real_replica_is_read_left_out_and_read_again(standby, postgres_url):
    replica = standby.url.set(database=make_url(postgres_url).database)
    store = Store.open(postgres_url, replica=replica.render_as_string(hide_password=False))

    async def where(*, newest: bool = False) -> bool:
        reading = store.reading(newest=newest)
        try:
            ((found,),) = await reading.rows(IN_REPLICA, ())
        finally:
            await reading.close()
        return found

    async def looks_until(fit: bool) -> None:
        for _ in range(600):
            await store._readers.look()
            caught_up = store.replica.lag == 0
            if store.replica.fit is fit and caught_up is fit:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(store.replica.trouble)

    with TestClient(create_app(Settings(), store, upkeep=False)) as client:
        assert client.portal
        call = client.portal.call

        def ask(query: str, **variables: Any) -> Any:
            answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
            assert "errors" not in answer, answer
            return answer["data"]

        log_all(postgres_url)
        call(looks_until, True)
        assert call(where) is True
        assert call(lambda: where(newest=True)) is False

        with psycopg.connect(standby_url(replica), autocommit=True) as there:
            there.execute("SELECT pg_wal_replay_pause()")
            name = f"made while replay stands still {uuid4()}"
            made = ask(
                "mutation M($n: String!) { createProject(input: {name: $n}) { project { name } } }",
                n=name,
            )
            assert made["createProject"]["project"] == {"name": name}
            query = "query P($n: String!) { project(by: {name: $n}) { name } }"
            assert ask(query, n=name) == {"project": None}  # the replica's answer: a little old

            clock = store.replica._clock
            store.replica._clock = lambda: clock() + 60
            call(looks_until, False)
            assert ask(query, n=name) == {"project": {"name": name}}  # the primary's

            log_all(postgres_url)
            there.execute("SELECT pg_wal_replay_resume()")
        call(looks_until, True)
        assert ask(query, n=name) == {"project": {"name": name}}
        assert call(where) is True

        assert "\nrungraph_replica_fit 1\n" in client.get("/metrics").text
        standby.stop()
        assert call(where) is False  # the request that finds out is answered too
        assert store.replica.left_out >= 2
        assert "\nrungraph_replica_fit 0\n" in client.get("/metrics").text
        standby.start()
        store.replica._clock = clock
        call(looks_until, True)
        assert call(where) is True


def log_all(url: str) -> None:
    """Have the log hold what was committed: commits of tests do not wait for it."""
    with psycopg.connect(url, autocommit=True) as primary:
        primary.execute("CHECKPOINT")


def standby_url(url: Any) -> str:
    return url.render_as_string(hide_password=False)
