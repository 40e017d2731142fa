"""Live runs: who watches what, and telling each of them.

Changes come from the store's news, on the event loop. Those who watch with equal filters are a
group: a batch of changes is looked at once for all of them. Of a group, those who ask for the same
fields share the answers' bytes. A group works by itself and only while something waits for it, so
that neither a slow filter nor a slow reader is felt by others, or by those who write. What waits
is bounded everywhere; what is too much is thrown away, and who misses it is told to read again.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from db.changes import Change, ChangeKind
from db.errors import BusyError, UnavailableError
from db.filters import Where
from db.news import History, News
from db.watched import MOST_AT_ONCE, Facts, RunChange, Watched, facts_of, found
from graph.auth import LOCAL, Viewer
from graph.context import Context
from graph.settings import SETTINGS, Settings

log = logging.getLogger(__name__)

MOST_BYTES = 4 * 1024 * 1024
"""Characters that may wait for one watcher, beyond the one answer that is larger than this."""

_AT_ONCE = 4
"""Groups that ask the store at a time: queries want connections as well."""


class Shown(Protocol):
    """The fields that are asked of each event; equal ones share their answers."""

    shows_runs: bool

    @property
    def key(self) -> Hashable:
        """What is equal of equal ones."""
        ...

    async def show(self, context: Context, changes: Sequence[RunChange]) -> list[str]:
        """Return the answer to each change, as JSON text."""
        ...


class EndedError(Exception):
    """A watcher can not go on; what was raised, or nothing where the server stops."""

    def __init__(self, cause: Exception | None) -> None:
        super().__init__(str(cause or "the server stops"))
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Reload:
    """Stands in a queue for what is not in it; events after `cursor` come next."""

    cursor: str


class Watcher:
    """One subscription: what waits to be sent to it."""

    def __init__(
        self, group: "_Group", shown: Shown, watched: Watched, most: int, place: tuple[int, str]
    ) -> None:
        self._group = group
        self.shown = shown
        self._left = watched.first
        self._most = most
        self._until, self._cursor = place
        self._from: int | None = self._until
        self._waiting: deque[str | _Reload] = deque()
        self._length = 0
        self._something = asyncio.Event()
        self._ended: EndedError | None = None
        if watched.after is not None:
            self._from = group.history.number_of(watched.after)

    def offer(self, number: int, cursor: str, text: str) -> None:
        """Put an answer in the queue; throw all of them away if it is too long."""
        if number <= self._until:
            return  # it is among those that the watcher catches up with
        self._cursor = cursor
        full = len(self._waiting) >= self._most or self._length + len(text) > MOST_BYTES
        if full and self._waiting:
            self.reload(cursor)
            return
        self._waiting.append(text)
        self._length += len(text)
        self._something.set()

    def reload(self, cursor: str) -> None:
        """Throw away what waits; have the watcher told to read again."""
        self._waiting.clear()
        self._length = 0
        self._waiting.append(_Reload(cursor))
        self._something.set()

    def end(self, cause: Exception | None) -> None:
        """Let the watcher end: once it has what waits, if there was a failure; else at once."""
        self._ended = EndedError(cause)
        self._something.set()

    async def next(self) -> Sequence[str]:
        """Return the next answers, one or more; none when all that were asked for have been.

        Raises EndedError where there will be no more.
        """
        if self._left == 0:
            return ()
        texts = await self._next()
        if self._left is not None:
            texts = texts[: self._left]
            self._left -= len(texts)
        return texts

    async def _next(self) -> Sequence[str]:
        while True:
            if self._ended is not None and (self._ended.cause is None or not self._waiting):
                raise self._ended
            if self._from != self._until:
                texts = await self._catch_up()
                if texts:
                    return texts
            elif self._waiting:
                return await self._take()
            else:
                self._something.clear()
                await self._something.wait()

    async def _catch_up(self) -> Sequence[str]:
        """Return some of what came after the cursor it was given."""
        number = self._from
        some = None if number is None else self._group.history.after(number, MOST_AT_ONCE)
        if some is None:
            self._from = self._until
            return await self._group.show(self.shown, [_reload(self._cursor)])
        some = [each for each in some[:MOST_AT_ONCE] if each.number <= self._until]
        self._from = some[-1].number if some else self._until
        return [text for _, text in await self._group.answers(self.shown, some)]

    async def _take(self) -> Sequence[str]:
        """Return what waits, up to what is thrown away."""
        if isinstance(self._waiting[0], _Reload):
            reload = self._waiting[0]
            self._waiting.popleft()
            return await self._group.show(self.shown, [_reload(reload.cursor)])
        texts: list[str] = []
        while self._waiting and not isinstance(text := self._waiting[0], _Reload):
            texts.append(text)
            self._waiting.popleft()
        self._length = 0
        return texts


@dataclass(eq=False)
class _Group:
    """Those who watch with equal filters, and may see the same."""

    where: Where
    viewer: Viewer
    facts: Facts
    history: History
    begin: Callable[[], Context]
    turns: asyncio.Semaphore
    most: int
    watchers: dict[Hashable, list[Watcher]] = field(default_factory=dict[Hashable, list[Watcher]])
    pending: deque[Change] = field(default_factory=deque[Change])
    task: asyncio.Task[None] | None = None

    def take(self, change: Change) -> None:
        """Be told of a change that the facts allow."""
        self.pending.append(change)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._work())

    def everybody(self) -> list[Watcher]:
        """Return all watchers."""
        return [each for some in self.watchers.values() for each in some]

    def reload(self, cursor: str) -> None:
        """Have all told to read again."""
        self.pending.clear()
        for watcher in self.everybody():
            watcher.reload(cursor)

    async def answers(self, shown: Shown, changes: Sequence[Change]) -> list[tuple[Change, str]]:
        """Return those of some changes that pass the filter, with their answers."""
        some = [each for each in changes if self.facts.allow(each)]
        if not some:
            return []
        async with self.turns:
            context = self.begin()
            try:
                passed = await self._passed(context, some, shows_runs=shown.shows_runs)
                texts = await shown.show(context, [row for _, row in passed])
            finally:
                await context.close()
        return [(change, text) for (change, _), text in zip(passed, texts, strict=True)]

    async def show(self, shown: Shown, changes: Sequence[RunChange]) -> list[str]:
        """Return the answers to what needs no filter."""
        context = self.begin()
        try:
            return await shown.show(context, changes)
        finally:
            await context.close()

    async def _work(self) -> None:
        """Tell everybody what is pending, until nothing is."""
        try:
            while self.pending and self.watchers:
                if len(self.pending) > self.most:
                    self.reload(self.pending[-1].cursor)
                    break
                size = min(MOST_AT_ONCE, len(self.pending))
                batch = [self.pending.popleft() for _ in range(size)]
                async with self.turns:
                    await self._tell(batch)
        except Exception as error:  # noqa: BLE001 - it is the watchers' to hear
            self.pending.clear()
            for watcher in self.everybody():
                watcher.end(error)
        finally:
            self.task = None

    async def _tell(self, batch: Sequence[Change]) -> None:
        context = self.begin()
        try:
            shows_runs = any(some[0].shown.shows_runs for some in self.watchers.values())
            passed = await self._passed(context, batch, shows_runs=shows_runs)
            for shown in [some[0].shown for some in self.watchers.values()] if passed else ():
                texts = await shown.show(context, [row for _, row in passed])
                for watcher in self.watchers.get(shown.key, ()):
                    for (change, _), text in zip(passed, texts, strict=True):
                        watcher.offer(change.number, change.cursor, text)
        finally:
            await context.close()

    async def _passed(
        self, context: Context, changes: Sequence[Change], *, shows_runs: bool
    ) -> list[tuple[Change, RunChange]]:
        """Return the changes that pass the filter; a run that is gone passes none but by facts."""
        settled = not shows_runs and all(map(self.facts.settle, changes))
        asked = [] if settled else [c for c in changes if c.kind is not ChangeKind.DELETED]
        rows = await found(context.reading, self.where, asked) if asked else {}
        return [
            (each, RunChange(each.cursor, each.kind.value, _dashed(each.id), rows.get(each.id)))
            for each in changes
            if settled or each.kind is ChangeKind.DELETED or each.id in rows
        ]


class Live:
    """Everybody who watches, and the news they are told of."""

    def __init__(self, news: News, settings: Settings, begin: Callable[[Viewer], Context]) -> None:
        self._news = news
        self._settings = settings
        self._begin = begin
        self._groups: dict[Hashable, _Group] = {}
        self._led: dict[tuple[str, str], dict[_Group, None]] = defaultdict(dict)
        self._others: dict[_Group, None] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._count = 0
        self._closed = False
        self._silence = news.history.listen(self._hear)

    @property
    def count(self) -> int:
        """How many subscriptions there are."""
        return self._count

    @asynccontextmanager
    async def watching(
        self, watched: Watched, shown: Shown, viewer: Viewer = LOCAL
    ) -> AsyncGenerator[Watcher]:
        """Let somebody watch while the context is open; the filter is within their reach.

        Raises InvalidError for a cursor that is none, BusyError where too many watch already and
        UnavailableError where changes are not heard of.
        """
        if self._closed or self._news.trouble is not None:
            msg = f"no news of runs now: {self._news.trouble or 'the server stops'}"
            raise UnavailableError(msg)
        if self._count >= self._settings.subscriptions:
            name = SETTINGS["subscriptions"].variable
            msg = f"{self._count} subscriptions are open; no more are taken (setting {name})"
            raise BusyError(msg)
        group = self._group_of(watched.where, viewer)
        most, history = self._settings.subscription_queue, self._news.history
        watcher = Watcher(group, shown, watched, most, history.newest)
        group.watchers.setdefault(shown.key, []).append(watcher)
        self._join(group)
        self._count += 1
        try:
            yield watcher
        finally:
            self._count -= 1
            self._leave(group, watcher)

    def close(self) -> None:
        """End all subscriptions, and take no more."""
        self._closed = True
        self._silence()
        for group in self._groups.values():
            for watcher in group.everybody():
                watcher.end(None)

    def _hear(self, changes: Sequence[Change]) -> None:
        """Tell groups of changes that they may want; of none when some were missed."""
        if not changes:
            _, cursor = self._news.history.newest
            for group in self._groups.values():
                group.reload(cursor)
            return
        for change in changes:
            for group in self._wanting(change):
                if group.facts.allow(change):
                    group.take(change)

    def _wanting(self, change: Change) -> list[_Group]:
        found = list(self._others)
        for name in ("id", "trace_id", "session_id"):
            found += self._led.get((name, getattr(change, name)), ())
        return found

    def _group_of(self, where: Where, viewer: Viewer) -> _Group:
        group = self._groups.get((where, viewer))
        if group is None:
            history, most = self._news.history, self._settings.subscription_history
            begin = partial(self._begin, viewer)
            group = _Group(where, viewer, facts_of(where), history, begin, self._turns, most)
        return group

    def _join(self, group: _Group) -> None:
        if (group.where, group.viewer) not in self._groups:
            self._groups[group.where, group.viewer] = group
            for lead in group.facts.leads:
                self._led[lead][group] = None
            if not group.facts.leads:
                self._others[group] = None

    def _leave(self, group: _Group, watcher: Watcher) -> None:
        alike = group.watchers[watcher.shown.key]
        alike.remove(watcher)
        if alike:
            return
        del group.watchers[watcher.shown.key]
        if group.watchers:
            return
        del self._groups[group.where, group.viewer]
        self._others.pop(group, None)
        for lead in group.facts.leads:
            del self._led[lead][group]
            if not self._led[lead]:
                del self._led[lead]
        if group.task is not None:
            group.task.cancel()


def _reload(cursor: str) -> RunChange:
    return RunChange(cursor, ChangeKind.RELOAD.value, None, None)


def _dashed(id: str) -> str:
    return f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
