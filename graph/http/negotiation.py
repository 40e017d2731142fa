"""What a client sends and takes: media types and codings, by its headers (RFC 9110, 12.5).

Headers repeat from request to request, so what was made of one is kept by its bytes.
"""

from enum import Enum
from functools import lru_cache

_KEPT = 256
JSON = b"application/json"
GRAPHQL = b"application/graphql-response+json"
EVENTS = b"text/event-stream"
HTML = b"text/html"


class Media(Enum):
    """A form of answer."""

    JSON = JSON
    GRAPHQL = GRAPHQL
    EVENTS = EVENTS
    HTML = HTML

    __hash__ = object.__hash__  # Enum's own is Python, and headers are looked up by it


class Coding(Enum):
    """How an answer may be compressed; the first that is liked best is taken.

    Not zstd where another will do: a fetch of Node's tools lists it and can not read it on Node 20.
    """

    GZIP = b"gzip"
    BR = b"br"
    ZSTD = b"zstd"


@lru_cache(_KEPT)
def sends_json(content_type: bytes) -> bool:
    """Say whether a body is JSON in UTF-8 by its Content-Type."""
    kind, *parameters = content_type.lower().split(b";")
    if kind.strip() != JSON:
        return False
    charsets = [p.partition(b"=")[2] for p in map(bytes.strip, parameters) if p[:8] == b"charset="]
    return all(charset.strip(b'"') in {b"utf-8", b"utf8"} for charset in charsets)


@lru_cache(_KEPT)
def media_of(accept: bytes, *, page: bool = False) -> Media | None:
    """Return the form of answer that a client likes best; None where it takes none of ours.

    A client that names none gets JSON, and so does one that takes JSON beside event streams: some
    list those always. `page` says that a page could be had, for those who rather take HTML.
    """
    if not accept.strip():
        return Media.JSON
    likes = _likes(accept)
    choices = (Media.GRAPHQL, Media.JSON, *((Media.HTML,) if page else ()))
    liked = {media: _quality(media.value, likes) for media in choices}
    if page and likes.get(HTML, 0) > 0 and likes[HTML] >= max(liked.values()):
        return Media.HTML
    if liked[Media.GRAPHQL] > 0 and GRAPHQL not in likes and liked[Media.JSON] > 0:
        liked[Media.GRAPHQL] = 0  # taken, but not asked for by name
    best = max(choices, key=lambda media: liked[media])
    if liked[best] > 0:
        return best
    return Media.EVENTS if likes.get(EVENTS, 0) > 0 else None


@lru_cache(_KEPT)
def coding_of(accept_encoding: bytes) -> Coding | None:
    """Return the coding that a client likes best; None where the answer has to stay as it is."""
    likes = _likes(accept_encoding)
    liked = {coding: likes.get(coding.value, likes.get(b"*", 0)) for coding in Coding}
    best = max(Coding, key=lambda coding: liked[coding])
    return best if liked[best] > 0 and liked[best] >= likes.get(b"identity", 0) else None


def _quality(kind: bytes, likes: dict[bytes, float]) -> float:
    """Return how much a client likes a media type: what is nearest to it counts."""
    wide = kind.partition(b"/")[0] + b"/*"
    return next((likes[name] for name in (kind, wide, b"*/*") if name in likes), 0)


def _likes(header: bytes) -> dict[bytes, float]:
    """Return the quality of each range or coding that a header names."""
    likes: dict[bytes, float] = {}
    for part in header.lower().split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        qualities = [_number(p[2:]) for p in parameters if p[:2] == b"q="]
        if name:
            likes[name] = qualities[0] if qualities else 1
    return likes


def _number(text: bytes) -> float:
    """Return a quality; what is none counts as 0."""
    try:
        quality = float(text)
    except ValueError:
        return 0
    return quality if 0 <= quality <= 1 else 0
