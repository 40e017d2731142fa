"""Writing answers: small ones in one piece, large ones in pieces, so that nobody waits long."""

from collections.abc import Iterator
from typing import Any

import orjson

LARGE_ROWS = 2000
LARGE_BYTES = 4 * 1024 * 1024
_PIECE = 64
"""How many items of a list go into one piece."""


def pieces(value: Any) -> Iterator[bytes]:
    """Yield the JSON text of a value, long lists a few items at a time."""
    if type(value) is dict and _is_long(value):
        yield from _of_dict(value)
    elif type(value) is list and _is_long(value):
        yield from _of_list(value)
    else:
        yield orjson.dumps(value)


def _of_dict(value: dict[str, Any]) -> Iterator[bytes]:
    begin = b"{"
    for key, part in value.items():
        yield begin + orjson.dumps(key) + b":"
        yield from pieces(part)
        begin = b","
    yield b"}"


def _of_list(value: list[Any]) -> Iterator[bytes]:
    begin = b"["
    for at in range(0, len(value), _PIECE):
        some = value[at : at + _PIECE]
        if any(map(_is_long, some)):
            for item in some:
                yield begin
                yield from pieces(item)
                begin = b","
        else:
            yield begin + orjson.dumps(some)[1:-1]
            begin = b","
    yield b"]"


def _is_long(value: Any) -> bool:
    """Say whether a value holds a long list somewhere not too deep to matter."""
    if type(value) is list:
        return len(value) > _PIECE or any(map(_is_long, value))
    return type(value) is dict and any(map(_is_long, value.values()))
