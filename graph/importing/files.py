"""The import itself: files to batches, batches to the store, a mark for how far each file is.

While a batch is written the next is read. A mark is put only for what is stored; what stands after
it may be stored too, and is told again, which changes nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from uuid import UUID

from db.arrivals import Batch, Outcome
from db.importing import Mark, make_projects, mark_of, put_mark
from db.store import Store
from graph.importing.sources import Entry, Source
from graph.importing.told import Reader, Told
from graph.ingest.problems import ItemProblem
from graph.packing import BrokenFileError

_MOST_RUNS = 1000
_ENOUGH = 2 << 20
"""Bytes of lines that are read, and written, at once."""
_BATCHES_A_MARK = 16


@dataclass(slots=True)
class Imported:
    """What became of a file. `before` says that all of it was in already."""

    runs: int = 0
    feedback: int = 0
    files: int = 0
    waiting: int = 0
    refused: int = 0
    before: bool = False


@dataclass(slots=True)
class _Some:
    """What some lines say, and where each thing was said."""

    told: Told = field(default_factory=Told)
    labels: dict[UUID, str] = field(default_factory=dict[UUID, str])
    size: int = 0

    def add(self, told: Told, label: str, size: int) -> None:
        for mine, more in (
            (self.told.runs, told.runs),
            (self.told.feedback, told.feedback),
            (self.told.files, told.files),
            (self.told.projects, told.projects),
        ):
            mine.extend(more)  # pyright: ignore[reportArgumentType]
        self.size += size
        for id in chain((each.id for each in told.runs), (each.id for each in told.feedback)):
            self.labels.setdefault(id, label)
        for file in told.files:
            self.labels.setdefault(file.run_id, label)

    @property
    def is_full(self) -> bool:
        return self.size >= _ENOUGH or len(self.told.runs) >= _MOST_RUNS

    def batch(self) -> Batch:
        told = self.told
        return Batch(runs=told.runs, feedback=told.feedback, attachments=told.files, size=self.size)


async def mark_in(store: Store, source: Source, *, again: bool) -> Mark:
    """Return how far a file is in; `again`: it is to be brought in from its beginning."""
    if source.id is None or again:
        return Mark()
    return await store.read_with(mark_of, source.id)


class FileImport:
    """The import of one file; `advance` hears how much of it is read, `complain` of bad lines."""

    def __init__(
        self,
        store: Store,
        source: Source,
        reader: Reader,
        advance: Callable[[int], None],
        complain: Callable[[str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self.done = Imported()
        self._store, self._source, self._reader = store, source, reader
        self._advance, self._complain, self._clock = advance, complain, clock
        self._mark = Mark()
        self._position = 0
        self._writing: asyncio.Task[None] | None = None
        self._unmarked = 0

    async def run(self, mark: Mark) -> Imported:
        """Bring in what of the file stands after a mark."""
        self._mark, self._position = mark, self._source.position(mark)
        self.done.refused, self.done.before = mark.refused, mark.done
        if mark.done:
            return self.done
        try:
            await self._bring_in(mark)
        finally:
            if self._writing is not None:
                await asyncio.wait([self._writing])
        return self.done

    async def _bring_in(self, mark: Mark) -> None:
        some, broken = _Some(), False
        lines, read = mark.lines, mark.bytes
        entries = self._source.entries(mark)
        while True:
            try:
                entry = next(entries, None)
            except BrokenFileError as problem:
                self._refuse(f"{self._source.name}:{lines + 1}: {problem}")
                entry, broken = None, True
            if entry is None:
                break
            lines, read = entry.number, entry.end
            self._take(entry, some)
            if some.is_full and not self._reader.parts:
                await self._write(some, Mark(lines, read, self.done.refused))
                some = _Some()
        if parts := self._reader.parts:
            whose = f"{parts[0].name!r} of run {parts[0].run_id}"
            self._refuse(f"{self._source.name}:{lines}: attachment {whose} has no last part")
        await self._write(some, Mark(lines, read, self.done.refused, not broken))
        await self._written()
        await self._put_mark()

    def _take(self, entry: Entry, some: _Some) -> None:
        content = entry.content
        if isinstance(content, bytes) and not content.strip():
            return
        label = f"{self._source.name}:{entry.number}"
        size = 0 if content is None else sum(map(len, _texts_of(content)))
        try:
            some.add(self._reader.read(content, label), label, size)
        except ItemProblem as problem:
            self._refuse(problem.message)

    async def _write(self, some: _Some, mark: Mark) -> None:
        """Write a batch, once that before it is written; return while it is being written."""
        await self._written()
        self._writing = asyncio.create_task(self._store_some(some, mark))
        position = self._source.position(mark)
        self._advance(position - self._position)
        self._position = position
        await asyncio.sleep(0)

    async def _written(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing

    async def _store_some(self, some: _Some, mark: Mark) -> None:
        if some.told.projects:
            await self._store.write(make_projects, some.told.projects)
        told = some.told
        outcome = Outcome()
        if told.runs or told.feedback or told.files:
            outcome = await self._store.ingest(some.batch())
        for refusal in outcome.refused:
            where = some.labels.get(refusal.id) if refusal.id else None
            self._refuse(f"{where or self._source.name}: {refusal.message}")
        refused = {refusal.id for refusal in outcome.refused}
        self.done.runs += sum(run.id not in refused for run in told.runs)
        self.done.feedback += sum(each.id not in refused for each in told.feedback)
        self.done.files += sum(file.run_id not in refused for file in told.files)
        self.done.waiting += outcome.parked
        self._mark = Mark(mark.lines, mark.bytes, self.done.refused, mark.done)
        self._unmarked += 1
        if self._unmarked >= _BATCHES_A_MARK:
            await self._put_mark()

    async def _put_mark(self) -> None:
        self._unmarked = 0
        if (id := self._source.id) is not None:
            name, now = self._source.name, self._clock()
            await self._store.write(put_mark, id, name, self._mark, now)

    def _refuse(self, message: str) -> None:
        self.done.refused += 1
        self._complain(message)


def _texts_of(content: bytes | Mapping[str, bytes]) -> Collection[bytes]:
    return (content,) if isinstance(content, bytes) else content.values()
