"""Writing answers: small ones in one piece, large ones in many; compressed where that is taken."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from starlette.types import Send

from graph.http.compression import COMPRESSORS, WORTH_IT, Compressor
from graph.http.negotiation import Coding, Media
from graph.http.patrol import Patrol, Visit
from graph.unread import LEAST, Unread
from graph.writing import Extent, pieces

Header = tuple[bytes, bytes]

_PIECE = 64 * 1024
"""Bytes that are compressed without a pause for others."""
_WRITTEN = 1024 * 1024
"""Bytes that are handed to the system without one."""
_AT_ONCE = LEAST
"""Bytes up to which an answer is not worth a thought."""


class Taken(NamedTuple):
    """How a client takes its answer."""

    media: Media
    coding: Coding | None
    origin: tuple[Header, ...] = ()
    head: bool = False


@dataclass(slots=True)
class Answering:
    """Writes to one client; `vary` names the headers that its answers depend on."""

    send: Send
    taken: Taken
    patrol: Patrol
    visit: Visit
    vary: bytes
    unread: Unread

    async def json(self, text: bytes, *, status: int = 200, more: Iterable[Header] = ()) -> None:
        """Write a small answer, JSON text."""
        await self.text(text, status, [*_headers(self.taken.media, self.vary), *more])

    async def large(self, value: Any, extent: Extent) -> None:
        """Write an answer that is about so large, in pieces. Raises BusyError for one too many."""
        headers = [*_headers(self.taken.media, self.vary), *self.taken.origin]
        with self.unread.held(extent.bytes):
            await self._pieces(pieces(value, extent.few), 200, headers)

    async def text(self, text: bytes, status: int, headers: list[Header]) -> None:
        """Write a text that is there already."""
        coding = self.taken.coding
        headers += self.taken.origin
        if len(text) >= _AT_ONCE:
            if coding is None:
                headers.append((b"content-length", b"%d" % len(text)))
            with self.unread.held(len(text)):
                size = _WRITTEN if coding is None else _PIECE
                await self._pieces(_cut(text, size), status, headers)
            return
        if coding is not None and len(text) >= WORTH_IT:
            compressor = COMPRESSORS[coding]()
            text = compressor.compress(text) + compressor.flush()
            headers.append((b"content-encoding", coding.value))
        headers.append((b"content-length", b"%d" % len(text)))
        send = self.send
        self.patrol.sends(self.visit)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if self.taken.head else text})

    async def _pieces(self, parts: Iterator[bytes], status: int, headers: list[Header]) -> None:
        coding = self.taken.coding
        if coding is not None:
            headers.append((b"content-encoding", coding.value))
            parts = _compressed(parts, COMPRESSORS[coding]())
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        for at, part in enumerate(() if self.taken.head else parts):
            if at:
                await asyncio.sleep(0)  # others first: a large answer is nobody's hurry
            self.patrol.sends(self.visit)
            if part:
                await self.send({"type": "http.response.body", "body": part, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})


@lru_cache(64)
def _headers(media: Media, vary: bytes) -> tuple[Header, ...]:
    kind = media.value + b"; charset=utf-8"
    return ((b"content-type", kind), (b"cache-control", b"no-store"), (b"vary", vary))


def _cut(text: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(text), size):
        yield text[begin : begin + size]


def _compressed(parts: Iterator[bytes], compressor: Compressor) -> Iterator[bytes]:
    for part in parts:
        yield compressor.compress(part)
    yield compressor.flush()
