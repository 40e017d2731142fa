"""The scalars: how values cross the border between JSON and Python.

Answers come from the store as JSON can say them, so going out only passes them on; what comes in
is parsed and checked here.
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NewType, cast
from uuid import UUID

import strawberry
from graphql import Undefined, ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from db.errors import InvalidError
from db.moments import in_utc

DateTime = NewType("DateTime", datetime)
DecimalText = NewType("DecimalText", Decimal)
BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
_SAFE = 2**63
_DOLLARS = 10**16
_UNIT = Decimal("1e-12")
_SHOWN = 80
"""How much of a wrong value its error shows."""


def parse_date_time(value: object) -> datetime:
    """Return the moment a text names; without a zone it is UTC."""
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        try:
            return in_utc(datetime.fromisoformat(value.upper()))
        except (ValueError, OverflowError):
            pass
    msg = f"DateTime is {_short(value)}; an RFC 3339 text is wanted, as in 2026-01-31T12:00:00Z"
    raise InvalidError(msg)


def parse_decimal(value: object) -> Decimal:
    """Return the exact decimal a text or number names, of at most 16 digits and 12 places."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            found = Decimal(str(value))
            if abs(found) < _DOLLARS and found == found.quantize(_UNIT):
                return found
        except ArithmeticError:  # no number, or beyond every exponent
            pass
    msg = (
        f"Decimal is {_short(value)}; a text such as 0.0125 is wanted, with at most 16 digits"
        " before and 12 after the point"
    )
    raise InvalidError(msg)


def parse_big_int(value: object) -> int:
    """Return the whole number of up to 64 bits."""
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -_SAFE <= value < _SAFE:
        return value
    msg = f"BigInt is {_short(value)}; a whole number of at most 64 bits is wanted"
    raise InvalidError(msg)


def parse_id(name: str, value: str) -> UUID:
    """Return the UUID an argument names."""
    try:
        return UUID(value)
    except ValueError:
        msg = f"{name} is {_short(value)}; a UUID is wanted"
        raise InvalidError(msg) from None


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    """Return the value of a literal; a variable that has none is left out, null in a list."""
    return _defined(value_from_ast_untyped(node, variables))


def _defined(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _defined(part) for name, part in items if part is not Undefined}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [None if part is Undefined else _defined(part) for part in items]
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _as_it_is(value: Any) -> Any:
    return value


SCALARS: Mapping[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment as RFC 3339 text, always UTC, with microseconds.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=_as_it_is,
        parse_value=parse_date_time,
    ),
    DecimalText: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, as a JSON string.",
        serialize=_as_it_is,
        parse_value=parse_decimal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "A whole number of up to 64 bits, as a JSON number: token sums pass 2^31 in one long"
            " agent trace."
        ),
        serialize=_as_it_is,
        parse_value=parse_big_int,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, passed through as it was stored.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc8259",
        serialize=_as_it_is,
        parse_value=_as_it_is,
        parse_literal=parse_json_literal,
    ),
}
