"""What pages, traces, statistics and ingest cost when a database grows: 10k, 100k, 1M runs.

`python -m tests.benchmarks.sizes [--on sqlite ...] [--size 10k ...] [--rounds 15]`. Each database
is made once: so many runs with 2.4 KB of JSON evenly over 30 days, and three traces of 1,000 runs;
indexed and summed up. A time is the least of all rounds, which other work on the machine disturbs
least: of a whole request in this process, without a network, and of PostgreSQL on the same machine.
Ingest is of batches into the full database, through the store, once.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection
from starlette.testclient import TestClient

from db.arrivals import Batch, RunArrival
from db.removal import remove_runs, runs_of
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.benchmarks.cells import FIELDS_10
from tests.benchmarks.data import BEGIN, FLAT, SIZES, flat, root_of_tree, tree
from tests.benchmarks.databases import KINDS, complete, edition
from tests.benchmarks.reads import FOLDER

MONTH = timedelta(days=30)
TREE = 11
PAGE = 50
ARRIVING = 5_000
_AT_ONCE = 500
_LANES = 4


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.sizes")
    parser.add_argument("--on", action="append", choices=KINDS, help="all, if not given")
    parser.add_argument("--size", action="append", choices=SIZES, help="all, if not given")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--only-make", action="store_true", help="make the databases, no more")
    given = parser.parse_args(arguments)
    sizes = given.size or list(SIZES)
    for kind in given.on or KINDS:
        with KINDS[kind](given.folder) as database:
            columns: dict[str, dict[str, str]] = {}
            for size in sizes:
                url = database.make(f"sizes_{size.lower()}_{edition()}", everything(SIZES[size]))
                asyncio.run(complete(url))
                if not given.only_make:
                    columns[size] = measured(url, size, given.rounds)
            _print(database.name, columns)


def everything(count: int) -> Iterator[RunArrival]:
    """Yield what is stored of a size."""
    yield from flat(count, FLAT, 2_400, seed=1, apart=MONTH / count)
    for seed in (TREE, 12, 13):
        yield from tree(1_000, seed=seed, size=2_400)


def measured(url: str, size: str, rounds: int) -> dict[str, str]:
    """Return what each question takes, in milliseconds; then ingest and size."""
    found: dict[str, str] = {}
    store = Store.open(url)
    with TestClient(create_app(Settings(debug=True), store, upkeep=False)) as client:
        for name, query in questions(client, SIZES[size]).items():
            found[name] = f"{_least(client, query, rounds):.2f}"
            print(f"{size:>6} {name:<24} {found[name]}", file=sys.stderr)
        assert client.portal
        rate = client.portal.call(_ingest, store, SIZES[size])
        found["ingest, runs/s"] = f"{rate:,.0f}"
    found["database, MB"] = f"{_bytes(url) / 1e6:,.0f}"
    return found


def questions(client: TestClient, count: int) -> dict[str, str]:
    """Return what is asked, by name."""
    middle = BEGIN + MONTH / 2
    last_day = (BEGIN + MONTH - timedelta(days=1)).isoformat()
    one = next(islice(flat(count, FLAT, 0, seed=1), count // 2, None)).id
    deep = f'runs(where: {{{_PROJECT}, startTime: {{lt: "{middle.isoformat()}"}}}}, first: 1)'
    cursor = _ask(client, f"{{ {deep} {{ pageInfo {{ endCursor }} }} }}")
    after = cursor["runs"]["pageInfo"]["endCursor"]
    trace = f'trace(traceId: "{root_of_tree(TREE)}")'
    whole = f"runs(first: 1000) {{ nodes {{ {FIELDS_10} }} }}"
    stats = "stats { runCount errorRate totalTokens totalCost latency { p50 p99 } approximate }"
    return {
        "list page": _page(""),
        "deep page": _page("", f', after: "{after}"'),
        "page of errors": _page(", status: {eq: ERROR}"),
        "page by run type": _page(', runType: {eq: "tool"}'),
        "page by tag": _page(', tags: {hasAll: ["canary"]}'),
        "page by metadata": _page(
            ', metadata: [{path: "revision_id", eq: "rev-7"}]',
        ),
        "page by search": _page(', search: "summary naive -nothing"'),
        "page of a thread": _page(', threadId: {eq: "thread 7"}'),
        "page of threads": _threads("threadId"),
        "page of threads, endTime": _threads("threadId endTime"),
        "run by id": f'{{ run(id: "{one}") {{ {FIELDS_10} inputs outputs }} }}',
        "trace of 1,000 runs": f"{{ {trace} {{ {whole} }} }}",
        "1 day of stats": f'{{ runStats(where: {{{_PROJECT}, startTime: {{gte: "{last_day}"}}}})'
        f" {{ {stats} }} }}",
        "30 days of stats": f"{{ runStats(where: {{{_PROJECT}}}) {{ {stats} }} }}",
        "30 days of stats by day": f"{{ runStats(where: {{{_PROJECT}}}, interval: DAY)"
        f" {{ {stats} }} }}",
    }


_PROJECT = f'sessionId: {{eq: "{FLAT}"}}'


def _threads(fields: str) -> str:
    threads = f"threads(first: {PAGE}) {{ nodes {{ {fields} }} }}"
    return f'{{ project(by: {{id: "{FLAT}"}}) {{ {threads} }} }}'


def _page(more: str, place: str = "") -> str:
    where = f"where: {{{_PROJECT}{more}}}, first: {PAGE}{place}"
    return f"{{ runs({where}) {{ nodes {{ {FIELDS_10} }} pageInfo {{ hasNextPage }} }} }}"


def _ask(client: TestClient, query: str) -> Any:
    answer = client.post("/graphql", json={"query": query}).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def _least(client: TestClient, query: str, rounds: int) -> float:
    _ask(client, query)
    times: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        _ask(client, query)
        times.append((time.perf_counter() - begun) * 1000)
    return min(times)


async def _ingest(store: Store, count: int) -> float:
    """Return how many runs a second are made durable; they are taken away again."""
    project = uuid4()
    runs = list(flat(ARRIVING, project, 2_400, seed=project.int & 0xFFFF, apart=MONTH / count))
    batches = [Batch(runs=tuple(runs[at : at + 100])) for at in range(0, ARRIVING, 100)]

    async def lane(some: Sequence[Batch]) -> None:
        for batch in some:
            assert not (await store.ingest(batch)).refused

    begun = time.perf_counter()
    await asyncio.gather(*(lane(batches[at::_LANES]) for at in range(_LANES)))
    rate = ARRIVING / (time.perf_counter() - begun)
    for at in range(0, ARRIVING, _AT_ONCE):
        await store.write(_forget, [run.id for run in runs[at : at + _AT_ONCE]])
    return rate


def _forget(connection: Connection, traces: Sequence[UUID]) -> None:
    remove_runs(connection, runs_of(connection, traces, len(traces)))


def _bytes(url: str) -> int:
    if url.startswith("sqlite"):
        return Path(url.removeprefix("sqlite:///")).stat().st_size
    import psycopg  # noqa: PLC0415 - not everyone has it

    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found
    return found[0]


def _print(name: str, columns: dict[str, dict[str, str]]) -> None:
    print(f"\n| {name} | {' | '.join(columns)} |")
    print("| --- |" + " --: |" * len(columns))
    for row in next(iter(columns.values()), {}):
        print(f"| {row} | {' | '.join(column[row] for column in columns.values())} |")


if __name__ == "__main__":
    main()
