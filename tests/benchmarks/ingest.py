"""How many runs a second are made durable: over HTTP, by the store, and by the database alone.

`python -m tests.benchmarks.ingest [--on sqlite ...] [--rounds 5] [--batches 40] [--clients 8]
[--workers 1]`. A round sends batches of 100 runs of about 3 KB as the SDK does, over several
connections, to `rungraph serve`; then it hands others, parsed already, to a store in this process;
then the rows that the server made go into a second database with the same tables and indexes, one
commit a batch. They take turns, so that what else the machine does falls on all. Every commit is
on the disk before it is acknowledged.

Besides the rate there is what a run costs in CPU, which shows less of what else the machine does:
of the server's processes, of the database's and of the sender, until the last run is acknowledged;
and after it of the server, until all is indexed for search.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import UUID

from db.arrivals import Batch
from db.store import Store
from graph.ingest.batches import sort
from graph.ingest.envelopes import multipart
from tests.benchmarks import alone
from tests.benchmarks.arriving import BOUNDARY, RUNS, Clients, bodies, requests
from tests.benchmarks.contest import cpu_ns
from tests.benchmarks.databases import KINDS, Database
from tests.benchmarks.reads import FOLDER
from tests.servers import Server, serving

HTTP, STORE, ALONE = "HTTP", "store", "alone"
SERVER, DATABASE, SENDER, INDEX = "server", "database", "sender", "index"
COSTS = (SERVER, DATABASE, SENDER, INDEX)
Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What one turn came to: runs a second, and milliseconds of CPU for a run by who spent them.

    `behind` is how many seconds later all was indexed.
    """

    rate: float
    costs: Mapping[str, float]
    behind: float = 0.0


@dataclass(frozen=True, slots=True)
class Given:
    """What is measured: so many rounds of so many batches, over so many connections."""

    rounds: int = 5
    batches: int = 40
    clients: int = 8
    workers: int = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.ingest")
    parser.add_argument("--on", action="append", choices=KINDS, help="all, if not given")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    for name, number in (("rounds", 5), ("batches", 40), ("clients", 8), ("workers", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    told = parser.parse_args(arguments)
    given = Given(told.rounds, told.batches, told.clients, told.workers)
    for kind in told.on or KINDS:
        with KINDS[kind](told.folder) as database:
            _print(database.name, given, *measure(database, given))


def measure(database: Database, given: Given) -> tuple[dict[str, list[Result]], float]:
    """Return the results of each way to bring runs, and how many rows a run has."""
    served, below, bare = (database.anew(f"ingest_{name}") for name in ("served", "below", "alone"))
    found: dict[str, list[Result]] = {HTTP: [], STORE: [], ALONE: []}
    settings = {"RUNGRAPH_WORKERS": str(given.workers), "RUNGRAPH_LOG_LEVEL": "warning"}
    with ExitStack() as stack:
        server = stack.enter_context(serving("serve", served, settings=settings))
        alone.make(bare)
        _over_http(server, given.clients, database, served, bodies(given.clients, 0))  # not counted
        for seed in range(1, given.rounds + 1):
            some = bodies(given.batches, seed)
            found[HTTP].append(_over_http(server, given.clients, database, served, some))
            parsed = [_parsed(each) for each in some]
            found[STORE].append(asyncio.run(_by_the_store(below, database, parsed, given.clients)))
            traces = [_trace_of(each) for each in parsed]
            seconds = alone.insert(served, bare, traces)
            found[ALONE].append(Result(len(some) * RUNS / seconds, {}))
    return found, alone.rows_in(bare) / (given.rounds * given.batches * RUNS)


def _over_http(
    server: Server, connections: int, database: Database, url: str, some: Sequence[bytes]
) -> Result:
    sent = requests(server.url, some)
    pid, runs = server.process.pid, len(some) * RUNS
    with closing(Clients(server.url, connections)) as clients:
        begun = _spent(pid, database)
        at = time.perf_counter()
        clients.send(sent)
        seconds = time.perf_counter() - at
        done = _spent(pid, database)
    while alone.waiting(url):
        time.sleep(0.02)
    behind = time.perf_counter() - at - seconds
    costs = {name: (done[name] - begun[name]) / runs for name in done}
    costs[INDEX] = (_spent(pid, database)[SERVER] - done[SERVER]) / runs
    return Result(runs / seconds, costs, behind)


async def _by_the_store(
    url: str, database: Database, batches: Sequence[Batch], lanes: int
) -> Result:
    """Bring batches to a store in this process; its CPU is the server's."""

    async def lane(some: Sequence[Batch]) -> None:
        for batch in some:
            assert not (await store.ingest(batch)).refused

    store = Store.open(url)
    try:
        begun = _spent(None, database)
        at = time.perf_counter()
        await asyncio.gather(*(lane(batches[at::lanes]) for at in range(lanes)))
        seconds = time.perf_counter() - at
        done = _spent(None, database)
    finally:
        await store.aclose()
    runs = len(batches) * RUNS
    costs = {name: (done[name] - begun[name]) / runs for name in (SENDER, DATABASE)}
    costs[SERVER] = costs.pop(SENDER)
    return Result(runs / seconds, costs)


def _parsed(body: bytes) -> Batch:
    return sort(multipart(body, BOUNDARY.encode()), len(body), datetime.now(UTC)).batch


def _trace_of(batch: Batch) -> UUID:
    trace = batch.runs[0].trace_id
    assert trace
    return trace


def _spent(server: int | None, database: Database) -> dict[str, float]:
    """Return the milliseconds of CPU that each has spent."""
    return {
        SERVER: _of_family(server),
        DATABASE: _of_family(database.process),
        SENDER: time.process_time_ns() / 1e6,
    }


def _of_family(pid: int | None) -> float:
    """Return the milliseconds of CPU of a process and those it has started."""
    if pid is None:
        return 0.0
    spent = 0
    for each in (pid, *_children(pid)):
        with suppress(OSError):  # it has ended meanwhile
            spent += cpu_ns(each)
    return spent / 1e6


def _children(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            yield child
            yield from _children(child)


def _print(name: str, given: Given, found: Mapping[str, list[Result]], rows: float) -> None:
    size = len(bodies(1, 1)[0]) // RUNS
    print(
        f"\n{given.rounds} rounds of {given.batches} batches of {RUNS} runs, {size} bytes each, "
        f"{given.clients} connections, {given.workers} server process(es); {rows:.1f} rows a run"
    )
    print(f"| {name} | runs/s | least-most | rows/s | {' | '.join(COSTS)} | s behind |")
    print("| --- |" + " --: |" * (len(COSTS) + 4))
    for way, results in found.items():
        rates = [each.rate for each in results]
        costs = [_median([each.costs.get(cost) for each in results]) for cost in COSTS]
        print(
            f"| {way} | {median(rates):,.0f} | {min(rates):,.0f}-{max(rates):,.0f} "
            f"| {median(rates) * rows:,.0f} | {' | '.join(costs)} "
            f"| {median(each.behind for each in results):.1f} |"
        )


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value]
    return f"{median(known):.3f}" if known else ""


if __name__ == "__main__":
    main()
