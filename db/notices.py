"""News of all processes on one PostgreSQL, by NOTIFY and LISTEN.

A transaction that changes runs notifies, once, in itself: what it tells is told if and only if it
is committed, whatever becomes of the process. PostgreSQL delivers to every listener in the order of
the commits, its own process included, so all keep the same history. Each process listens on a
connection of its own, which must lead to the server directly: LISTEN passes no pooler in
transaction mode (NOTIFY does). When it is lost, so is what happens until it is made anew, and all
who listen are told to read again.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy import Connection

from db import changes
from db.bulk import array_of
from db.news import History, ids_of_messages

log = logging.getLogger(__name__)

CHANNEL = "rungraph_changes"

_NOTIFY = f"SELECT pg_notify('{CHANNEL}', message) FROM unnest(%s::text[]) AS message"  # noqa: S608
_PATIENCE = 10.0
"""Seconds to wait for an answer of the server."""
_PULSE = 30.0
"""Seconds of silence after which the connection is tried: a cut cable tells nobody."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
_GONE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class NotifiedNews:
    """News of every process that writes to one PostgreSQL."""

    def __init__(self, url: str | None, most: int) -> None:
        """Make news of a server at a URL; None: there is only a pooler, and nothing is heard."""
        self.history = History(most)
        self.trouble: str | None = "the server has not started"
        self._url = url
        self._ids = ids_of_messages()
        self._listening: asyncio.Task[None] | None = None
        self._connection: Any = None

    def begin(self, connection: Connection) -> None:
        """Forget what a transaction that failed has left."""
        changes.taken(connection)

    def announce(self, connection: Connection) -> Sequence[bytes]:
        """Notify all processes, once the transaction is committed."""
        noted = changes.taken(connection)
        if noted:
            texts = [text.decode() for text in changes.messages(noted, self._ids)]
            connection.exec_driver_sql(_NOTIFY, (array_of(texts),))
        return ()

    def publish(self, messages: Sequence[bytes]) -> None:
        """Do nothing: PostgreSQL has done it."""

    async def open(self) -> None:
        """Listen, from now on; a server that is not there is tried again meanwhile."""
        if self._url is None:
            self.trouble = "a pooler stands before PostgreSQL; RUNGRAPH_DB_DIRECT leads past it"
            log.warning("no subscriptions: %s", self.trouble)
            return
        await self._connect()
        self._listening = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        if self._connection is not None:
            with suppress(*_GONE):
                await self._connection.close(timeout=_PATIENCE)
            self._connection = None

    async def _listen(self) -> None:
        """Keep a connection that listens, made anew whenever it is lost."""
        pause = _FIRST_PAUSE
        while True:
            if self._connection is not None:
                pause = _FIRST_PAUSE
                await _until_gone(self._connection)
                self._connection.terminate()
                self._connection = None
                self.trouble = "the connection that listens to other processes is lost"
                log.warning("%s; it is made anew", self.trouble)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            await self._connect()
            if self._connection is not None:
                self.history.miss()

    async def _connect(self) -> None:
        """Make a connection that listens; say why in `trouble`, where there can be none."""
        connect: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        connection: Any = None
        try:
            connection = await connect(self._url, timeout=_PATIENCE)
            await connection.add_listener(CHANNEL, self._heard)
        except _GONE as error:
            self.trouble = f"no connection that listens to other processes: {error}"
            log.warning("%s; it is tried again", self.trouble)
            if connection is not None:
                connection.terminate()
            return
        self._connection = connection
        self.trouble = None

    def _heard(self, _connection: Any, _process: int, _channel: str, text: str) -> None:
        self.history.take([text])


async def _until_gone(connection: Any) -> None:
    """Wait until a connection is lost."""
    lost = asyncio.Event()

    def tell(_: Any) -> None:
        lost.set()

    connection.add_termination_listener(tell)
    while not connection.is_closed() and not lost.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), _PULSE)
            return
        try:
            await connection.execute("SELECT 1", timeout=_PATIENCE)
        except _GONE:
            return
