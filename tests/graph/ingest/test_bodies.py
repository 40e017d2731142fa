"""Bodies are decompressed within bounds, whatever they claim to be."""

import gzip
import zlib

import pytest
import zstandard

from graph.ingest.bodies import IngestLimits, decoded
from graph.ingest.problems import BodyProblem

LIMITS = IngestLimits(max_bytes=100_000)
SENT = b'{"a": 1}' * 1000


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # the same in every process, as it names the test


def zstd(content: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(content)


def zstd_stream(content: bytes) -> bytes:
    stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return stream.compress(content) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("", SENT),
        ("identity", SENT),
        ("gzip", gzipped(SENT)),
        (" GZIP", gzipped(SENT[:100]) + gzipped(SENT[100:])),
        ("zstd", zstd(SENT)),
        ("zstd", zstd_stream(SENT)),
        ("zstd", zstd(SENT[:100]) + zstd_stream(SENT[100:])),
    ],
)
def test_every_encoding_gives_the_body(encoding, sent):
    assert decoded(sent, encoding, LIMITS) == SENT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_an_empty_body_is_empty(encoding):
    assert decoded(b"", encoding, LIMITS) == b""


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", gzipped(bytes(10**8))),
        ("zstd", zstd(bytes(10**8))),
        ("zstd", zstd_stream(bytes(10**8)) * 50),
        ("", bytes(100_001)),
    ],
)
def test_a_bomb_stops_at_the_limit(encoding, sent):
    with pytest.raises(
        BodyProblem, match=r"100000 bytes allowed .*RUNGRAPH_INGEST_MAX_BYTES"
    ) as it:
        decoded(sent, encoding, LIMITS)
    assert it.value.status == 413


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", b"no gzip"),
        ("gzip", gzipped(SENT)[:-9]),
        ("gzip", gzipped(SENT)[:-1] + b"x"),
        ("gzip", gzipped(SENT) + b"rubbish"),
        ("gzip", zlib.compress(SENT)),
        ("zstd", b"no zstd"),
        ("zstd", zstd(SENT)[:-2]),
        ("zstd", zstd(SENT, write_checksum=True)[:-1] + b"x"),
        ("zstd", zstd(SENT) + b"rubbish"),
        ("zstd", zstandard.ZstdCompressor().compress(SENT)[:4]),
    ],
)
def test_a_broken_body_is_refused(encoding, sent):
    with pytest.raises(BodyProblem, match=f"the {encoding} body is broken") as problem:
        decoded(sent, encoding, LIMITS)
    assert problem.value.status == 422


def test_a_window_beyond_what_http_allows_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    with pytest.raises(BodyProblem, match="the zstd body is broken"):
        decoded(stream.compress(bytes(2**20)) + stream.flush(), "zstd", LIMITS)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd"])
def test_an_unknown_encoding_is_refused_with_those_that_are_known(encoding):
    with pytest.raises(BodyProblem, match="allowed: identity, gzip, x-gzip, zstd") as problem:
        decoded(SENT, encoding, LIMITS)
    assert problem.value.status == 415
