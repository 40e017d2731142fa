"""Values of LangSmith's filter language: what is written, and what each kind of field takes.

Durations are seconds or texts such as "5s", "200ms", "1.5m"; times are ISO 8601, UTC without a
zone. Every function raises InvalidError, which says what is wanted.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from lark import Token

from db.errors import InvalidError
from db.models import RunStatus
from db.moments import in_utc
from db.values import Kind, parse_id

_DURATION = re.compile(r"(?:[0-9.]+(?:us|ms|s|m|h|d)\s*)+")
_PART = re.compile(r"([0-9.]+)(us|ms|s|m|h|d)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MOST = 2**63 - 1
_DOLLARS = 10**16
_UNIT = Decimal("1e-12")


class Literal(NamedTuple):
    """A value, and where it stands."""

    place: Any
    value: Any


class Asked(NamedTuple):
    """A comparator, its field and the value."""

    name: Token
    field: Token
    comparator: str
    literal: Literal


def unescaped(token: Token) -> str:
    """Return the text that a token in quotes stands for."""

    def character(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return _ESCAPED.get(found[2], found[2] if found[2] in "\"'" else found[0])

    text = str(token)[1:-1].replace("\\\\", "\\u005c")
    return (
        _ESCAPE.sub(character, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def text_in(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise unfit(value, "a text in quotes")
    return value.replace("\0", "\ufffd")


def _id(value: Any) -> Any:
    found = parse_id(value) if isinstance(value, str) else None
    if found is None:
        raise unfit(value, "a UUID in quotes")
    return found


def _time(value: Any) -> datetime:
    try:
        return in_utc(datetime.fromisoformat(text_in(value).strip().upper()))
    except (ValueError, OverflowError, InvalidError):
        raise unfit(value, 'a time such as "2026-01-31T12:00:00Z"') from None


def _seconds(value: Any) -> float:
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        try:
            return sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(value))
        except ValueError:
            pass
    if isinstance(value, str) or not _is_number(value):
        raise unfit(value, 'seconds or a duration such as "5s" or "200ms"')
    return float(value)


def _whole(value: Any) -> int:
    if not _is_number(value) or value != int(value) or abs(value) > _MOST:
        raise unfit(value, "a whole number of at most 64 bits")
    return int(value)


def _money(value: Any) -> Decimal:
    try:
        found = Decimal(str(value)) if isinstance(value, str) or _is_number(value) else None
    except ArithmeticError:
        found = None
    if found is None or not abs(found) < _DOLLARS or found != found.quantize(_UNIT):
        raise unfit(value, "US dollars, such as 0.0125")
    return found


def number_in(value: Any) -> float:
    """Return a number."""
    if not _is_number(value):
        raise unfit(value, "a number")
    return float(value)


def status_in(value: Any) -> str:
    """Return a status."""
    if value not in {status.value for status in RunStatus}:
        raise unfit(value, '"pending", "success" or "error"')
    return value


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < float("inf")


def unfit(value: Any, wanted: str) -> InvalidError:
    """Return the error of a value that stands where another is wanted."""
    shown = {True: "true", False: "false", None: "null"}.get(value) if _is_bare(value) else None
    return InvalidError(f"{shown or repr(value)} stands where {wanted} is wanted")


def _is_bare(value: Any) -> bool:
    return value is None or isinstance(value, bool)


TAKES: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.ID: _id,
    Kind.TEXT: text_in,
    Kind.TIME: _time,
    Kind.INT: _whole,
    Kind.FLOAT: _seconds,
    Kind.MONEY: _money,
}


def items_in(value: Any) -> list[Any]:
    """Return the items of a list."""
    if not isinstance(value, list):
        raise unfit(value, 'a list such as ["a", "b"]')
    return cast("list[Any]", value)


def known(asked: Asked, allowed: tuple[str, ...]) -> None:
    """Raise InvalidError for a comparator that a field does not take."""
    if asked.comparator not in allowed:
        msg = f"{asked.field} does not take {asked.comparator}; it takes {', '.join(allowed)}"
        raise InvalidError(msg)
