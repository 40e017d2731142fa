"""Compressing answers: fast levels, because the network they travel is mostly near."""

import zlib
from collections.abc import Callable
from typing import Any, Protocol, cast

import brotli  # pyright: ignore[reportMissingTypeStubs]
import zstandard

from graph.http.negotiation import Coding

WORTH_IT = 1024
"""Bytes below which an answer fits into one packet anyway."""

_ZSTD_LEVEL = 1
_BROTLI_QUALITY = 1
_GZIP_LEVEL = 1
_GZIP_WINDOW = 31


class Compressor(Protocol):
    """Compresses one answer, piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is ready, maybe nothing yet."""
        ...

    def flush(self) -> bytes:
        """Return the rest."""
        ...


class _Brotli:
    """Google's compressor under the names that the others have."""

    def __init__(self) -> None:
        compressor = cast("Any", brotli).Compressor(quality=_BROTLI_QUALITY)
        self.compress: Callable[[bytes], bytes] = compressor.process
        self.flush: Callable[[], bytes] = compressor.finish


COMPRESSORS: dict[Coding, Callable[[], Compressor]] = {
    Coding.ZSTD: lambda: zstandard.ZstdCompressor(_ZSTD_LEVEL).compressobj(),
    Coding.BR: _Brotli,
    Coding.GZIP: lambda: zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW),
}
