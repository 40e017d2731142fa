"""Reading from PostgreSQL: one repeatable-read transaction for one request, from a bounded pool.

asyncpg reads (measured against psycopg on pages, trees and payloads: 0.4 to 1 times its time); the
writing thread uses psycopg. Values come as text where an answer wants text (ids, numerics), and
payloads as bytes: nothing is made into an object that would only be made into text again.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from db.errors import TooSlowError, UnavailableError
from db.readers import Budget

LONGEST_MS = 10_000
SCHEMA = "rungraph"
SETTINGS = {
    "search_path": SCHEMA,
    "timezone": "UTC",
    "statement_timeout": str(LONGEST_MS),
    "jit": "off",
}
OPTIONS = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
"""The same, as libpq takes them."""

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MARK = re.compile("%[s%]")
_CACHED_TEXTS = 4096
_GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
)


async def _configure(connection: Any) -> None:
    """Take ids and numerics as text, and `varchar` (see db.dialects.passed_through) as bytes."""
    for name in ("uuid", "numeric"):
        await connection.set_type_codec(
            name, schema="pg_catalog", format="text", encoder=str, decoder=str
        )
    await connection.set_type_codec(
        "varchar", schema="pg_catalog", format="binary", encoder=str.encode, decoder=bytes
    )


async def _leave(_: Any) -> None:
    """Leave a connection that comes back as it is: nothing that we do outlives its transaction."""


@lru_cache(maxsize=_CACHED_TEXTS)
def _numbered(sql: str) -> str:
    """Return a statement with $1, $2... for its parameters."""
    at = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal at
        if found.group() == "%%":
            return "%"
        at += 1
        return f"${at}"

    return _MARK.sub(mark, sql)


class PostgresReaders:
    """The pool of reading connections; it opens with the first reading, on the event loop."""

    def __init__(self, url: str, most: int) -> None:
        self._url = url
        self._most = most
        self._pool: Any = None
        self._opening = asyncio.Lock()

    def reading(self, *, newest: bool = False) -> "PostgresReading":
        """Return a new snapshot; it begins with its first read."""
        return PostgresReading(self)

    async def take(self) -> Any:
        """Return a connection that is nobody else's until it is given back."""
        pool = self._pool or await self._open()
        try:
            return await pool.acquire(timeout=LONGEST_MS / 1000)
        except (TimeoutError, *_GONE) as error:
            msg = f"no connection to the database: {error or 'none became free'}"
            raise UnavailableError(msg) from error

    async def _open(self) -> Any:
        create_pool: Any = asyncpg.create_pool  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        async with self._opening:
            if self._pool is None:
                try:
                    self._pool = await create_pool(
                        self._url,
                        min_size=1,
                        max_size=self._most,
                        init=_configure,
                        reset=_leave,
                        server_settings=SETTINGS,
                    )
                except _GONE as error:
                    msg = f"no connection to the database: {error}"
                    raise UnavailableError(msg) from error
        return self._pool

    async def give(self, connection: Any) -> None:
        """Take a connection back."""
        await self._pool.release(connection)

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
        self._connection: Any = None
        self._begun = False
        self._one_at_a_time = asyncio.Lock()
        self.statements: list[str] = []
        self.alone = False
        self.budget = Budget()

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        self.budget.check()
        self.statements.append(sql)
        async with self._one_at_a_time:
            if self._connection is None:
                self._connection = await self._readers.take()
            try:
                if not self.alone and not self._begun:
                    await self._connection.execute(_BEGIN)
                    self._begun = True
                found = await self._connection.fetch(_numbered(sql), *values)
            except asyncpg.QueryCanceledError as error:
                await self._end()
                msg = f"the read took more than {LONGEST_MS / 1000:g} s"
                raise TooSlowError(msg) from error
            except _GONE as error:
                raise UnavailableError(str(error)) from error
            except asyncpg.PostgresError:
                await self._end()
                raise
        self.budget.take(len(found))
        return found

    async def _end(self) -> None:
        """End a transaction that failed: every read in it would fail as well."""
        if self._begun and not self._connection.is_closed():
            await self._connection.execute("ROLLBACK")
            self._begun = False

    async def close(self) -> None:
        """Give the snapshot up."""
        async with self._one_at_a_time:
            if self._connection is None:
                return
            connection, self._connection = self._connection, None
            try:
                if self._begun and not connection.is_closed():
                    await connection.execute("ROLLBACK")
            finally:
                await self._readers.give(connection)
