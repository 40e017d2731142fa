"""Looks after the requests that are served: ends what takes too long and what nobody waits for.

One timer walks over all of them a few times a second, so that a short request pays for no timer and
no task of its own. Who leaves is only noticed of requests that take longer than such a round.
"""

import asyncio
from enum import Enum
from time import monotonic
from typing import Any

from starlette.types import Receive

ROUND = 0.1
"""Seconds between two looks."""


class Stage(Enum):
    """What a request is at."""

    READING = "reading"
    WORKING = "working"
    SENDING = "sending"


_READING, _WORKING, _SENDING = Stage  # Python 3.11 looks a member up slowly


class Ended(Enum):
    """Why a request was ended."""

    TOO_LATE = "too late"
    NOBODY_WAITS = "nobody waits"


class Visit:
    """One request that is served."""

    __slots__ = ("deadline", "ended", "receive", "stage", "task", "watch")

    def __init__(self, task: "asyncio.Task[Any]", receive: Receive, deadline: float) -> None:
        self.task = task
        self.receive = receive
        self.deadline = deadline
        self.stage = _READING
        self.ended: Ended | None = None
        self.watch: asyncio.Task[None] | None = None

    def end(self, why: Ended) -> None:
        """End the request, once."""
        if self.ended is None:
            self.ended = why
            self.task.cancel()

    def look(self, now: float) -> None:
        """End the request if it is late; begin to watch whether its client leaves."""
        if now > self.deadline:
            self.end(Ended.TOO_LATE)
        elif self.watch is None and self.stage is not _READING:
            self.watch = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        message = await self.receive()
        while message["type"] != "http.disconnect":
            message = await self.receive()
        self.end(Ended.NOBODY_WAITS)


class Patrol:
    """All requests that are served now."""

    def __init__(self, reading_seconds: float, working_seconds: float) -> None:
        self._reading = reading_seconds
        self._working = working_seconds
        self._visits: set[Visit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self, receive: Receive) -> Visit:
        """Begin to look after the current task, which reads a request."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - whoever serves is a task
        visit = Visit(task, receive, monotonic() + self._reading)
        self._visits.add(visit)
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(ROUND, self._round)
        return visit

    def works(self, visit: Visit) -> None:
        """Be told that the request is read."""
        visit.stage = _WORKING
        visit.deadline += self._working - self._reading

    def sends(self, visit: Visit) -> None:
        """Be told that some more of the answer is sent."""
        visit.stage = _SENDING
        visit.deadline = monotonic() + self._working

    def leave(self, visit: Visit) -> None:
        """Look after a request no more."""
        self._visits.discard(visit)
        if visit.watch is not None:
            visit.watch.cancel()

    def _round(self) -> None:
        self._timer = None
        now = monotonic()
        for visit in list(self._visits):
            visit.look(now)
        if self._visits:
            self._timer = asyncio.get_running_loop().call_later(ROUND, self._round)
