"""Files to import, and standard input: what they are is told by how they begin."""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast
from uuid import UUID

from db.errors import InvalidError, NotFoundError
from db.importing import Mark
from graph.packing import MAGIC_BYTES, lines, packing_of, packing_of_name, pieces

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STANDARD = "-"
PARQUET = b"PAR1"
LONGEST_LINE = 512 << 20
"""Bytes of a line; a longer one is refused, without being held."""

_HEAD = 64 << 10
_KIB = 1 << 10


class Entry(NamedTuple):
    """A line, or a row as JSON by column; None: too long. `end`: bytes of text with it."""

    number: int
    end: int
    content: bytes | Mapping[str, bytes] | None


@dataclass(frozen=True, slots=True)
class Source:
    """An open file. `id` tells it from others, and from itself changed; standard input has none.

    `entries` gives what stands after a mark. `size` is what there is to read, in units, as far as
    that is known, `position` how much of it was read.
    """

    name: str
    id: UUID | None
    unit: str
    size: int | None
    entries: Callable[[Mark], Iterator[Entry]]
    position: Callable[[Mark], int]


def check(names: Sequence[str]) -> None:
    """Raise NotFoundError for a file that can not be read, InvalidError for one named twice."""
    for name in names:
        if name != STANDARD and not (Path(name).is_file() or Path(name).is_fifo()):
            raise NotFoundError(f"there is no file {name}")
        if names.count(name) > 1:
            raise InvalidError(f"{name} is named twice")


@contextmanager
def opened(name: str) -> Generator[Source]:
    """Open a file. Raises StoreError and OSError."""
    if name == STANDARD:
        with _source("standard input", sys.stdin.buffer, None) as source:
            yield source
        return
    with Path(name).open("rb") as file:
        stat = os.fstat(file.fileno()) if file.seekable() else None
        with _source(name, file, stat) as source:
            yield source


@contextmanager
def _source(name: str, file: BinaryIO, stat: os.stat_result | None) -> Generator[Source]:
    head = file.read(_HEAD if stat else MAGIC_BYTES)
    id = _identity(head, stat) if stat else None
    if head.startswith(PARQUET):
        with _seekable(head, file, stat) as whole:
            yield _rows(name, whole, id)
        return
    packing = packing_of(head)
    wanted = packing_of_name(name)
    if head and wanted and wanted != packing:
        raise InvalidError(f"{name} is named {wanted}, but is not packed so")
    if stat:
        file.seek(0)
    else:
        file = cast("BinaryIO", io.BufferedReader(_Rejoined(head, file)))

    def entries(mark: Mark) -> Iterator[Entry]:
        return _lines(file, packing, mark, can_seek=stat is not None)

    def position(mark: Mark) -> int:
        return (file.tell() if stat else mark.bytes) // _KIB

    size = stat.st_size // _KIB if stat else None
    yield Source(name, id, "KiB", size, entries, position)


def _rows(name: str, file: BinaryIO, id: UUID | None) -> Source:
    try:
        from graph.importing import parquet  # noqa: PLC0415 - pyarrow is an extra
    except ModuleNotFoundError:
        message = f"{name} is Parquet, which wants pyarrow: pip install 'rungraph[parquet]'"
        raise InvalidError(message) from None
    rows = parquet.Rows(file, name)

    def entries(mark: Mark) -> Iterator[Entry]:
        for number, row in rows.after(mark.lines):
            yield Entry(number, 0, row)

    return Source(name, id, "rows", rows.size, entries, lambda mark: mark.lines)


def _lines(file: BinaryIO, packing: str, mark: Mark, *, can_seek: bool) -> Iterator[Entry]:
    left = mark.bytes
    if can_seek and not packing:
        file.seek(left)
        left = 0
    end = mark.bytes
    texts = _after(left, (piece.text for piece in pieces(file, packing)))
    for number, line in enumerate(lines(texts, LONGEST_LINE), mark.lines + 1):
        end += line.size
        yield Entry(number, end, line.content)


def _after(left: int, texts: Iterator[bytes]) -> Iterator[bytes]:
    """Give text without so many bytes at its beginning."""
    for text in texts:
        if left < len(text):
            yield text[left:] if left else text
        left = max(left - len(text), 0)


def _identity(head: bytes, stat: os.stat_result) -> UUID:
    told = f"{stat.st_size} {stat.st_mtime_ns}\n".encode() + head
    return UUID(bytes=blake2b(told, digest_size=16).digest())


class _Rejoined(io.RawIOBase):
    """A stream of which the beginning was read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        with memoryview(buffer) as place:
            some = self._head[: len(place)] or self._rest.read(len(place))
            self._head = self._head[len(place) :]
            place[: len(some)] = some
            return len(some)


@contextmanager
def _seekable(head: bytes, file: BinaryIO, stat: os.stat_result | None) -> Generator[BinaryIO]:
    """Give a file, or the copy of a stream: Parquet is read from its end."""
    if stat:
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        copy.write(head)
        shutil.copyfileobj(file, copy)
        yield cast("BinaryIO", copy)
