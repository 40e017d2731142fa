"""Cursors: where a page ended, as opaque text that only fits the order it came from."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
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


Order: TypeAlias = tuple[tuple[str, bool], ...]
"""Columns, each with whether it descends; always ends in the id, so that it is total."""


class Edge(NamedTuple):
    """A row and where it stands."""

    node: Row
    order: Order

    @property
    def cursor(self) -> str:
        """Where it stands."""
        return cursor_of(self.node, self.order)


class PageInfo(NamedTuple):
    """Whether there is more, and the cursors at both ends of some rows."""

    has_next_page: bool
    has_previous_page: bool
    rows: list[Row]
    order: Order

    @property
    def start_cursor(self) -> str | None:
        """Where the first row stands."""
        return cursor_of(self.rows[0], self.order) if self.rows else None

    @property
    def end_cursor(self) -> str | None:
        """Where the last row stands."""
        return cursor_of(self.rows[-1], self.order) if self.rows else None


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


def signature(order: Order) -> str:
    """Return the name of an order, as cursors carry it."""
    return ",".join(f"-{column}" if descending else column for column, descending in order)


def cursor_of(row: Row, order: Order) -> str:
    """Return the cursor of a row."""
    return encode(order, [row.ready(column) for column, _ in order])


def encode(order: Order, values: list[Any]) -> str:
    """Return the cursor of these values of an order's columns."""
    raw = orjson.dumps([VERSION, signature(order), *values])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(cursor: str, entity: Entity, order: Order, name: str) -> tuple[Any, ...]:
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
