"""Mixed ingest and queries for ten minutes, with kill -9 in between: what was said to be kept is.

    python -m tests.benchmarks.endurance [SECONDS] [--on sqlite|postgresql]

A server lives for some seconds, during which some send traces and others ask; then it is killed and
started anew over the same database. PostgreSQL is killed as well, once in each life, and started
again. At the start of each life all that was acknowledged in the one before is looked for; at the
end all of it, and that nothing is there twice. The last life is long and has no kills: its memory
is told every ten seconds. Memory is what the process holds that are no pages of files.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import httpx

from tests.benchmarks.killed import DATABASES, Database
from tests.servers import Server, serving
from tests.test_kill import Acknowledged, check, told_by

SENDERS, READERS = 3, 2
SHORTEST, LONGEST = 20, 40
LAST = 0.3
"""Of the whole time, how much the last life has."""
QUERIES = (
    "{ runs(first: 50) { totalCount nodes { name inputs childRuns { name outputs } } } }",
    '{ runs(first: 20, where: {search: "step"}) { nodes { name searchHit { snippet } } } }',
    "{ projects { nodes { name stats { runCount errorRate latency { p50 p99 } } } } }",
    "{ runStats(groupBy: [{field: NAME}], interval: HOUR) { bucket stats { runCount } } }",
)
REFUSALS = frozenset({"UNAVAILABLE", "TIMEOUT", "BUSY"})
"""What may be answered while a database is gone or a machine is busy."""
QUIET = {"RUNGRAPH_LOG_REQUESTS": "off"}
_MB = 1024


@dataclass
class Life:
    """What happened between a start and a kill."""

    seconds: float = 0
    acknowledged: int = 0
    answers: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    megabytes: list[float] = field(default_factory=list)


@dataclass
class Endurance:
    """All lives over one database, and what must be in it."""

    database: Database
    random: Random = field(default_factory=lambda: Random(7))
    kept: Acknowledged = field(default_factory=Acknowledged)
    lives: list[Life] = field(default_factory=list)
    seeds: Iterator[int] = field(default_factory=lambda: count(1))
    answers: Iterator[int] = field(default_factory=lambda: count(1))

    def live(self, seconds: float, *, kills_database: bool) -> None:
        """Start a server, have it work for some seconds, and kill it."""
        life = Life()
        self.lives.append(life)
        with (
            ThreadPoolExecutor() as pool,
            serving("serve", self.database.url, settings=QUIET) as server,
        ):
            check(server.ask, self.kept.recent)
            self.kept.all |= self.kept.recent
            self.kept.recent = {}
            begun = time.monotonic()
            work = [pool.submit(self._send, server, next(self.seeds), life) for _ in range(SENDERS)]
            work += [pool.submit(_ask, server, next(self.seeds), life) for _ in range(READERS)]
            try:
                self._wait(seconds / 2, server, life)
                if kills_database:
                    self.database.kill()
                self._wait(seconds / 2, server, life)
            finally:
                server.process.kill()
            for each in work:
                each.result()
            life.seconds, life.acknowledged = time.monotonic() - begun, len(self.kept.recent)

    def _wait(self, seconds: float, server: Server, life: Life) -> None:
        """Wait, and see every ten seconds what memory the server has."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 10))
            life.megabytes.append(_memory(server.process.pid))

    def _send(self, server: Server, seed: int, life: Life) -> None:
        """Send traces until the server is gone; what is refused again, until it is not."""
        with httpx.Client(base_url=server.url, timeout=60) as client:
            for path, sent, told in told_by(seed, self.answers):
                status = 503
                while status == 503:
                    try:
                        response = client.post(path, **sent)
                    except httpx.TransportError:
                        return
                    status = response.status_code
                    life.refused["ingest"] += status == 503
                assert status == 202, response.text
                self.kept.add(told)


def _ask(server: Server, seed: int, life: Life) -> None:
    """Ask until the server is gone."""
    random = Random(seed)
    with httpx.Client(base_url=server.url, timeout=60) as client:
        while True:
            try:
                answer = client.post("/graphql", json={"query": random.choice(QUERIES)})
            except httpx.TransportError:
                return
            errors = answer.json().get("errors", ())
            codes = {error["extensions"]["code"] for error in errors}
            assert codes <= REFUSALS, answer.text
            life.refused.update(codes)
            life.answers += not codes


def _memory(process: int) -> float:
    """Return the megabytes of memory of a process that are no pages of files."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("RssAnon")]
    return int(found) / _MB


def main(seconds: float = 600, on: str = "sqlite") -> Endurance:
    """Run and print the table. Raises AssertionError where anything is lost or doubled."""
    with TemporaryDirectory() as folder, DATABASES[on](Path(folder)) as database:
        run = Endurance(database)
        until = time.monotonic() + seconds * (1 - LAST)
        while time.monotonic() < until:
            run.live(run.random.uniform(SHORTEST, LONGEST), kills_database=True)
        run.live(seconds * LAST, kills_database=False)
        with serving("serve", database.url, settings=QUIET) as server:
            check(server.ask, run.kept.all | run.kept.recent)
        run.kept.all |= run.kept.recent
        runs = database.examine()
        _print(run, runs)
    return run


def _print(run: Endurance, runs: int) -> None:
    print("| life | seconds | runs acknowledged | answers | refused | MB of memory |")
    print("| --: | --: | --: | --: | :-- | --: |")
    for at, life in enumerate(run.lives, 1):
        refused = ", ".join(f"{code} {some}" for code, some in sorted((+life.refused).items()))
        memory = " ".join(f"{each:.0f}" for each in life.megabytes)
        numbers = f"{life.seconds:.0f} | {life.acknowledged} | {life.answers} | {refused}"
        print(f"| {at} | {numbers} | {memory} |")
    kills = f"{len(run.lives)} kills of the server, {run.database.kills} of the database"
    print(
        f"\n{kills}; {len(run.kept.all)} runs acknowledged, none lost; {runs} stored, none twice."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float, nargs="?", default=600)
    parser.add_argument("--on", choices=sorted(DATABASES), default="sqlite")
    given = parser.parse_args()
    main(given.seconds, given.on)
