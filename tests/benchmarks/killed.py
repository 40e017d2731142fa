"""Databases that are killed while they are used, and looked through in the end."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg

from tests.test_kill_postgres import Killable

_COUNTED = "SELECT count(*), count(DISTINCT id) FROM {0}run"
_PAYLOADS = "SELECT count(*) FROM {0}run_payload"


class Database(ABC):
    """A database under endurance; `kills` counts how often it was killed alone."""

    kills = 0

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def kill(self) -> None:
        """Kill it, if it can be killed alone, and start it again."""

    @abstractmethod
    def examine(self) -> int:
        """Return how many runs are stored. Raises AssertionError where it is damaged."""


class _Sqlite(Database):
    """A file: it is killed with the server."""

    def kill(self) -> None:
        """Do nothing."""

    def examine(self) -> int:
        path = self.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (runs, different), *_ = database.execute(_COUNTED.format(""))
            ((payloads,),) = database.execute(_PAYLOADS.format(""))
        assert runs == different == payloads
        return runs


class _Postgres(Database):
    """A PostgreSQL server of its own, as durable as it is by default."""

    def __init__(self, killable: Killable) -> None:
        super().__init__(killable.url)
        self._killable = killable

    def kill(self) -> None:
        self._killable.kill()
        self._killable.start()
        self.kills += 1

    def examine(self) -> int:
        with psycopg.connect(self.url) as connection:
            runs, different = connection.execute(_COUNTED.format("rungraph.")).fetchone() or (0, 0)
            found = connection.execute(_PAYLOADS.format("rungraph.")).fetchone()
        assert runs == different
        assert found == (runs,)
        return runs


@contextmanager
def _sqlite(folder: Path) -> Generator[Database]:
    yield _Sqlite(f"sqlite:///{folder / 'endured.db'}")


@contextmanager
def _postgresql(_: Path) -> Generator[Database]:
    killable = Killable()
    try:
        yield _Postgres(killable)
    finally:
        killable.server.cleanup()


DATABASES: Mapping[str, Callable[[Path], AbstractContextManager[Database]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}
