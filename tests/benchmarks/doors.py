"""Export and import of many runs: rate and peak memory of each, and whether the stores are equal.

    python -m tests.benchmarks.doors [--runs 100000] [--postgresql URL]

Each step is a process of its own; its CPU time and peak memory are what the system says of it. With
`--postgresql` the import goes into that database, which has to be empty, and is read back from it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from db.arrivals import RunArrival
from db.store import Store
from tests.benchmarks import data
from tests.laws.test_doors import LEFT_OUT, MADE_LATER

STEPS = ("jsonl.zst", "jsonl.gz", "jsonl")


def many(runs: int) -> Iterator[RunArrival]:
    """Yield runs of 2.4 KB of JSON, nine of ten alone, the others in traces of a thousand."""
    yield from data.flat(runs - runs // 10, data.FLAT, 2_400, seed=1)
    for seed in range(max(runs // 10_000, 1)):
        yield from data.tree(min(runs // 10, 1_000), seed=100 + seed, size=2_400)


def digests(url: str) -> dict[str, tuple[int, int]]:
    """Return how many rows each table has, and the sum of their digests."""
    found: dict[str, tuple[int, int]] = {}
    with closing(Store.open(url)) as store, store._engine.connect() as connection:
        for name, table in SQLModel.metadata.tables.items():
            if name in LEFT_OUT or name.startswith(MADE_LATER):
                continue
            rows = total = 0
            many = connection.execution_options(yield_per=500)
            for row in many.execute(select(table)):
                rows += 1
                digest = blake2b(repr(tuple(row)).encode(), digest_size=8).digest()
                total = (total + int.from_bytes(digest, "big")) % 2**64
            found[name] = rows, total
    return found


WATCHED = """
import re, resource, sys, threading
from graph.cli import main

peak, over = 0, threading.Event()


def watch():
    global peak
    while not over.wait(0.02):
        with open("/proc/self/status") as told:
            peak = max(peak, int(re.search(r"RssAnon:\\s+([0-9]+)", told.read())[1]))


watching = threading.Thread(target=watch)
watching.start()
code = main(sys.argv[1:])
over.set()
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, peak / 1024, file=sys.stderr)
sys.exit(code)
"""
"""Runs a command and tells of it; pages of the database that are mapped are not its own memory."""


def measured(*arguments: str) -> tuple[float, ...]:
    """Run a command; return its seconds, CPU seconds, peaks of all and of its own memory in MiB."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - begin, *map(float, done.stderr.split()[-3:])


def told(what: str, runs: int, size: int, found: tuple[float, ...]) -> None:
    seconds, cpu, memory, own = found
    print(
        f"{what:<22} {seconds:7.1f} s {cpu:7.1f} s CPU {runs / seconds:8,.0f} runs/s"
        f" {size / 2**20:8.1f} MiB of file {memory:5.0f} MiB of memory, {own:.0f} of its own"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--postgresql")
    given: Any = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = f"sqlite:///{folder}/source.db"
        data.fill(source, many(given.runs))
        held = digests(source)
        rows = held["run"][0]
        for step in STEPS:
            file = Path(folder) / f"runs.{step}"
            out = measured("export", "--db", source, str(file))
            told(f"export to {step}", rows, file.stat().st_size, out)
        target = given.postgresql or f"sqlite:///{folder}/target.db"
        file = Path(folder) / f"runs.{STEPS[0]}"
        told("import", rows, file.stat().st_size, measured("import", "--db", target, str(file)))
        rows_of = {name: count for name, (count, _) in held.items()}
        print("equal stores" if digests(target) == held else "NOT EQUAL", rows_of)


if __name__ == "__main__":
    main()
