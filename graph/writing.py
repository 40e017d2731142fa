"""Writing answers: small ones in one piece, large ones in pieces.

So nobody waits long for the others, and a large text never stands in memory whole.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import orjson

LARGE_ROWS = 2000
LARGE_BYTES = 4 * 1024 * 1024
_FEW = 64
"""How many objects are written at once, roughly, where nothing is known of them."""
_AT_ONCE = 1024 * 1024
"""How many bytes in memory they may be."""
_ENOUGH = 64 * 1024
"""How many bytes make a piece worth sending."""


class Extent(NamedTuple):
    """About how large an answer is."""

    bytes: int
    rows: int

    @property
    def few(self) -> int:
        """How many of its objects are written at once."""
        return max(1, _AT_ONCE * self.rows // max(1, self.bytes))


def pieces(value: Any, few: int = _FEW) -> Iterator[bytes]:
    """Yield the JSON text of a value in pieces of some size, of so many objects at once."""
    waiting: list[bytes] = []
    length = 0
    for part in _parts(value, few):
        waiting.append(part)
        length += len(part)
        if length >= _ENOUGH:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)


def _parts(value: Any, most: int) -> Iterator[bytes]:
    if _size(value) <= most:
        yield orjson.dumps(value)
    elif isinstance(value, dict):
        yield from _of_dict(cast("dict[str, Any]", value), most)
    else:
        yield from _of_list(value, most)


def _of_dict(value: dict[str, Any], most: int) -> Iterator[bytes]:
    """Write a dict key by key where the values are large, else several at once."""
    begin = b"{"
    few: dict[str, Any] = {}
    for key, part in value.items():
        if _size(part) <= most:
            few[key] = part
            continue
        if few:
            yield begin + orjson.dumps(few)[1:-1]
            begin, few = b",", {}
        yield begin + orjson.dumps(key) + b":"
        yield from _parts(part, most)
        begin = b","
    if few:
        yield begin + orjson.dumps(few)[1:-1]
    yield b"}"


def _of_list(value: list[Any], most: int) -> Iterator[bytes]:
    """Write a list item by item where they are large, else several at once."""
    begin = b"["
    few: list[Any] = []
    size = 0
    for item in value:
        own = _size(item)
        if few and size + own > most:
            yield begin + orjson.dumps(few)[1:-1]
            begin, few, size = b",", [], 0
        if own > most:
            yield begin
            yield from _parts(item, most)
            begin = b","
        else:
            few.append(item)
            size += own
    if few:
        yield begin + orjson.dumps(few)[1:-1]
    yield b"]"


def _size(value: Any) -> int:
    """Return about how many objects there are in a value: of a list, one item is looked at."""
    if isinstance(value, dict):
        parts: Any = cast("dict[str, Any]", value).values()
        return 1 + sum(_size(part) for part in parts if isinstance(part, dict | list))
    if isinstance(value, list) and value:
        items = cast("list[Any]", value)
        return len(items) * _size(items[len(items) // 2])
    return 1
