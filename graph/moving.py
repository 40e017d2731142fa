"""The commands `import` and `export`."""

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from db import exporting, language
from db.errors import StoreError
from db.filters import EVERYTHING, Where
from db.store import Store, utc_now
from graph.exporting.asked import where_of
from graph.exporting.outputs import STANDARD, FileOutput, open_output
from graph.exporting.runs import Exported
from graph.exporting.runs import export as write_runs
from graph.importing.files import FileImport, Imported, mark_in
from graph.importing.sources import check, opened
from graph.importing.told import Reader
from graph.opening import with_store
from graph.progress import Progress
from graph.settings import Settings

Advance = Callable[[int], None]

PATIENCE = 86_400.0
"""Seconds that one read may take: a filter without an index looks through everything."""

MOST_TOLD = 100
"""Bad lines of a file that are named; the others are counted."""

SOME_REFUSED = 1


class ImpossibleError(Exception):
    """An import that can not be done, or not to its end; its text says why."""

    code = 2


def import_(settings: Settings, files: Sequence[str], project: str | None, again: bool) -> int:
    """Bring runs in from files; return 1 if lines of them were refused."""
    try:
        check(files)
        return with_store(
            settings, lambda store: _import(store, files, project, again=again), patience=PATIENCE
        )
    except (StoreError, OSError) as problem:
        raise ImpossibleError(str(problem)) from problem
    except KeyboardInterrupt:
        raise ImpossibleError("stopped; the same command goes on where it was") from None


async def _import(store: Store, files: Sequence[str], project: str | None, *, again: bool) -> int:
    refused = 0
    for name in files:
        complaints = _Complaints()
        with opened(name) as source:
            mark = await mark_in(store, source, again=again)
            reader, done = Reader(utc_now(), project), source.position(mark)
            with _bar(f"importing {source.name}", source.size, source.unit, done) as advance:
                importing = FileImport(store, source, reader, advance, complaints.hear, utc_now)
                result = await importing.run(mark)
        complaints.close()
        sys.stdout.write(f"{source.name}: {_told_imported(result)}\n")
        refused += result.refused
    return SOME_REFUSED if refused else 0


class _Complaints:
    """Names bad lines on the standard error, the first so many."""

    def __init__(self) -> None:
        self._count = 0

    def hear(self, complaint: str) -> None:
        """Take a bad line."""
        self._count += 1
        if self._count <= MOST_TOLD:
            sys.stderr.write(f"rungraph: {complaint}\n")

    def close(self) -> None:
        """Tell of those that were not named."""
        if self._count > MOST_TOLD:
            sys.stderr.write(f"rungraph: and {self._count - MOST_TOLD:,} more\n")


def _told_imported(done: Imported) -> str:
    refused = f"; {done.refused:,} refused" if done.refused else ""
    if done.before:
        return f"is in already{refused}"
    waiting = f"; {done.waiting:,} wait for runs that have not come" if done.waiting else ""
    return f"{_counted(done.runs, done.feedback, done.files)} are in{waiting}{refused}"


def export(
    settings: Settings,
    file: str,
    project: Sequence[str],
    where: str | None,
    filter: str | None,  # noqa: A002 - the name of the option
    resume: bool,
) -> int:
    """Write runs to a file or to standard output.

    Return 1 if nobody reads that any more, or if files could not be written.
    """
    asked = where_of(where) if where is not None else EVERYTHING
    if filter is not None:
        asked = exporting.both(asked, language.parse(filter))

    async def whole(store: Store) -> Exported:
        of = exporting.both(await store.read_with(exporting.projects_named, project), asked)
        with open_output(file, resume=resume) as output:
            return await _export(store, of, output)

    try:
        done = with_store(settings, whole, patience=PATIENCE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python flushes it again
        return 1
    out = sys.stderr if file == STANDARD else sys.stdout
    more = " more" if resume else ""
    out.write(f"{file}: {_counted(done.runs, done.feedback, done.files)}{more}\n")
    for lost in done.lost:
        sys.stderr.write(f"rungraph: left out: {lost}\n")
    return 1 if done.lost else 0


async def _export(store: Store, where: Where, output: FileOutput) -> Exported:
    total = None
    if sys.stderr.isatty() and output.after is None:
        total = await exporting.count(store, where)
    with _bar("exporting", total, "runs") as advance:
        return await write_runs(store, where, output, advance)


@contextmanager
def _bar(name: str, total: int | None, unit: str, done: int = 0) -> Generator[Advance]:
    """Show how far it is, if there is somebody to see it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with Progress(name, total, unit, done=done) as progress:
        yield progress.advance


def _counted(runs: int, feedback: int, files: int) -> str:
    return f"{runs:,} runs, {feedback:,} judgements, {files:,} files"
