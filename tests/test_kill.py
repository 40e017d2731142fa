"""What was acknowledged is there after the server was killed, whenever that was."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random
from threading import Condition
from typing import Any

import httpx
import orjson
import pytest

from graph.demo.telling import Trace
from graph.demo.wire import CONTENT_TYPE, bodies
from tests.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 20
SENDERS = 4
QUERY = """query ($ids: [ID!]) {
  runs(first: 1000, where: {id: {in: $ids}}) { nodes { id outputsAt(path: "answer") } }
}"""

Told = dict[str, int]


@dataclass
class Acknowledged:
    """What the server said it keeps, in this life and in all."""

    all: Told = field(default_factory=dict)
    recent: Told = field(default_factory=dict)
    more: Condition = field(default_factory=Condition)

    def add(self, told: Told) -> None:
        with self.more:
            self.recent |= told
            self.more.notify_all()

    def wait_for(self, runs: int) -> None:
        with self.more:
            assert self.more.wait_for(lambda: len(self.recent) >= runs, timeout=60)


def trace_of(random: Random, answer: int) -> Trace:
    trace = Trace("killed", datetime.now(UTC), random)
    with trace.run("root", inputs={"text": "x" * random.randrange(4000)}) as root:
        for _ in range(random.randrange(12)):
            with trace.run("step", "tool", inputs={"at": 1}) as step:
                step.outputs = {"answer": answer}
        root.outputs = {"answer": answer}
    return trace


def multipart(trace: Trace) -> tuple[str, str, bytes]:
    return "/runs/multipart", CONTENT_TYPE, next(bodies([trace]))


def batch(trace: Trace) -> tuple[str, str, bytes]:
    posts = [
        {
            "id": run.id,
            "trace_id": run.root.id,
            "dotted_order": run.dotted_order,
            "parent_run_id": run.parent.id if run.parent else None,
            "session_name": trace.project,
            **{key: getattr(run, key) for key in ("name", "run_type", "inputs", "outputs")},
            **{key: getattr(run, key) for key in ("start_time", "end_time")},
        }
        for run in trace.runs
    ]
    return "/runs/batch", "application/json", orjson.dumps({"post": posts})


def told_by(seed: int, answers: Iterator[int]) -> Iterator[tuple[str, dict[str, Any], Told]]:
    """Yield where to post a trace, how, and what it tells; without end."""
    random = Random(seed)
    form = multipart if seed % 2 else batch
    for answer in answers:
        trace = trace_of(random, answer)
        path, kind, body = form(trace)
        sent = {"content": body, "headers": {"content-type": kind}}
        yield path, sent, {str(run.id): answer for run in trace.runs}


def send(url: str, seed: int, answers: Iterator[int], heard: Callable[[Told], None]) -> None:
    """Send traces until the server is gone."""
    with httpx.Client(base_url=url, timeout=30) as client:
        for path, sent, told in told_by(seed, answers):
            try:
                response = client.post(path, **sent)
            except httpx.TransportError:
                return
            assert response.status_code == 202, response.text
            heard(told)


def check(ask: Callable[..., dict], told: Told) -> None:
    ids = list(told)
    for at in range(0, len(ids), 1000):
        some = ids[at : at + 1000]
        found = {node["id"]: node["outputsAt"] for node in ask(QUERY, ids=some)["runs"]["nodes"]}
        assert found == {id: told[id] for id in some}


def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "runs.db"
    random, seeds, answers = Random(4), count(1), count(1)
    kept = Acknowledged()
    for _ in range(KILLS):
        with ThreadPoolExecutor() as pool, serving("serve", f"sqlite:///{path}") as server:
            check(server.ask, kept.recent)
            kept.all |= kept.recent
            kept.recent = {}
            senders = [
                pool.submit(send, server.url, next(seeds), answers, kept.add)
                for _ in range(SENDERS)
            ]
            kept.wait_for(random.randrange(1, 400))
            server.process.kill()
            for sender in senders:
                sender.result()
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with serving("serve", f"sqlite:///{path}") as server:
        check(server.ask, kept.all | kept.recent)
    assert len(kept.all) > KILLS
