"""Writing answers: small ones in one piece, large ones in pieces.

So nobody waits long for the others, and a large text never stands in memory whole.
"""

from collections.abc import Iterator
from typing import Any, cast

import orjson

LARGE_ROWS = 2000
LARGE_BYTES = 4 * 1024 * 1024
_FEW = 64
"""How many objects are written at once, roughly."""
_ENOUGH = 64 * 1024
"""How many bytes make a piece worth sending."""


def pieces(value: Any) -> Iterator[bytes]:
    """Yield the JSON text of a value in pieces of some size."""
    waiting: list[bytes] = []
    length = 0
    for part in _parts(value):
        waiting.append(part)
        length += len(part)
        if length >= _ENOUGH:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)


def _parts(value: Any) -> Iterator[bytes]:
    if _size(value) <= _FEW:
        yield orjson.dumps(value)
    elif isinstance(value, dict):
        yield from _of_dict(cast("dict[str, Any]", value))
    else:
        yield from _of_list(value)


def _of_dict(value: dict[str, Any]) -> Iterator[bytes]:
    """Write a dict key by key where the values are large, else several at once."""
    begin = b"{"
    few: dict[str, Any] = {}
    for key, part in value.items():
        if _size(part) <= _FEW:
            few[key] = part
            continue
        if few:
            yield begin + orjson.dumps(few)[1:-1]
            begin, few = b",", {}
        yield begin + orjson.dumps(key) + b":"
        yield from _parts(part)
        begin = b","
    if few:
        yield begin + orjson.dumps(few)[1:-1]
    yield b"}"


def _of_list(value: list[Any]) -> Iterator[bytes]:
    """Write a list item by item where they are large, else several at once."""
    begin = b"["
    few: list[Any] = []
    size = 0
    for item in value:
        own = _size(item)
        if few and size + own > _FEW:
            yield begin + orjson.dumps(few)[1:-1]
            begin, few, size = b",", [], 0
        if own > _FEW:
            yield begin
            yield from _parts(item)
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
