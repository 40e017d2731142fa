"""News: changes told, once they are committed, to whoever listens in this process.

What was told lately is kept, in memory and bounded, so that a listener who was away goes on where
it stopped. A cursor names the message that told of a change, and the place in it. The id of a
message says which process it comes from: with several on one PostgreSQL all hear all messages, in
the order of the commits (`db.notices`), and the cursor of one is good at each. It is good no more
once the process has ended at which it is used.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Protocol
from uuid import uuid4

from sqlalchemy import Connection

from db import changes
from db.changes import PLACES, Change
from db.errors import InvalidError

HISTORY = 50_000
"""Changes that are kept."""

_CURSOR = re.compile(r"([0-9a-f]{12}-[0-9]{1,15})-([0-9]{1,6})")

Listener = Callable[[Sequence[Change]], None]
"""Is told of changes; of none when some were missed, so that all must be read anew."""


class News(Protocol):
    """How news go from those who write to those who listen."""

    def begin(self, connection: Connection) -> None:
        """Be told, by the writing thread, that a transaction begins."""
        ...

    def announce(self, connection: Connection) -> Sequence[bytes]:
        """Be told that it is about to be committed; return what `publish` is to be given."""
        ...

    def publish(self, messages: Sequence[bytes]) -> None:
        """Be told that it is committed."""
        ...

    async def open(self) -> None:
        """Begin to listen, on the running event loop."""
        ...

    async def aclose(self) -> None:
        """Listen no more."""
        ...

    @property
    def trouble(self) -> str | None:
        """Say why changes are not heard of now; None when they are."""
        ...

    @property
    def history(self) -> "History":
        """What was heard of lately."""
        ...


class History:
    """What was told lately, and who is told; used on one event loop."""

    def __init__(self, most: int = HISTORY) -> None:
        self._most = most
        self._listeners: set[Listener] = set()
        self._last = 0
        self._begin()

    def _begin(self) -> None:
        """Begin anew: cursors given until now are good no more."""
        start = f"{uuid4().hex[:12]}-0"
        self._last += 1
        self._first = self._last
        self._held = 0
        self._kept: dict[int, tuple[str, bytes | str, int]] = {self._last: (start, b"", 0)}
        self._places = {start: self._last}
        self._newest = self._last * PLACES, f"{start}-0"

    @property
    def newest(self) -> tuple[int, str]:
        """The number and the cursor of what was told last."""
        return self._newest

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have somebody told of every change; return what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def take(self, messages: Sequence[bytes | str]) -> None:
        """Keep what is told, and hand it on."""
        told: list[Change] = []
        for text in messages:
            id, groups = changes.read(text)
            if groups is None:
                self._hand_on(told)
                self.miss()
                told = []
                continue
            found = changes.changes_in(self._last + 1, id, groups)
            self._keep(id, text, found)
            told += found
        self._hand_on(told)

    def miss(self) -> None:
        """Say that something has happened that can not be told."""
        self._begin()
        for listener in tuple(self._listeners):
            listener(())

    def number_of(self, cursor: str) -> int | None:
        """Return the number a cursor stands for, None where that is not known any more.

        Raises InvalidError for what is no cursor.
        """
        parts = _CURSOR.fullmatch(cursor)
        if parts is None:
            msg = f"after is {cursor!r}; a cursor of an event is wanted"
            raise InvalidError(msg)
        place = self._places.get(parts[1])
        return None if place is None else place * PLACES + int(parts[2])

    def after(self, number: int, most: int) -> Sequence[Change] | None:
        """Return some of what came after, `most` or a few more, in order; None: it is forgotten."""
        place, within = divmod(number, PLACES)
        if place < self._first:
            return None
        found: list[Change] = []
        for at in range(place, self._last + 1):
            id, text, held = self._kept[at]
            if not held:
                continue
            some = changes.changes_in(at, id, changes.read(text)[1] or ())
            found += some[within + 1 :] if at == place else some
            if len(found) >= most:
                break
        return found

    def _keep(self, id: str, text: bytes | str, found: Sequence[Change]) -> None:
        self._last += 1
        self._kept[self._last] = (id, text, len(found))
        self._places[id] = self._last
        self._held += len(found)
        self._newest = found[-1].number, found[-1].cursor
        while self._held > self._most and self._first < self._last:
            id, _, held = self._kept.pop(self._first)
            del self._places[id]
            self._held -= held
            self._first += 1

    def _hand_on(self, told: Sequence[Change]) -> None:
        if told:
            for listener in tuple(self._listeners):
                listener(told)


class LocalNews:
    """News of the one process that writes."""

    def __init__(self, most: int = HISTORY) -> None:
        self.history = History(most)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ids = ids_of_messages()

    @property
    def trouble(self) -> str | None:
        """Say why changes are not heard of now; None when they are."""
        return None if self._loop else "the server has not started"

    def begin(self, connection: Connection) -> None:
        """Forget what a transaction that failed has left."""
        changes.taken(connection)

    def announce(self, connection: Connection) -> Sequence[bytes]:
        """Return what tells of the transaction."""
        noted = changes.taken(connection)
        return changes.messages(noted, self._ids) if noted and self._loop else ()

    def publish(self, messages: Sequence[bytes]) -> None:
        """Tell what is committed now."""
        loop = self._loop
        if messages and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.history.take, messages)

    async def open(self) -> None:
        """Begin to listen, on the running event loop."""
        self._loop = asyncio.get_running_loop()

    async def aclose(self) -> None:
        """Listen no more."""
        self._loop = None


def ids_of_messages() -> Iterator[str]:
    """Yield ids for the messages of a process, which no other has."""
    origin = uuid4().hex[:12]
    for number in count(1):
        yield f"{origin}-{number}"
