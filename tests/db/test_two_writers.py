"""Several processes may write to one PostgreSQL: what they tell of the same traces adds up."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from sqlalchemy import Engine

from db.arrivals import Batch, RunArrival
from db.ingest import fold
from db.servers import open_postgres
from tests.databases import empty
from tests.telling import NOW, Book, patch, post, used

TRACES, WRITERS, FOLDS = 6, 2, 8


def told() -> list[RunArrival]:
    """Posts and patches of a few trees, in any order."""
    arrivals: list[RunArrival] = []
    for trace in range(TRACES):
        runs = [post(trace * 100)]
        for at in range(1, 12):
            above = runs[(at - 1) // 2]
            tags = (f"tag {at % 3}",)
            runs.append(post(trace * 100 + at, above, run_type=("llm", "chain")[at % 2], tags=tags))
        ends = [patch(run, outputs=used(at, 1), error="") for at, run in enumerate(runs)]
        arrivals += [*runs, *ends]
    random.Random(3).shuffle(arrivals)
    return arrivals


def write(engine: Engine, arrivals: Sequence[RunArrival], together: Barrier) -> int:
    """Fold arrivals in some transactions, as a process of its own does."""
    together.wait()
    refused = 0
    for at in range(FOLDS):
        with engine.begin() as connection:
            (outcome,) = fold(connection, [Batch(runs=arrivals[at::FOLDS])], NOW)
        refused += len(outcome.refused)
    return refused


def everything(engine: Engine) -> dict[str, Any]:
    """All rows; ids of projects are made up at their first run."""
    with engine.begin() as connection:
        found = Book(connection).everything()
    projects = {row["id"]: row["name"] for row in found.pop("project")}
    for table in ("thread", "run_search_queue"):
        found.pop(table, None)
    return {
        table: sorted(
            ({name: projects.get(value, value) for name, value in row.items()} for row in rows),
            key=repr,
        )
        for table, rows in found.items()
    }


def test_two_writers_of_the_same_traces_end_in_the_rows_of_one(
    postgres_engine: Engine, postgres_url: str
):
    arrivals = told()
    empty(postgres_engine)
    write(postgres_engine, arrivals, Barrier(1))
    expected = everything(postgres_engine)
    empty(postgres_engine)

    together = Barrier(WRITERS)
    engines = [open_postgres(postgres_url) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as writers:
        shares = [arrivals[at::WRITERS] for at in range(WRITERS)]
        refused = list(writers.map(write, engines, shares, [together] * WRITERS))
    for engine in engines:
        engine.dispose()

    assert refused == [0] * WRITERS
    assert everything(postgres_engine) == expected
    assert len(expected["run"]) == TRACES * 12
