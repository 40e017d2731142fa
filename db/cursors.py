"""Cursors: where a page ended, as opaque text that only fits the order it came from."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from db.entity import Entity
from db.errors import InvalidError
from db.rows import Row
from db.values import Kind

VERSION = 1

LARGEST_PAGE = 1000
USUAL_PAGE = 50

_SHOWN = 80
"""How many characters of a wrong cursor its error shows."""


class Edge(NamedTuple):
    """A row and where it stands."""

    cursor: str
    node: Row


class PageInfo(NamedTuple):
    """Whether there is more, and the cursors at both ends."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError
    return found


_PARSE: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.ID: lambda value: UUID(_text(value)),
    Kind.TEXT: _text,
    Kind.TIME: _moment,
}


def signature(order: tuple[tuple[str, bool], ...]) -> str:
    """Return the name of an order, as cursors carry it."""
    return ",".join(f"-{column}" if descending else column for column, descending in order)


def cursor_of(row: Row, order: tuple[tuple[str, bool], ...]) -> str:
    """Return the cursor of a row."""
    return encode(order, [row.ready(column) for column, _ in order])


def encode(order: tuple[tuple[str, bool], ...], values: list[Any]) -> str:
    """Return the cursor of these values of an order's columns."""
    raw = orjson.dumps([VERSION, signature(order), *values])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(
    cursor: str, entity: Entity, order: tuple[tuple[str, bool], ...], name: str
) -> tuple[Any, ...]:
    """Return the values a cursor holds.

    Raises InvalidError, naming the argument, for one that was forged or is of another order.
    """
    forged = InvalidError(f"{name} is no cursor of this API: {cursor[:_SHOWN]!r}")
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, found, *values = orjson.loads(raw)
    except (binascii.Error, ValueError, TypeError):
        raise forged from None
    wanted = signature(order)
    if version != VERSION or not isinstance(found, str):
        raise forged
    if found != wanted:
        msg = f"{name} is a cursor of the order {found[:_SHOWN]!r}; this list has {wanted!r}"
        raise InvalidError(msg)
    try:
        parsed = [
            _PARSE[entity.kinds[column]](value)
            for (column, _), value in zip(order, values, strict=True)
        ]
    except (ValueError, TypeError):
        raise forged from None
    if encode(order, values) != cursor:
        raise forged
    return tuple(parsed)
