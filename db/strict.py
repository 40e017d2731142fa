"""Text and JSON values as every database can hold them.

What JSON text or a database has no place for is mended as on the wire (docs/ingest.md): NUL and
surrogates without their other half become U+FFFD, numbers beyond a double strings of their names.
"""

import math
import re
from typing import Any, cast

from db.derivations import encode
from db.errors import InvalidError

_BEYOND_DOUBLE = 2**1024
_REPLACEMENT = "\ufffd"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Return text without NUL and lone surrogates; U+FFFD stands in their place."""
    if text.isascii() and "\0" not in text:
        return text
    return _LONE_SURROGATE.sub(_REPLACEMENT, text.replace("\0", _REPLACEMENT))


def json_text(name: str, value: Any) -> str:
    """Return the strict JSON text of a value. Raises InvalidError, by name, if it is too deep."""
    try:
        return encode(_strict(value)).decode()
    except RecursionError:
        msg = f"{name} nests deeper than can be read"
        raise InvalidError(msg) from None


def _strict(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case int() if abs(value) >= _BEYOND_DOUBLE:
            return str(value)
        case dict():
            members = cast("dict[str, Any]", value).items()
            return {clean(key): _strict(member) for key, member in members}
        case list():
            return [_strict(each) for each in cast("list[Any]", value)]
        case _:
            return value
