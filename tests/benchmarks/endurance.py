"""Mixed ingest and queries for ten minutes, with kill -9 in between: what was said to be kept is.

    python -m tests.benchmarks.endurance [SECONDS]

A server lives for some seconds, during which some send traces and others ask; then it is killed and
started anew over the same SQLite file. At the start of each life all that was acknowledged in the
one before is looked for; at the end all of it, and that no run is there twice. A table tells of
each life; memory is what the process held just before it was killed.
"""

import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import httpx

from tests.servers import Server, serving
from tests.test_kill import Acknowledged, check, send

SENDERS, READERS = 3, 2
SHORTEST, LONGEST = 20, 40
QUERIES = (
    "{ runs(first: 50) { totalCount nodes { name inputs childRuns { name outputs } } } }",
    '{ runs(first: 20, where: {search: "step"}) { nodes { name searchHit { snippet } } } }',
    "{ projects { nodes { name stats { runCount errorRate latency { p50 p99 } } } } }",
    "{ runStats(groupBy: [{field: NAME}], interval: HOUR) { bucket stats { runCount } } }",
)
_MB = 1024


@dataclass
class Life:
    """What happened between a start and a kill."""

    seconds: float = 0
    acknowledged: int = 0
    answers: int = 0
    megabytes: float = 0


def main(seconds: float = 600) -> list[Life]:
    """Run, print the table, and return the lives. Raises AssertionError where anything is lost."""
    random, kept, lives = Random(7), Acknowledged(), list[Life]()
    seeds, answers = count(1), count(1)
    with TemporaryDirectory() as folder:
        path = Path(folder, "endured.db")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            lives.append(_live(path, random, kept, seeds, answers))
        with serving("serve", f"sqlite:///{path}") as server:
            check(server.ask, kept.all | kept.recent)
        kept.all |= kept.recent
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (runs, different), *_ = database.execute("SELECT count(*), count(DISTINCT id) FROM run")
        assert runs == different, f"{runs - different} runs are there twice"
        _print(lives, len(kept.all), runs, path.stat().st_size)
    return lives


def _live(
    path: Path, random: Random, kept: Acknowledged, seeds: Iterator[int], answers: Iterator[int]
) -> Life:
    life = Life()
    with ThreadPoolExecutor() as pool, serving("serve", f"sqlite:///{path}") as server:
        check(server.ask, kept.recent)
        kept.all |= kept.recent
        kept.recent = {}
        begun = time.monotonic()
        work = [
            pool.submit(send, server.url, next(seeds), answers, kept.add) for _ in range(SENDERS)
        ]
        work += [pool.submit(_ask, server, next(seeds), life) for _ in range(READERS)]
        time.sleep(random.uniform(SHORTEST, LONGEST))
        life.megabytes = _memory(server.process.pid)
        server.process.kill()
        for each in work:
            each.result()
        life.seconds, life.acknowledged = time.monotonic() - begun, len(kept.recent)
    return life


def _ask(server: Server, seed: int, life: Life) -> None:
    """Ask until the server is gone."""
    random = Random(seed)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        while True:
            try:
                answer = client.post("/graphql", json={"query": random.choice(QUERIES)})
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            assert "errors" not in answer.json(), answer.text
            life.answers += 1


def _memory(process: int) -> float:
    """Return the megabytes of memory of a process that are no pages of files."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("RssAnon")]
    return int(found) / _MB


def _print(lives: list[Life], acknowledged: int, runs: int, size: int) -> None:
    print("| life | seconds | runs acknowledged | answers | MB of memory |")
    print("| --: | --: | --: | --: | --: |")
    for at, life in enumerate(lives, 1):
        numbers = f"{life.seconds:.0f} | {life.acknowledged} | {life.answers}"
        print(f"| {at} | {numbers} | {life.megabytes:.0f} |")
    print(f"\n{len(lives)} kills; {acknowledged} runs acknowledged, none lost; {runs} stored,")
    print(f"none twice; the database is {size / _MB / _MB:.0f} MB.")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
