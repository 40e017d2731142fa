"""Where lines go: a file, packed as its name says, or standard output."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID

import orjson

from db.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from db.exporting import Place
from db.values import moment_of
from graph.packing import PACK, BrokenFileError, packing_of_name, pieces

STANDARD = "-"

_MEMBER = 4 << 20
"""Bytes of text that are packed together."""
_RUN = b'{"id":'
"""How the line of a run begins; a line break stands nowhere but between lines."""


class FileOutput:
    """A file that is written to its end, in members of whole lines; `after`: what it holds."""

    def __init__(self, path: Path, file: BinaryIO, after: Place | None = None) -> None:
        self.after = after
        self._file = file
        self._pack = PACK[packing_of_name(path.name)]
        self._held: list[bytes] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):
            self.flush()
        if self._file is not sys.stdout.buffer:
            self._file.close()

    def write(self, line: bytes) -> None:
        """Take a line."""
        self._held.append(line)
        self._size += len(line)
        if self._size >= _MEMBER:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a member of the file."""
        if self._held:
            held, self._held, self._size = b"".join(self._held), [], 0
            self._file.write(self._pack(held))
        self._file.flush()


def open_output(name: str, *, resume: bool) -> FileOutput:
    """Return the output of a name; with `resume` the file is there and is gone on with.

    Raises StoreError.
    """
    if name == STANDARD:
        if resume:
            raise InvalidError("--resume goes on with a file; standard output is none")
        return FileOutput(Path(), sys.stdout.buffer)
    path = Path(name)
    try:
        return _gone_on(path) if resume else FileOutput(path, path.open("xb"))
    except FileExistsError:
        raise ConflictError(
            f"{path} is there already; --resume goes on with it, or name a new file"
        ) from None
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}" if resume else f"no folder for {path}") from None
    except OSError as error:
        raise UnavailableError(f"can not write {path}: {error}") from error


def _gone_on(path: Path) -> FileOutput:
    """Cut off what is not whole at the end of a file; go on after its last run."""
    found, packing = _Found(), packing_of_name(path.name)
    file = path.open("r+b")
    try:
        for text, end in pieces(file, packing):
            found.take(text, end, is_plain=not packing)
    except BrokenFileError:
        pass  # it was cut short, which is why it is gone on with
    try:
        file.truncate(found.end)
        file.seek(found.end)
        return FileOutput(path, file, found.place(path))
    except BaseException:
        file.close()
        raise


class _Found:
    """The last run of the members that are whole; `end` is where they, or whole lines, end."""

    def __init__(self) -> None:
        self.end = 0
        self._last = self._newest = b""
        self._rest: list[bytes] = []

    def take(self, text: bytes, end: int | None, *, is_plain: bool) -> None:
        """Look at the next piece of the text."""
        self._rest.append(text)
        if b"\n" in text:
            whole, _, rest = b"".join(self._rest).rpartition(b"\n")
            self._rest = [rest]
            at = whole.rfind(b"\n" + _RUN) + 1
            if whole.startswith(_RUN, at):
                self._newest = whole[at:].partition(b"\n")[0]
        if end is not None:
            self.end = end - sum(map(len, self._rest)) if is_plain else end
            self._last = self._newest

    def place(self, path: Path) -> Place | None:
        """Return where the last run stands. Raises InvalidError."""
        if not self._last:
            return None
        try:
            told = orjson.loads(self._last)
            return Place(moment_of(told["start_time"]), UUID(told["id"]))
        except (ValueError, KeyError, TypeError):
            raise InvalidError(f"{path} does not end as an export does") from None
