"""The least a database could do: take the rows that a server made, with no server before it."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from uuid import UUID

from db.store import Store

TABLES = ("run", "run_payload", "run_tag", "run_metadata")
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536")


def make(url: str) -> str:
    """Make the same tables and indexes in an empty database; return its URL."""
    Store.open(url).close()
    return url


def rows_in(url: str) -> int:
    """Return how many rows there are in the tables."""
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    return _one(url, f"SELECT {counts}")


def waiting(url: str) -> int:
    """Return how many runs wait to be indexed."""
    return _one(url, "SELECT count(*) FROM run_search_queue")


def insert(served: str, alone: str, traces: Sequence[UUID]) -> float:
    """Copy the rows of traces from one database to the other; return the seconds of writing.

    Each trace is a transaction: executemany on SQLite, COPY on PostgreSQL.
    """
    write = _insert_into_sqlite if served.startswith("sqlite") else _copy_into_postgres
    return write(served, alone, traces)


def _insert_into_sqlite(served: str, alone: str, traces: Sequence[UUID]) -> float:
    with closing(_open_sqlite(served)) as source, closing(_open_sqlite(alone)) as target:
        for pragma in PRAGMAS:
            target.execute(f"PRAGMA {pragma}")
        select = "SELECT * FROM {} WHERE trace_id = ?"
        batches = [
            {t: source.execute(select.format(t), (each.bytes,)).fetchall() for t in TABLES}
            for each in traces
        ]
        began = time.perf_counter()
        for batch in batches:
            target.execute("BEGIN IMMEDIATE")
            for table, rows in batch.items():
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            target.execute("COMMIT")
        return time.perf_counter() - began


def _copy_into_postgres(served: str, alone: str, traces: Sequence[UUID]) -> float:
    import psycopg  # noqa: PLC0415 - not everyone has it

    with psycopg.connect(served) as source, psycopg.connect(alone) as target:
        batches: list[dict[str, list[bytes]]] = []
        for each in traces:
            batches.append({})
            for table in TABLES:
                chosen = f"SELECT * FROM rungraph.{table} WHERE trace_id = '{each}'"
                with source.cursor().copy(f"COPY ({chosen}) TO STDOUT") as copy:  # type: ignore[arg-type]
                    batches[-1][table] = [bytes(piece) for piece in copy]
        began = time.perf_counter()
        for batch in batches:
            for table, pieces in batch.items():
                with target.cursor().copy(f"COPY rungraph.{table} FROM STDIN") as copy:  # type: ignore[arg-type]
                    copy.write(b"".join(pieces))
            target.commit()
        return time.perf_counter() - began


def _one(url: str, sql: str) -> int:
    if url.startswith("sqlite"):
        with closing(_open_sqlite(url)) as connection:
            return connection.execute(sql).fetchone()[0]
    import psycopg  # noqa: PLC0415 - not everyone has it

    with psycopg.connect(url, options="-c search_path=rungraph") as connection:
        found = connection.execute(sql).fetchone()  # type: ignore[arg-type]
    assert found
    return found[0]


def _open_sqlite(url: str) -> sqlite3.Connection:
    return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
