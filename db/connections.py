"""A bounded number of connections on one event loop, each lent to one reading at a time.

asyncpg's own pool wraps every connection and every call of it, and waits by way of a task: more
than a short read costs.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

_PATIENCE = 10.0
"""Seconds that a connection may take to close."""


class Connections:
    """Opens connections when they are wanted, up to a number, and keeps them."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._open = 0
        self._idle: list[Any] = []
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def take(self, seconds: float) -> Any:
        """Return a connection that is nobody else's until it is given back.

        Raises TimeoutError if there is none in time, and what `connect` raises.
        """
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open -= 1
        async with asyncio.timeout(seconds):
            if self._open < self._most:
                return await self._another()
            return await self._next()

    async def _another(self) -> Any:
        self._open += 1
        try:
            return await self._connect()
        except BaseException:
            self._lost()
            raise

    async def _next(self) -> Any:
        """Wait until a connection is given back, or lost, so that there may be another."""
        turn: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            connection = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came too late
                self._pass_on(turn.result())
            raise
        return await self._another() if connection is None else connection

    def give(self, connection: Any) -> None:
        """Take a connection back that can be used again."""
        if self._closed or connection.is_closed():
            self.drop(connection)
        else:
            self._pass_on(connection)

    def drop(self, connection: Any) -> None:
        """Take a connection back that nobody can use again; what it is busy with is ended."""
        closing = asyncio.get_running_loop().create_task(_ended(connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._lost()

    def distrust(self) -> None:
        """Give up what is idle: one connection was dead, so that the others may be."""
        while self._idle:
            self.drop(self._idle.pop())

    def _lost(self) -> None:
        self._open -= 1
        self._pass_on(None)

    def _pass_on(self, connection: Any) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)

    async def aclose(self) -> None:
        """Close what is idle now, the others when they are given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close(timeout=_PATIENCE)
        await asyncio.gather(*self._closing, return_exceptions=True)


async def _ended(connection: Any) -> None:
    with suppress(Exception):  # it is of no use either way
        await connection.close(timeout=_PATIENCE)
