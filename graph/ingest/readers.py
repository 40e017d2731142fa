"""Reads one sent value as what it should be; ValueError says what is allowed instead.

Values come out of strict JSON: their text has neither NUL nor lone surrogates.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

import orjson

from db.dotted import id_in
from db.moments import in_utc

MOST_TOKENS = 2**53
"""What a double, and so every JSON reader, counts exactly."""

MOST_COST = Decimal(1_000_000)
"""US dollars of one run."""

_UUID = re.compile("[0-9a-f]{8}(-?)[0-9a-f]{4}(?:\\1[0-9a-f]{4}){2}\\1[0-9a-f]{12}", re.IGNORECASE)

_LONGEST_UUID = 36

_MILLISECONDS_FROM = 2e10
"""Epoch numbers from here on are milliseconds (pydantic's rule, so the SDK's too)."""


def text(value: object) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise ValueError("text")  # noqa: TRY004 - one kind of error for whatever is refused
    return value


def text_or_json(value: object) -> str:
    """Read text; anything else becomes its JSON text."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def uuid(value: object) -> UUID:
    """Read a UUID of any version."""
    short = isinstance(value, str) and len(value) <= _LONGEST_UUID
    if short and (id := _uuid_in(value)) is not None:
        return id
    raise ValueError("a UUID")


@lru_cache(maxsize=4096)
def _uuid_in(text: str) -> UUID | None:
    """Return the UUID that a text is; UUID() alone would take underscores, blanks and braces."""
    return id_in(text) if _UUID.fullmatch(text) else None


def flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004
    return value


def moment(value: object) -> datetime:
    """Read a time: ISO 8601 (UTC unless it says otherwise) or an epoch number, to microseconds."""
    try:
        if isinstance(value, str):
            return in_utc(datetime.fromisoformat(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError("an ISO 8601 time or an epoch number")


def moment_in(id: UUID) -> datetime | None:
    """Return when a UUID of version 7 was made, to the millisecond (RFC 9562)."""
    return moment(id.int >> 80) if id.version == 7 else None  # noqa: PLR2004


def tags(value: object) -> tuple[str, ...]:
    """Read a list of tags; those that are no text become their JSON text."""
    if not isinstance(value, list):
        raise ValueError("a list of text")  # noqa: TRY004
    return tuple(text_or_json(tag) for tag in cast("list[object]", value))


def score(value: object) -> float:
    """Read a score: a number, or true or false as 1 and 0."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    raise ValueError("a number, true or false")


def tokens(value: object) -> int:
    """Read a count of tokens."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole = int(value)
        if whole == value and 0 <= whole <= MOST_TOKENS:
            return whole
    raise ValueError(f"a whole number from 0 to {MOST_TOKENS}")


def cost(value: object) -> Decimal:
    """Read a cost: a number, or text of one."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            read = Decimal(str(value))
        except InvalidOperation:
            read = Decimal("NaN")
        if read.is_finite() and abs(read) <= MOST_COST:
            return read
    raise ValueError(f"a number, or text of one, of at most {MOST_COST}")


def token_details(value: object) -> Mapping[str, int]:
    """Read counts of tokens by kind."""
    return {kind: tokens(count) for kind, count in _details(value) if count is not None}


def cost_details(value: object) -> Mapping[str, Decimal]:
    """Read costs by kind."""
    return {kind: cost(part) for kind, part in _details(value) if part is not None}


def _details(value: object) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError("an object of numbers")  # noqa: TRY004
    return list(cast("dict[str, Any]", value).items())
