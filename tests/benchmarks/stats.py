"""What statistics cost: a day and 30 days of one project, from runs and from rollups.

`python -m tests.benchmarks.stats [--size 10k ...] [--rounds 9]`. Each size is a SQLite database of
its own, made once: so many runs without payloads, evenly over 30 days, summed up by rollups.
Times are of whole requests, in this process, without a network.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from starlette.testclient import TestClient

from db import rollups
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.benchmarks.data import BEGIN, FLAT, SIZES, fill, flat

FOLDER = Path(gettempdir()) / "rungraph-benchmarks-stats"
MONTH = timedelta(days=30)
SPOKEN = "runCount errorRate totalTokens totalCost latency { p50 p99 } approximate"
PROJECT = f'sessionId: {{eq: "{FLAT}"}}'


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.stats")
    parser.add_argument("--size", action="append", choices=SIZES, help="all, if not given")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args(arguments)
    print(f"{'':>6} {'':<28} {'ms':>8} {'least':>8} statements")
    for size in given.size or SIZES:
        store = Store.open(made(given.folder, size), synchronous="normal")
        with TestClient(create_app(Settings(debug=True), store, upkeep=False)) as client:
            for name, query in questions().items():
                _measure(client, size, name, query, given.rounds)


def questions() -> dict[str, str]:
    """Return what is asked, by name: the last day, and all 30."""
    day = (BEGIN + MONTH - timedelta(days=1)).isoformat()
    last = f'startTime: {{gte: "{day}"}}'

    def asked(arguments: str) -> str:
        return f"{{ runStats({arguments}) {{ stats {{ {SPOKEN} }} }} }}"

    return {
        "1 day": asked(f"where: {{{PROJECT}, {last}}}"),
        "1 day by hour": asked(f"where: {{{PROJECT}, {last}}}, interval: HOUR"),
        "1 day by type": asked(f"where: {{{PROJECT}, {last}}}, groupBy: [{{field: RUN_TYPE}}]"),
        "30 days": asked(f"where: {{{PROJECT}}}"),
        "30 days by day": asked(f"where: {{{PROJECT}}}, interval: DAY"),
        "30 days by hour": asked(f"where: {{{PROJECT}}}, interval: HOUR"),
        "30 days by day in Kolkata": asked(
            f'where: {{{PROJECT}}}, interval: DAY, timeZone: "Asia/Kolkata"'
        ),
        "30 days by day in Paris": asked(
            f'where: {{{PROJECT}}}, interval: DAY, timeZone: "Europe/Paris"'
        ),
        "30 days, errors": asked(f"where: {{{PROJECT}, status: {{eq: ERROR}}}}"),
        "threads": f'{{ project(by: {{id: "{FLAT}"}}) {{ threads(first: 50) {{ nodes {{'
        " threadId traceCount stats { runCount totalTokens } } } } }",
        "threads, ids only": f'{{ project(by: {{id: "{FLAT}"}}) {{ threads(first: 50) {{ nodes {{'
        " threadId } } } }",
    }


def made(folder: Path, size: str) -> str:
    """Return the URL of the database of a size, made if it is not there yet."""
    path = folder / f"{size}.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        begun = path.with_suffix(".begun")
        begun.unlink(missing_ok=True)
        url = f"sqlite:///{begun}"
        at = time.perf_counter()
        count = SIZES[size]
        fill(url, flat(count, FLAT, 0, seed=1, apart=MONTH / count))
        print(f"{size:>6} {'stored':<28} {count / (time.perf_counter() - at):8.0f} runs/s")
        at = time.perf_counter()
        asyncio.run(_keep(url))
        print(f"{size:>6} {'rolled up':<28} {(time.perf_counter() - at) * 1000:8.1f}")
        begun.rename(path)
    return f"sqlite:///{path}"


async def _keep(url: str) -> None:
    store = Store.open(url, synchronous="normal")
    while await rollups.keep(store, BEGIN + 2 * MONTH):
        pass
    await store.aclose()


def _measure(client: TestClient, size: str, name: str, query: str, rounds: int) -> None:
    times: list[float] = []
    answer: dict[str, Any] = {}
    for _ in range(rounds + 1):
        at = time.perf_counter()
        answer = client.post("/graphql", json={"query": query}).json()
        times.append((time.perf_counter() - at) * 1000)
    assert "errors" not in answer, answer["errors"]
    count = len(answer["extensions"]["rungraph"]["statements"])
    about = (
        "approximate"
        if '"approximate": true' in str(answer).replace("'", '"').replace("True", "true")
        else ""
    )
    warm = times[1:]
    print(
        f"{size:>6} {name:<28} {statistics.median(warm):8.1f} {min(warm):8.1f} {count:>3} {about}"
    )


if __name__ == "__main__":
    main()
