"""Reads request bodies and decompresses them, never beyond what the limits allow."""

import asyncio
import zlib
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass

import zstandard
from starlette.requests import ClientDisconnect, Request

from graph.ingest.problems import BodyProblem, shown

SETTING = "RUNGRAPH_INGEST_MAX_BYTES"
SPEED_SETTING = "RUNGRAPH_BODY_SECONDS"
LARGEST_ZSTD_WINDOW = 8 * 2**20
"""What RFC 9659 allows a Content-Encoding of zstd."""

_MIB = 2**20
_UNSUSPICIOUS = 4 * _MIB
_USUAL_GROWTH = 40
"""How many times its size a compressed body of runs may have."""

_ZSTD_STEP = 1024
"""Encoded bytes at a time: a block of 128 KB takes at least 4 bytes, so one step gives 32 MB."""
_SMALLEST_STEP = 32
"""Where a body has begun to grow like that: one step gives 1 MB."""


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """How much one request may bring, in bytes, before and after decompression, and how fast.

    A body may take `seconds` for each MiB it has, begun ones too.
    """

    max_bytes: int = 50 * 2**20
    seconds: float = 10
    file_bytes: int = 2**30
    """Of large files that are streamed to where files go, beside what else the request brings."""


async def read(request: Request, limits: IngestLimits) -> bytes:
    """Return the body as it was sent; raise BodyProblem as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_bytes:
        raise _too_large(f"of {declared} bytes", limits.max_bytes)
    chunks: list[bytes] = []
    size = 0
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(limits.seconds) as patience:
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.max_bytes:
                    raise _too_large("as sent", limits.max_bytes)
                chunks.append(chunk)
                patience.reschedule(began + limits.seconds * (1 + size // _MIB))
    except TimeoutError:
        raise too_slow(size, limits.seconds) from None
    except ClientDisconnect:
        raise BodyProblem(400, "DISCONNECTED", "the client left before the body's end") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def read_plain(request: Request, limits: IngestLimits) -> bytes:
    """Return a small body, decompressed."""
    encoding = request.headers.get("content-encoding", "")
    return decoded(await read(request, limits), encoding, limits)


def decoded(sent: bytes, encoding: str, limits: IngestLimits) -> bytes:
    """Return a body without its Content-Encoding; raise BodyProblem if broken or too large."""
    decoder = DECODERS.get(encoding.strip().lower())
    if decoder is None:
        allowed = ", ".join(filter(None, DECODERS))
        given = f"Content-Encoding is {shown(encoding)}; allowed: {allowed}"
        raise BodyProblem(415, "UNSUPPORTED_ENCODING", given)
    return decoder(sent, limits.max_bytes)


def _identity(sent: bytes, limit: int) -> bytes:
    if len(sent) > limit:
        raise _too_large("as sent", limit)
    return sent


def _gunzip(sent: bytes, limit: int) -> bytes:
    return _put_together(_gunzipped, sent, limit)


def _gunzipped(sent: bytes) -> Generator[bytes]:
    try:
        while sent:
            member = zlib.decompressobj(wbits=31)
            yield member.decompress(sent, _MIB)
            while member.unconsumed_tail:
                yield member.decompress(member.unconsumed_tail, _MIB)
            if not member.eof:
                yield member.flush()
            if not member.eof:
                raise _broken("gzip", "breaks off before its end")
            sent = member.unused_data
    except zlib.error as error:
        raise _broken("gzip", str(error)) from None


def _unzstd(sent: bytes, limit: int) -> bytes:
    return _put_together(_unzstded, sent, limit)


def _unzstded(sent: bytes) -> Generator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=LARGEST_ZSTD_WINDOW)
    frame = decompressor.decompressobj()
    at, size = 0, _SMALLEST_STEP
    try:
        while at < len(sent):
            if frame.eof:
                frame = decompressor.decompressobj()
            step = sent[at : at + size]
            piece = frame.decompress(step)
            yield piece
            at += len(step) - len(frame.unused_data)
            size = _SMALLEST_STEP if len(piece) > _MIB else min(size * 2, _ZSTD_STEP)
    except zstandard.ZstdError as error:
        raise _broken("zstd", str(error)) from None
    if sent and not frame.eof:
        raise _broken("zstd", "breaks off before its end")


def _put_together(pieces_of: Callable[[bytes], Generator[bytes]], sent: bytes, limit: int) -> bytes:
    """Return the pieces of a body as one; raise BodyProblem as soon as they are too large.

    One that grows beyond what runs are ever compressed to is gone through first without keeping
    anything, so that it takes no memory if it is a bomb.
    """
    pieces: list[bytes] = []
    size = 0
    trusted = len(sent) * _USUAL_GROWTH > limit
    growing = pieces_of(sent)
    for piece in growing:
        size += len(piece)
        if size > limit:
            raise _too_large("decompressed", limit)
        if size > _UNSUSPICIOUS and not trusted:
            pieces.clear()
            growing.close()
            del growing, piece
            _check_size(pieces_of(sent), limit)
            return b"".join(pieces_of(sent))
        pieces.append(piece)
    return b"".join(pieces)


def _check_size(pieces: Iterable[bytes], limit: int) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise _too_large("decompressed", limit)


DECODERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "zstd": _unzstd,
}


def _too_large(how: str, limit: int) -> BodyProblem:
    message = f"a body {how} is more than the {limit} bytes allowed (setting {SETTING})"
    return BodyProblem(413, "TOO_LARGE", message)


def too_slow(size: int, seconds: float) -> BodyProblem:
    """Return what is wrong with a body of which so many bytes arrived in time."""
    message = (
        f"{size} bytes arrived in time; a body may take {seconds:g} s for each MiB"
        f" (setting {SPEED_SETTING})"
    )
    return BodyProblem(408, "BODY_TOO_SLOW", message)


def _broken(encoding: str, how: str) -> BodyProblem:
    return BodyProblem(422, "INVALID_ENCODING", f"the {encoding} body is broken: {how}")
