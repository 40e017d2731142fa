"""Reading from PostgreSQL: one repeatable-read transaction for one request, from a bounded pool.

Values come as text where an answer wants text (ids, numerics), and payloads as bytes: nothing is
made into an object that would only be made into text again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, IsolationLevel, OperationalError
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.errors import QueryCanceled
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from db.errors import TooSlowError, UnavailableError

LONGEST_MS = 10_000
SCHEMA = "rungraph"
OPTIONS = f"-c search_path={SCHEMA} -c timezone=UTC -c statement_timeout={LONGEST_MS}"


class _AsBytes(Loader):
    """Gives a text as the bytes it came in."""

    def load(self, data: Buffer) -> bytes:
        """Return the bytes."""
        return bytes(data)


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    for name in ("uuid", "numeric"):
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_loader("varchar", _AsBytes)  # db.dialects.passed_through


class PostgresReaders:
    """The pool of reading connections; it opens with the first reading, on the event loop."""

    def __init__(self, url: str, most: int) -> None:
        self._url = url
        self._most = most
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None
        self._opening = asyncio.Lock()

    def reading(self) -> "PostgresReading":
        """Return a new snapshot; it begins with its first read."""
        return PostgresReading(self)

    async def take(self) -> AsyncConnection[Any]:
        """Return a connection that is nobody else's until it is given back."""
        async with self._opening:
            if self._pool is None:
                self._pool = AsyncConnectionPool(
                    self._url,
                    kwargs={"options": OPTIONS},
                    min_size=1,
                    max_size=self._most,
                    configure=_configure,
                    timeout=LONGEST_MS / 1000,
                    open=False,
                )
                await self._pool.open()
        try:
            return await self._pool.getconn()
        except PoolTimeout as error:
            msg = f"no connection to the database became free: {error}"
            raise UnavailableError(msg) from error

    async def give(self, connection: AsyncConnection[Any]) -> None:
        """Take a connection back; its transaction ends."""
        if self._pool is not None:
            await self._pool.putconn(connection)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()

    def close(self) -> None:
        """Do nothing: the pool belongs to an event loop."""


class PostgresReading:
    """A snapshot of a PostgreSQL database."""

    dialect = "postgresql"

    def __init__(self, readers: PostgresReaders) -> None:
        self._readers = readers
        self._connection: AsyncConnection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()
        self.statements: list[str] = []
        self.alone = False

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        self.statements.append(sql)
        async with self._one_at_a_time:
            if self._connection is None:
                self._connection = await self._readers.take()
            try:
                cursor = await self._connection.execute(sql, values)  # type: ignore[arg-type]
                return await cursor.fetchall()
            except QueryCanceled as error:
                msg = f"the read took more than {LONGEST_MS / 1000:g} s"
                raise TooSlowError(msg) from error
            except OperationalError as error:
                raise UnavailableError(str(error)) from error

    async def close(self) -> None:
        """Give the snapshot up."""
        async with self._one_at_a_time:
            if self._connection is not None:
                connection, self._connection = self._connection, None
                await connection.rollback()
                await self._readers.give(connection)
