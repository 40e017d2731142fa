"""Reading: one snapshot for one request, over SQLite connections that are kept open.

A short read runs where it is asked, on the event loop, because a thread would cost more than the
read. One that turns out to be long is stopped after `PATIENCE` seconds and done again in a
worker thread, where it may take `LONGEST` seconds. Patience is counted in the thread's own time, so
that a busy machine does not make every read seem long.
"""

import asyncio
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any, Protocol

from db.bulky import MANY, Bulky
from db.errors import TooManyRowsError, TooSlowError, UnavailableError
from db.json_tests import holds
from db.reach import Reach
from db.slow import SLOW, SlowStatements

PATIENCE = 0.005
LONGEST = 10.0
PRAGMAS = ("query_only=ON", "case_sensitive_like=ON", "mmap_size=268435456")
"""How a connection that reads SQLite is set; of its file, 256 MB are read without a copy."""
MOST_ROWS = 2**31 - 2
"""As many as a driver can be asked for."""

_STEPS = 4000
_CACHED_STATEMENTS = 512
_MOST_SLOW = 10_000
_MOST_IDLE = 8
"""Connections that are kept: each has a cache of some MB, and reads on the event loop need one."""


class Reading(Protocol):
    """A snapshot of the store; all its reads see the same rows."""

    dialect: str
    statements: list[str]
    reach: Reach | None
    """Outside of which nothing is there for this reader; None: everything is."""
    alone: bool
    """Set before the first read: there will be no other, so that it needs no transaction."""

    budget: "Budget"
    """How many rows may still be read."""

    @property
    def seconds(self) -> float:
        """For how long its statements were waited for."""
        ...

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement. Raises TooSlowError and UnavailableError."""
        ...

    async def close(self) -> None:
        """Give the snapshot up."""
        ...


class Budget:
    """The rows that may be read for one question of a user, over all its statements."""

    __slots__ = ("left", "most")

    def __init__(self, most: int = MOST_ROWS) -> None:
        self.most = most
        self.left = most

    def check(self) -> None:
        """Raise TooManyRowsError where there have been too many already."""
        if self.left < 0:
            raise self.error()

    def take(self, count: int) -> None:
        """Count rows that were read. Raises TooManyRowsError where these are too many."""
        self.left -= count
        if self.left < 0:
            raise self.error()

    def error(self) -> TooManyRowsError:
        """Return what tells that there are too many."""
        return TooManyRowsError(f"the query needs more than {self.most} rows; at most {self.most}")


class Snapshot:
    """What every snapshot does for a statement: keeps it within reach and budget, and times it."""

    dialect: str

    def __init__(self, reach: Reach | None, slow: SlowStatements) -> None:
        self.reach = reach
        self._slow = slow
        self.statements: list[str] = []
        self.seconds = 0.0
        self.alone = False
        self.budget = Budget()

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        self.budget.check()
        if self.reach is not None:
            sql = self.reach.within(self.dialect, sql)
        self.statements.append(sql)
        begun = time.perf_counter()
        try:
            found = self._at_once(sql, values)
            if found is None:
                found = await self._found(sql, values)
        finally:
            seconds = time.perf_counter() - begun
            self.seconds += seconds
            if seconds > SLOW:
                self._slow.note(sql, seconds)
        self.budget.take(len(found))
        return found

    def _at_once(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]] | None:
        """Return what can be had without waiting; None where that is nothing."""

    async def _found(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Send a statement."""
        raise NotImplementedError


class Readers(Protocol):
    """The reading connections of a database; `slow`: the statements that were."""

    slow: SlowStatements

    def reading(self, reach: Reach | None = None, *, newest: bool = False) -> Reading:
        """Return a new snapshot, of what is within reach; it begins with its first read.

        `newest`: of everything that is committed by now, whatever a replica has of it.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections, on the event loop that used them."""
        ...

    def close(self) -> None:
        """Close what no event loop holds."""
        ...


class _Connection(sqlite3.Connection):
    """A connection whose reads have a deadline, looked at every `_STEPS` steps of SQLite's."""

    clock: Callable[[], float] = staticmethod(time.perf_counter)
    seconds = math.inf
    deadline: float | None = math.inf
    given_up = False

    def watch(self) -> "_Connection":
        """Begin to look at the deadline."""
        self.set_progress_handler(self._is_late, _STEPS)
        return self

    def _is_late(self) -> bool:
        """Say whether the time is up, which counts from the first look: most reads need none."""
        now = self.clock()
        if self.deadline is None:
            self.deadline = now + self.seconds
        return self.given_up or now > self.deadline

    def read(
        self,
        sql: str,
        values: Sequence[Any],
        most: int,
        seconds: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, one more than `most` at most. Raises TooSlowError."""
        self.clock, self.seconds, self.deadline = clock, seconds, None
        try:
            return self.execute(sql, values).fetchmany(most + 1)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                msg = f"the read took more than {seconds:g} s"
                raise TooSlowError(msg) from None
            raise
        finally:
            self.deadline = math.inf


class SqliteReaders:
    """The open reading connections of one database file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.longest: float | None = None
        """Seconds that a read in a thread may take, if not `LONGEST`."""
        self._idle: deque[_Connection] = deque()
        self._closed = False
        self._slow: set[str] = set()
        self.bulky = Bulky()
        self.slow = SlowStatements()

    def reading(self, reach: Reach | None = None, *, newest: bool = False) -> "SqliteReading":
        """Return a new snapshot, of what is within reach; it begins with its first read."""
        return SqliteReading(self, reach)

    def seemed_slow(self, sql: str) -> bool:
        """Say whether a statement was too long, or brought too much, for the event loop."""
        return sql in self._slow or sql in self.bulky.known

    def remember(self, sql: str, seconds: float) -> None:
        """Note how long a statement took."""
        if seconds < PATIENCE / 2:
            self._slow.discard(sql)
        elif seconds >= PATIENCE and len(self._slow) < _MOST_SLOW:
            self._slow.add(sql)

    def take(self) -> _Connection:
        """Return a connection that is nobody else's until it is given back."""
        return self._idle.pop() if self._idle else self._connect()

    def give(self, connection: _Connection) -> None:
        """Take a connection back."""
        if self._closed or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    async def aclose(self) -> None:
        """Close what is idle now, the others when they are given back."""
        self.close()

    def close(self) -> None:
        """Close what is idle now, the others when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> _Connection:
        try:
            connection = sqlite3.connect(
                self._path,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_CACHED_STATEMENTS,
                timeout=LONGEST,
                factory=_Connection,
            )
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.create_function("json_holds", 2, holds, deterministic=True)
        except sqlite3.OperationalError as error:
            raise UnavailableError(str(error)) from error
        return connection.watch()


class SqliteReading(Snapshot):
    """A snapshot of a SQLite file."""

    dialect = "sqlite"

    def __init__(self, readers: SqliteReaders, reach: Reach | None = None) -> None:
        super().__init__(reach, readers.slow)
        self._readers = readers
        self._connection: _Connection | None = None
        self._in_thread: asyncio.Lock | None = None
        """Held while a thread reads; None until one has to."""

    def _at_once(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]] | None:
        return self._here(sql, values) if self._in_thread is None else None

    def _here(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]] | None:
        """Read on the event loop if it seems short; None if it is not."""
        if self._readers.seemed_slow(sql):
            return None
        connection = self._begun()
        try:
            found = connection.read(sql, values, self.budget.left, PATIENCE, time.thread_time)
        except TooSlowError:
            return None
        except sqlite3.OperationalError as error:
            raise UnavailableError(str(error)) from error
        if len(found) > MANY:
            self._readers.bulky.note(sql, found)
        return found

    def _begun(self) -> _Connection:
        """Return the connection, in a transaction if more than one statement is to come."""
        try:
            if self._connection is None:
                self._connection = self._readers.take()
            if not self.alone and not self._connection.in_transaction:
                self._connection.execute("BEGIN")
        except sqlite3.OperationalError as error:
            raise UnavailableError(str(error)) from error
        return self._connection

    async def _found(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Read in a thread, one statement at a time; on the event loop what turns out short."""
        tried = self._in_thread is None
        self._in_thread = self._in_thread or asyncio.Lock()
        async with self._in_thread:
            found = None if tried else self._here(sql, values)
            return await self._elsewhere(sql, values) if found is None else found

    async def _elsewhere(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        bulky = self._readers.bulky
        async with bulky.turns if sql in bulky.known else nullcontext():
            found = await self._in_thread_of_its_own(sql, values)
        bulky.note(sql, found)
        return found

    async def _in_thread_of_its_own(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        connection = self._begun()
        begin = time.perf_counter()
        thread = asyncio.to_thread(
            connection.read, sql, values, self.budget.left, self._readers.longest or LONGEST
        )
        try:
            found = await _given_up_with_us(asyncio.ensure_future(thread), connection)
        except sqlite3.OperationalError as error:
            raise UnavailableError(str(error)) from error
        self._readers.remember(sql, time.perf_counter() - begin)
        return found

    async def close(self) -> None:
        """Give the snapshot up."""
        if self._in_thread is not None:
            async with self._in_thread:
                self._give()
        else:
            self._give()

    def _give(self) -> None:
        if self._connection is None:
            return
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._readers.give(self._connection)
        self._connection = None


async def _given_up_with_us(
    work: "asyncio.Future[list[tuple[Any, ...]]]", connection: _Connection
) -> list[tuple[Any, ...]]:
    """Wait for a read in a thread; if nobody waits for us any more, end it before we go.

    However often we are told to go: the connection is the thread's until it has ended.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        connection.given_up = True
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        connection.given_up = False
        if not work.cancelled():
            work.exception()  # it was told to end
        raise
