"""Telling somebody of each statement and each flush, where somebody wants to know.

Nothing of this is there, and nothing is paid for it, until `Store.watch` is called.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from db.reach import Reach
from db.readers import Readers, Reading

_OPEN = "rungraph_watched"
"""Where a connection keeps who is told of the statement that runs on it."""


class Watch(Protocol):
    """Who is told. Its contexts are open while what they tell of goes on."""

    def statement(self, dialect: str, sql: str) -> AbstractContextManager[Any]:
        """Be told of a statement; values are no part of its text."""
        ...

    def sender(self) -> Any:
        """Return what tells later who handed something to the writing thread."""
        ...

    def flush(self, senders: Sequence[Any], size: int) -> AbstractContextManager[Any]:
        """Be told of a transaction that writes what these have handed over, of `size` bytes."""
        ...


class WatchedReaders:
    """Readers whose snapshots tell of their statements."""

    def __init__(self, readers: Readers, watch: Watch) -> None:
        self._readers = readers
        self._watch = watch
        self.slow = readers.slow
        self.state = getattr(readers, "state", None)

    def reading(self, reach: Reach | None = None, *, newest: bool = False) -> Reading:
        """Return a new snapshot."""
        return _WatchedReading(self._readers.reading(reach, newest=newest), self._watch)

    async def aclose(self) -> None:
        """Close the connections, on the event loop that used them."""
        await self._readers.aclose()

    def close(self) -> None:
        """Close what no event loop holds."""
        self._readers.close()


class _WatchedReading:
    """A snapshot that tells of its statements."""

    def __init__(self, reading: Reading, watch: Watch) -> None:
        self.dialect = reading.dialect
        self.statements = reading.statements
        self.reach = reading.reach
        self.alone = reading.alone
        self.budget = reading.budget
        self._reading = reading
        self._watch = watch

    @property
    def seconds(self) -> float:
        """For how long its statements were waited for."""
        return self._reading.seconds

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        self._reading.alone, self._reading.budget = self.alone, self.budget
        with self._watch.statement(self.dialect, sql):
            return await self._reading.rows(sql, values)

    async def close(self) -> None:
        """Give the snapshot up."""
        await self._reading.close()


def watch_engine(engine: Engine, watch: Watch) -> None:
    """Tell of every statement that goes through SQLAlchemy: all that write, and long reads."""
    dialect = engine.dialect.name

    def before(connection: Connection, _: Any, sql: str, *__: Any) -> None:
        open_context = watch.statement(dialect, sql)
        open_context.__enter__()
        connection.info.setdefault(_OPEN, []).append(open_context)

    def after(connection: Connection, *_: Any) -> None:
        _close(connection, None)

    def failed(context: ExceptionContext) -> None:
        if context.connection is not None:
            _close(context.connection, context.original_exception)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


def _close(connection: Connection, error: BaseException | None) -> None:
    contexts: list[AbstractContextManager[Any]] = connection.info.get(_OPEN, [])
    if contexts:
        contexts.pop().__exit__(type(error) if error else None, error, None)
