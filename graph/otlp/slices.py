"""Takes protobuf apart without reading it: which bytes are which message.

Two bytes of protobuf may be an object of hundreds. So spans are found, counted and read one by one,
and of a large one the parts are counted before it is read.

The format is that of https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from graph.ingest.problems import BodyProblem

MOST_SPANS = 50_000
"""Spans that one request may bring."""

MOST_PARTS = 500_000
"""Attributes, events and parts of lists that one span may have."""

MOST_FIELDS = 2_000_000
"""Fields that are looked at, of a whole request."""

UNSUSPICIOUS = 256 * 1024
"""Bytes of a span that may be anything: its parts are few enough."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT: Final = 70  # bits

Slice = tuple[int, int, int]
"""The number of a field, and where it starts and ends."""

Kinds = Mapping[int, "Kinds"]
"""The parts of a message that are messages, by the numbers of their fields."""

_value: dict[int, Kinds] = {}
_pair: dict[int, Kinds] = {2: _value}
_value.update({5: {1: _value}, 6: {1: _pair}})
RESOURCE: Kinds = {1: _pair}
SCOPE: Kinds = {3: _pair}
SPAN: Kinds = {9: _pair, 11: {3: _pair}, 13: {4: _pair}}


class Slices:
    """A body that is taken apart, with a bound on how many fields are looked at in all."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self._left = MOST_FIELDS

    def messages(self, start: int, end: int) -> Iterator[Slice]:
        """Yield number, start and end of the fields that hold messages, text or bytes.

        Raises BodyProblem where it is no protobuf, or too much of it.
        """
        body, at = self.body, start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise too_many(f"{MOST_FIELDS} fields")
            tag, at = _varint(body, at, end)
            kind = tag & 7
            if kind == _BYTES:
                length, at = _varint(body, at, end)
                if at + length > end:
                    raise broken("a field is longer than what it stands in")
                yield tag >> 3, at, at + length
                at += length
            elif kind == _VARINT:
                _, at = _varint(body, at, end)
            elif kind in {_FIXED64, _FIXED32}:
                at += 8 if kind == _FIXED64 else 4
            else:
                raise broken(f"a field is of wire type {kind}")
        if at != end:
            raise broken("it breaks off")

    def has_many_parts(self, kinds: Kinds, start: int, end: int) -> bool:
        """Say whether a message has more than `MOST_PARTS`, at whatever depth."""
        if end - start <= UNSUSPICIOUS:
            return False
        count = 0
        waiting = [(kinds, start, end)]
        while waiting:
            of, *place = waiting.pop()
            for number, begin, stop in self.messages(*place):
                if number in of:
                    count += 1
                    waiting.append((of[number], begin, stop))
                    if count > MOST_PARTS:
                        return True
        return False


def broken(how: str) -> BodyProblem:
    """Return what tells that a body is no protobuf."""
    message = f"the body is no ExportTraceServiceRequest in protobuf: {how}"
    return BodyProblem(400, "INVALID_PROTOBUF", message)


def too_many(count: str) -> BodyProblem:
    """Return what tells that a body holds too much of something."""
    return BodyProblem(413, "TOO_LARGE", f"the body has more than {count}; send it in pieces")


def _varint(sent: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < _LONGEST_VARINT:
        byte = sent[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that there is more
            return value, at
        shift += 7
    raise broken("a number breaks off")
