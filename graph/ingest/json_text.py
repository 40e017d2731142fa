r"""Sent JSON as strict JSON text, otherwise byte for byte as it was sent.

Text that is strict already, and that is nearly all of it, stays as it is: key order, white space,
the spelling of numbers, integers of any length up to what a double can span. What JSON, a database
or a double can not hold is mended where it stands:

- NaN, Infinity and -Infinity become the strings "NaN", "Infinity" and "-Infinity" (as in protobuf's
  JSON mapping: https://protobuf.dev/programming-guides/json/);
- a number too large for a double (1e999, or an integer of 310 digits) becomes a string of its text;
- NUL and surrogates without their other half become U+FFFD, escaped or raw;
- bytes that are no UTF-8 become U+FFFD; other raw control characters inside strings are escaped.
"""

import re

import orjson

from graph.ingest.problems import ItemProblem

DEEPEST = 1024
"""Levels of nesting that are read; orjson's own limit."""

_REPLACEMENT = "\ufffd"
_NUL_ESCAPE = b"\\u0000"
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_PIECE = re.compile(
    r"\\u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[dD][89a-fA-F][0-9a-fA-F]{2}|0000)"
    r'|\\.|"|-?Infinity|NaN|[\x00-\x1f]|-?[0-9][0-9.eE+-]*',
    re.DOTALL,
)
_LONE_ESCAPE_LENGTH = len("\\ud800")


def read(sent: bytes) -> tuple[object, str]:
    """Return a JSON value and its strict text; raise ItemProblem where it is no JSON at all.

    Integers of more than 64 bits are floats in the value; the text has them whole.
    """
    try:
        value = orjson.loads(sent)
    except orjson.JSONDecodeError:
        return _read_mended(sent)
    if _NUL_ESCAPE in sent and _ESCAPED_NUL.search(sent):
        return _read_mended(sent)
    return value, sent.decode()


def _read_mended(sent: bytes) -> tuple[object, str]:
    text = _mended(_decoded(sent))
    try:
        return orjson.loads(text), text
    except orjson.JSONDecodeError as error:
        raise ItemProblem("INVALID_JSON", _explained(error)) from None


def _explained(error: orjson.JSONDecodeError) -> str:
    if "depth" in error.msg or "ecursion" in error.msg:
        return f"nested deeper than {DEEPEST} levels"
    return f"not JSON: {error}"


def _decoded(sent: bytes) -> str:
    """Decode UTF-8; surrogates in pairs (CESU-8) are joined, all else that is wrong is U+FFFD."""
    try:
        text = sent.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return sent.decode("utf-8", "replace")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _mended(text: str) -> str:
    inside = False

    def mend(found: re.Match[str]) -> str:
        nonlocal inside
        piece = found[0]
        if piece == '"':
            inside = not inside
            return piece
        return _mended_inside(piece) if inside else _mended_outside(piece)

    return _PIECE.sub(mend, text)


def _mended_inside(piece: str) -> str:
    if piece.startswith("\\"):
        return _REPLACEMENT if len(piece) == _LONE_ESCAPE_LENGTH else piece
    if piece == "\0":
        return _REPLACEMENT
    return f"\\u{ord(piece):04x}" if piece < " " else piece


def _mended_outside(piece: str) -> str:
    if piece.endswith(("NaN", "Infinity")):
        return f'"{piece}"'
    if piece[-1].isdigit() and _overflows(piece):
        return f'"{piece}"'
    return piece


def _overflows(number: str) -> bool:
    try:
        return abs(float(number)) == float("inf")
    except ValueError:
        return False
