"""Reading from a streaming replica of PostgreSQL, as long as it keeps up.

What asks for the newest rows (what follows a mutation, rollups, whoever was just told of a change)
reads the primary, all others the replica. How far the replica is behind is watched: now and then
the primary is asked how far its log goes, and the replica how much of it is replayed there. A
replica that is too far behind, or can not be asked, is left out until it is fit again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from db.errors import StoreError, UnavailableError
from db.reach import Reach
from db.readers import Readers, Reading

log = logging.getLogger(__name__)

PULSE = 1.0
"""Seconds between two looks."""

_WRITTEN = "SELECT CAST(pg_current_wal_lsn() - '0/0' AS BIGINT)"
_REPLAYED = "SELECT CAST(pg_last_wal_replay_lsn() - '0/0' AS BIGINT)"
_NEVER_LOOKED = "it was not looked at yet"
_MOST_MARKS = 10_000


class _PoolReaders(Readers, Protocol):
    """Readers of PostgreSQL."""

    async def take(self) -> Any:
        """Return a connection that is nobody else's until it is given back."""
        ...

    async def give(self, connection: Any) -> None:
        """Take a connection back."""
        ...


class Replica:
    """How a replica does: `lag` in seconds, None while unknown; `trouble`: why it is left out.

    `left_out` counts how often it was.
    """

    def __init__(self, longest_lag: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lag: float | None = None
        self.trouble: str | None = _NEVER_LOOKED
        self.left_out = 0
        self._longest = longest_lag
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MOST_MARKS)

    @property
    def fit(self) -> bool:
        """Whether it may be read."""
        return self.trouble is None

    def looked(self, begun: float, written: int, replayed: int | None) -> None:
        """Note how far both were; `begun`: just before the primary was asked."""
        if replayed is None:
            self.lost("it is no streaming replica")
            return
        marks = self._marks
        marks.append((begun, written))
        while len(marks) > 1 and marks[1][1] <= replayed:
            marks.popleft()
        seen, reached = marks[0]  # the newest mark that is replayed there
        if replayed >= written:
            self.lag = 0.0
        else:
            self.lag = self._clock() - seen if reached <= replayed else None
        if self.lag is None:
            self._say("it is behind, how far is not known yet")
        elif self.lag > self._longest:
            self._say(f"it is {self.lag:.1f} s behind; at most {self._longest:g} s")
        else:
            self._say(None)

    def lost(self, why: str) -> None:
        """Note that it can not be asked."""
        self.lag = None
        self._say(why)

    def _say(self, trouble: str | None) -> None:
        if trouble is None and self.trouble is not None:
            log.info("the replica is read")
        elif trouble is not None and self.trouble in {None, _NEVER_LOOKED}:
            self.left_out += 1
            log.warning("the replica is left out, the primary read instead: %s", trouble)
        self.trouble = trouble


class ReplicatedReaders:
    """The connections that read: to a replica while it is fit, else to the primary."""

    def __init__(self, primary: _PoolReaders, replica: _PoolReaders, state: Replica) -> None:
        self.state = state
        self._primary = primary
        self._replica = replica
        self.slow = replica.slow = primary.slow
        self._watching: asyncio.Task[None] | None = None

    def reading(self, reach: Reach | None = None, *, newest: bool = False) -> Reading:
        """Return a new snapshot; `newest`: of everything that is committed by now."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        if newest or not self.state.fit:
            return self._primary.reading(reach)
        return _ReplicaReading(self._replica.reading(reach), self._primary, self.state)

    async def look(self) -> None:
        """Find out how far the replica is behind."""
        begun = time.monotonic()
        try:
            written = await _asked(self._primary, _WRITTEN)
        except (StoreError, asyncpg.PostgresError, OSError):
            return  # without a primary nothing can be said, and nothing else be read
        try:
            self.state.looked(begun, written, await _asked(self._replica, _REPLAYED))
        except (StoreError, asyncpg.PostgresError, OSError) as error:
            self.state.lost(str(error))

    async def aclose(self) -> None:
        """Close the connections, on the event loop that used them."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self._replica.aclose()
        await self._primary.aclose()

    def close(self) -> None:
        """Close what no event loop holds."""
        self._replica.close()
        self._primary.close()

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(PULSE)


class _ReplicaReading:
    """A snapshot of the replica, or, if its first read shows that it is gone, of the primary."""

    def __init__(self, reading: Reading, primary: Readers, state: Replica) -> None:
        self.dialect = reading.dialect
        self.statements: list[str] = []
        self.reach = reading.reach
        self.alone = False
        self.budget = reading.budget
        self._reading = reading
        self._primary: Readers | None = primary
        self._state = state

    @property
    def seconds(self) -> float:
        """For which its statements were waited for."""
        return self._reading.seconds

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        self.statements.append(sql)
        self._reading.alone, self._reading.budget = self.alone, self.budget
        primary, self._primary = self._primary, None
        try:
            return await self._reading.rows(sql, values)
        except (UnavailableError, asyncpg.SerializationError) as error:
            if primary is None:
                raise UnavailableError(f"the replica: {error}") from error
            if isinstance(error, UnavailableError):
                self._state.lost(str(error))
        await self._reading.close()
        self._reading = primary.reading(self.reach)
        self._reading.alone, self._reading.budget = self.alone, self.budget
        return await self._reading.rows(sql, values)

    async def close(self) -> None:
        """Give the snapshot up."""
        await self._reading.close()


async def _asked(readers: _PoolReaders, sql: str) -> Any:
    connection = await readers.take()
    try:
        return await connection.fetchval(sql)
    finally:
        await readers.give(connection)
