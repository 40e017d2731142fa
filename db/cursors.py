"""Cursors: where a page ended, as opaque text that only fits the order it came from."""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from db.entity import Entity, Score
from db.errors import InvalidError
from db.orders import Order, Term, columns_of, terms
from db.rows import Row
from db.values import Kind

VERSION = 1

LARGEST_PAGE = 1000
USUAL_PAGE = 50

_LARGEST = 2**63 - 1
_DIGITS = 16
_SHOWN = 80
"""How many characters of a wrong cursor its error shows."""


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
    if not isinstance(value, str) or "\0" in value:
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) > _LARGEST:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) not in {int, float} or not math.isfinite(value):
        raise TypeError
    return float(value)


def _money(value: Any) -> Decimal:
    try:
        found = Decimal(_text(value))
    except InvalidOperation:
        raise ValueError from None
    if not found.is_finite() or abs(found.adjusted()) > _DIGITS:
        raise ValueError
    return found


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError
    return found


_PARSE: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.ID: lambda value: UUID(_text(value)),
    Kind.TEXT: _text,
    Kind.TIME: _moment,
    Kind.INT: _whole,
    Kind.FLOAT: _number,
    Kind.MONEY: _money,
}


def signature(order: Order) -> str:
    """Return the name of an order, as cursors carry it."""
    return ",".join(map(_named, terms(order)))


def _named(term: Term) -> str:
    column = f"feedback_score({term.column.key})" if isinstance(term.column, Score) else term.column
    nulls = {None: "", True: " nulls first", False: " nulls last"}[term.nulls_first]
    return f"{'-' if term.descending else ''}{column}{nulls}"


def cursor_of(row: Row, order: Order) -> str:
    """Return the cursor of a row."""
    return encode(order, [row.ready(column) for column in columns_of(order)])


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
            _parsed(entity, term, value) for term, value in zip(terms(order), values, strict=True)
        ]
    except (ValueError, TypeError):
        raise forged from None
    if encode(order, values) != cursor:
        raise forged
    return tuple(parsed)


def _parsed(entity: Entity, term: Term, value: Any) -> Any:
    if value is None and term.nulls_first is not None:
        return None
    return _PARSE[entity.kind(term.column)](value)
