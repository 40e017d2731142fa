"""The export itself: pages of runs to lines, then what belongs to no run."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from db import exporting
from db.errors import ConflictError, NotFoundError
from db.exporting import Key, Stored
from db.files import StoredFile, find_one, pieces, whole
from db.filters import EVERYTHING, Where
from db.store import Store
from graph.exporting.lines import Beside, loose_line, part_line, run_line
from graph.exporting.outputs import FileOutput

_PAGE = 500
_FEWEST = 8
_LARGE = 4 << 20
"""Bytes of a file that goes in lines of its own, a piece in each, before that of its run."""
_ENOUGH = 8 << 20
"""Bytes of lines that are made of one read; after more, the next is of fewer runs."""


@dataclass(slots=True)
class Exported:
    """How much was written."""

    runs: int = 0
    feedback: int = 0
    files: int = 0
    lost: list[str] = field(default_factory=list[str])
    """Why files could not be written whose bytes are nowhere, or became others meanwhile."""


async def export(
    store: Store, where: Where, output: FileOutput, told: Callable[[int], None]
) -> Exported:
    """Write runs, after those that are in the output; `told` hears how many at a time.

    With no condition what belongs to no run is written too: projects without runs, feedback on
    projects, and what waits for runs that never came.
    """
    exporter = _Exporter(store, output)
    await exporter.runs(where, told)
    if where == EVERYTHING:
        await exporter.loose()
    output.flush()
    return exporter.done


class _Some(NamedTuple):
    """Some runs, with what belongs to them by run."""

    runs: Sequence[Stored]
    feedback: Mapping[Key, Sequence[Stored]]
    files: Mapping[Key, Sequence[Stored]]


class _Exporter:
    def __init__(self, store: Store, output: FileOutput) -> None:
        self.done = Exported()
        self._store = store
        self._output = output
        self._size = _PAGE
        self._projects: Mapping[UUID, Stored] = {}
        self._told: set[UUID] = set()

    async def runs(self, where: Where, told: Callable[[int], None]) -> None:
        """Write the runs that pass."""
        place = self._output.after
        while True:
            page = await exporting.page(self._store, where, place, _PAGE)
            if page.place is None:
                return
            place, left = page.place, list(page.keys)
            while left:
                some, left = left[: self._size], left[self._size :]
                await self._write(await self._store.read_with(_some, some))
                told(len(some))

    async def _write(self, some: _Some) -> None:
        if any(run["session_id"] not in self._projects for run in some.runs):
            self._projects = await self._store.read_with(exporting.projects)
        size = 0
        for run in some.runs:
            project = self._projects.get(run["session_id"])
            key = run["trace_id"], run["id"]
            beside = await self._beside(
                some.feedback.get(key, ()), some.files.get(key, ()), self._untold(project)
            )
            line = run_line(run, project["name"] if project else None, beside)
            self._output.write(line)
            size += len(line)
        self.done.runs += len(some.runs)
        if size > _ENOUGH:
            self._size = max(_FEWEST, self._size // 2)
        elif size < _ENOUGH // 4:
            self._size = min(_PAGE, self._size * 2)

    def _untold(self, project: Stored | None) -> Stored | None:
        """Return a project that is in no line yet."""
        if project is None or project["id"] in self._told:
            return None
        self._told.add(project["id"])
        return project

    async def _beside(
        self,
        feedback: Sequence[Stored] = (),
        files: Sequence[Stored] = (),
        project: Stored | None = None,
    ) -> Beside:
        found: list[tuple[Stored, bytes]] = []
        for file in files:
            place = file["trace_id"], file["run_id"], file["name"]
            stored = await self._store.read_with(find_one, *place)
            if stored is None:
                continue
            try:
                if stored.size > _LARGE:
                    await self._write_parts(stored)
                else:
                    found.append((file, await whole(self._store, stored)))
                self.done.files += 1
            except (NotFoundError, ConflictError) as problem:
                self.done.lost.append(f"{stored.name!r} of run {stored.run_id}: {problem}")
        self.done.feedback += len(feedback)
        return Beside(feedback, found, project)

    async def _write_parts(self, file: StoredFile) -> None:
        part, left = 1, file.size
        async for piece in pieces(self._store, file):
            left -= len(piece)
            self._output.write(part_line(file, piece, part, is_last=not left))
            part += 1

    async def loose(self) -> None:
        """Write what belongs to no run."""
        for project in (await self._store.read_with(exporting.projects)).values():
            if self._untold(project):
                self._output.write(loose_line(Beside(project=project)))
        async for each in self._pages(exporting.loose_judgements, ("trace_id", "id")):
            self._output.write(loose_line(await self._beside(feedback=[each])))
        async for each in self._pages(exporting.loose_files, ("trace_id", "run_id", "name")):
            beside = await self._beside(files=[each])
            if beside.files:
                self._output.write(loose_line(beside))

    async def _pages(self, read: Any, key: Sequence[str]) -> AsyncGenerator[Stored]:
        after: Any = None
        while rows := await self._store.read_with(read, after, _PAGE):
            for row in rows:
                yield row
            after = tuple(rows[-1][name] for name in key)


def _some(connection: Any, keys: Sequence[Key]) -> _Some:
    return _Some(
        exporting.whole(connection, keys),
        exporting.judgements(connection, keys),
        exporting.files(connection, keys),
    )
