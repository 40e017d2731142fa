"""Takes Content-Encodings off bodies while they arrive, a bounded step at a time."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import zstandard

from graph.ingest.bodies import LARGEST_ZSTD_WINDOW
from graph.ingest.problems import BodyProblem, shown

_STEP = 1 << 20
_ZSTD_STEP = 1024
"""Encoded bytes at a time: a block of 128 KiB takes at least 4, so one step gives 32 MiB."""


class Unpacking(Protocol):
    """Gives plain pieces of what is sent."""

    def some(self, sent: bytes) -> Iterator[bytes]:
        """Give what the next bytes stand for. Raises BodyProblem."""
        ...

    def end(self) -> None:
        """Say that there is no more. Raises BodyProblem where there should be."""
        ...


def unpacking(encoding: str) -> Unpacking:
    """Return what takes an encoding off. Raises BodyProblem for one that is not known."""
    make = _MAKE.get(encoding.strip().lower())
    if make is None:
        allowed = ", ".join(filter(None, _MAKE))
        given = f"Content-Encoding is {shown(encoding)}; allowed: {allowed}"
        raise BodyProblem(415, "UNSUPPORTED_ENCODING", given)
    return make()


class _Plain:
    def some(self, sent: bytes) -> Iterator[bytes]:
        yield sent

    def end(self) -> None:
        pass


class _Gzip:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    def some(self, sent: bytes) -> Iterator[bytes]:
        try:
            while sent:
                if self._member.eof:
                    self._member = zlib.decompressobj(wbits=31)
                self._begun = True
                yield self._member.decompress(sent, _STEP)
                sent = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error as error:
            raise _broken("gzip", str(error)) from None

    def end(self) -> None:
        if self._begun and not self._member.eof:
            raise _broken("gzip", "breaks off before its end")


class _Zstd:
    def __init__(self) -> None:
        self._frame = self._new()
        self._begun = False

    def _new(self) -> "zstandard.ZstdDecompressionObj":
        return zstandard.ZstdDecompressor(max_window_size=LARGEST_ZSTD_WINDOW).decompressobj()

    def some(self, sent: bytes) -> Iterator[bytes]:
        at = 0
        try:
            while at < len(sent):
                if self._frame.eof:
                    self._frame = self._new()
                self._begun = True
                step = sent[at : at + _ZSTD_STEP]
                yield self._frame.decompress(step)
                at += len(step) - len(self._frame.unused_data)
        except zstandard.ZstdError as error:
            raise _broken("zstd", str(error)) from None

    def end(self) -> None:
        if self._begun and not self._frame.eof:
            raise _broken("zstd", "breaks off before its end")


_MAKE: Mapping[str, type[_Plain] | type[_Gzip] | type[_Zstd]] = {
    "": _Plain,
    "identity": _Plain,
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "zstd": _Zstd,
}


def _broken(encoding: str, how: str) -> BodyProblem:
    return BodyProblem(422, "INVALID_ENCODING", f"the {encoding} body is broken: {how}")
