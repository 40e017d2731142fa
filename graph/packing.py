"""Compressed text: members in, which make a file together; pieces out, whatever it is packed with.

A file may be one member or many, end to end, as gzip and zstd allow. So it can be added to, and
what stands after its last whole member be cut off.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

import zstandard

GZIP, ZSTD = ".gz", ".zst"
_MAGIC = {b"\x1f\x8b": GZIP, b"\x28\xb5\x2f\xfd": ZSTD}
MAGIC_BYTES = 4

_READ = {"": 1 << 20, GZIP: 1 << 16, ZSTD: 1 << 12}
"""Bytes at a time; a zstd block of four bytes may become 128 KiB."""
_MOST = 1 << 20
_LARGEST_WINDOW = 1 << 31


class BrokenFileError(Exception):
    """A compressed file that is damaged, or ends too soon; its text says so."""


class Piece(NamedTuple):
    """Some text; `end` is where in the file it is whole with it, None if that goes on."""

    text: bytes
    end: int | None


PACK: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    GZIP: lambda text: gzip.compress(text, 6, mtime=0),
    ZSTD: lambda text: zstandard.ZstdCompressor().compress(text),
}
"""What makes text a member of a file."""


def packing_of_name(name: str) -> str:
    """Return what a file of this name is packed with."""
    return next((each for each in (GZIP, ZSTD) if name.lower().endswith(each)), "")


def packing_of(head: bytes) -> str:
    """Return what a file that begins so is packed with."""
    return next((each for magic, each in _MAGIC.items() if head.startswith(magic)), "")


def pieces(file: BinaryIO, packing: str) -> Iterator[Piece]:
    """Give the text of a file from here on. Raises BrokenFileError."""
    if packing == "":
        end = 0
        while text := file.read(_READ[""]):
            end += len(text)
            yield Piece(text, end)
        return
    try:
        yield from _unpacked(file, packing)
    except (zlib.error, zstandard.ZstdError) as error:
        raise BrokenFileError(f"the {packing} file is damaged: {error}") from None


def _unpacked(file: BinaryIO, packing: str) -> Iterator[Piece]:
    member = _member(packing)
    begun, end = False, 0
    while sent := file.read(_READ[packing]):
        end += len(sent)
        while sent:
            if member.eof:
                member, begun = _member(packing), False
            text, sent = member.some(sent)
            begun = True
            yield Piece(text, end - len(sent) if member.eof else None)
    if begun and not member.eof:
        raise BrokenFileError(f"the {packing} file breaks off before its end")


class _Gzip:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._member.eof

    def some(self, sent: bytes) -> tuple[bytes, bytes]:
        text = self._member.decompress(sent, _MOST)
        return text, self._member.unconsumed_tail or self._member.unused_data


class _Zstd:
    def __init__(self) -> None:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        self._member = unpacker.decompressobj()

    @property
    def eof(self) -> bool:
        return self._member.eof

    def some(self, sent: bytes) -> tuple[bytes, bytes]:
        text = self._member.decompress(sent)
        return text, self._member.unused_data if self._member.eof else b""


def _member(packing: str) -> _Gzip | _Zstd:
    return _Gzip() if packing == GZIP else _Zstd()


class Line(NamedTuple):
    """A line without its end, None if it is too long to be held; `size` is with its end."""

    content: bytes | None
    size: int


def lines(texts: Iterator[bytes], longest: int) -> Iterator[Line]:
    """Give the lines of text."""
    held: list[bytes] = []
    size = 0
    for text in texts:
        start = 0
        while (end := text.find(b"\n", start)) >= 0:
            size += end - start
            held.append(text[start:end])
            yield Line(None if size > longest else b"".join(held), size + 1)
            held.clear()
            size, start = 0, end + 1
        size += len(text) - start
        held.append(text[start:])
        if size > longest:
            held.clear()
    if size:
        yield Line(None if size > longest else b"".join(held), size)
