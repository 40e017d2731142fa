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

from db.bulky import MANY, Bulky
from db.connections import Connections
from db.errors import InvalidError, TooSlowError, UnavailableError, UnsupportedError
from db.reach import Reach
from db.readers import MOST_ROWS, Snapshot
from db.servers import Server, telling, told
from db.slow import SlowStatements

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MARK = re.compile("%[s%]")
_CACHED_TEXTS = 4096
_GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection whose server went in the middle of a statement
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
_UNFIT = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
"""How a NUL is refused: as a value, and in a path into JSON."""


async def _configure(connection: Any) -> None:
    """Take ids and numerics as text, and `varchar` (see db.dialects.passed_through) as bytes."""
    async with connection.transaction():  # types are looked up, past a pooler perhaps
        for name in ("uuid", "numeric"):
            await connection.set_type_codec(
                name, schema="pg_catalog", format="text", encoder=str, decoder=str
            )
        await connection.set_type_codec(
            "varchar", schema="pg_catalog", format="binary", encoder=str.encode, decoder=bytes
        )


@lru_cache(maxsize=_CACHED_TEXTS)
def _numbered(sql: str, most: int) -> str:
    """Return a statement with $1, $2... for its parameters.

    It brings one row more than `most` at worst, which tells that there are too many: what it
    brings is only counted once it is all there.
    """
    at = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal at
        if found.group() == "%%":
            return "%"
        at += 1
        return f"${at}"

    text = _MARK.sub(mark, sql)
    return text if "LIMIT" in text or most >= MOST_ROWS else f"{text} LIMIT {most + 1}"


class PostgresReaders:
    """The reading connections of a database, which open on the event loop that reads."""

    def __init__(self, url: str, server: Server) -> None:
        self._url = url
        self.connections = Connections(self._connect, server.connections)
        self.bulky = Bulky()
        self.slow = SlowStatements()
        self.seconds = server.seconds
        self.unsupported: set[str] = set()
        self.pooled = server.pooled
        self.begin = f"{_BEGIN}; {telling(server.seconds)}" if server.pooled else _BEGIN

    def reading(self, reach: Reach | None = None, *, newest: bool = False) -> "PostgresReading":
        """Return a new snapshot, of what is within reach; it begins with its first read."""
        return PostgresReading(self, reach)

    async def take(self) -> Any:
        """Return a connection that is nobody else's until it is given back."""
        try:
            return await self.connections.take(self.seconds)
        except (TimeoutError, *_GONE) as error:
            msg = f"no connection to the database: {error or 'none became free'}"
            raise UnavailableError(msg) from error

    async def give(self, connection: Any) -> None:
        """Take a connection back."""
        self.connections.give(connection)

    async def _connect(self) -> Any:
        connect: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        session: dict[str, Any] = {"server_settings": told(self.seconds)}
        if self.pooled:  # a pooler would not pass anything on
            session = {"statement_cache_size": 0}
        connection = await connect(self._url, **session)
        await _configure(connection)
        return connection

    async def aclose(self) -> None:
        """Close the connections."""
        await self.connections.aclose()

    def close(self) -> None:
        """Do nothing: connections belong to an event loop."""


class PostgresReading(Snapshot):
    """A snapshot of a PostgreSQL database."""

    dialect = "postgresql"

    def __init__(self, readers: PostgresReaders, reach: Reach | None = None) -> None:
        super().__init__(reach, readers.slow)
        self._readers = readers
        self._connection: Any = None
        self._begun = False
        self._has_read = False
        self._one_at_a_time = asyncio.Lock()

    async def _found(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Read; a snapshot that shows nothing yet may be begun anew."""
        if self.alone:
            return await self._tried(sql, values)
        async with self._one_at_a_time:
            return await self._tried(sql, values)

    async def _tried(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            found = await self._rows(sql, values)
        except _GONE as error:
            self._drop()
            if self._has_read:
                raise UnavailableError(str(error)) from error
            self._readers.connections.distrust()
            found = await self._again(sql, values)
        self._has_read = True
        return found

    async def _again(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            return await self._rows(sql, values)
        except _GONE as error:
            self._drop()
            raise UnavailableError(str(error)) from error

    async def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = await self._readers.take()
        connection = self._connection
        if sql in self._readers.unsupported:
            self.statements.remove(sql)  # it is not sent
            raise UnsupportedError("it was not done before")
        try:
            if not self._begun and (self._readers.pooled or not self.alone):
                await connection.execute(self._readers.begin)
                self._begun = True
            bulky = self._readers.bulky
            text = _numbered(sql, self.budget.most)
            found: list[tuple[Any, ...]]
            if sql in bulky.known:
                async with bulky.turns:
                    found = await connection.fetch(text, *values)
            else:
                found = await connection.fetch(text, *values)
        except asyncpg.QueryCanceledError as error:
            await self._end()
            msg = f"the read took more than {self._readers.seconds:g} s"
            raise TooSlowError(msg) from error
        except _GONE:
            raise
        except _UNFIT as error:
            await self._end()
            msg = "a text that is asked for holds a NUL, which no text in PostgreSQL does"
            raise InvalidError(msg) from error
        except asyncpg.FeatureNotSupportedError as error:
            await self._end()
            self._readers.unsupported.add(sql)
            raise UnsupportedError(str(error)) from error
        except asyncpg.PostgresError:
            await self._end()
            raise
        except asyncio.CancelledError:  # nobody waits for what it is busy with
            self._drop()
            raise
        if len(found) > MANY:
            bulky.note(sql, found)
        return found

    def _drop(self) -> None:
        """Give a connection up that nobody can use again."""
        if self._connection is not None:
            self._readers.connections.drop(self._connection)
        self._connection, self._begun = None, False

    async def _end(self) -> None:
        """End a transaction, which may have failed: every read in it would fail as well."""
        if self._begun and not self._connection.is_closed():
            await self._connection.execute("ROLLBACK")
        self._begun = False

    async def close(self) -> None:
        """Give the snapshot up."""
        if not self._begun and not self._one_at_a_time.locked():
            self._give()
            return
        async with self._one_at_a_time:
            try:
                await self._end()
            except BaseException as error:
                self._drop()
                if not isinstance(error, _GONE):
                    raise
            else:
                self._give()

    def _give(self) -> None:
        if self._connection is not None:
            self._readers.connections.give(self._connection)
            self._connection = None
