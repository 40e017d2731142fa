"""The operators of filters, by the kind of what they test."""

import strawberry

from graph.types.declare import optional
from graph.types.enums import RunStatus
from graph.types.scalars import BigInt, DateTime, DecimalText

_EQ = "Equal to this."
_NEQ = "Not equal to this; true of missing values."
_IN = "One of these; an empty list matches nothing."
_NOT_IN = "None of these; true of missing values, and an empty list matches everything."
_GT = "Greater than this."
_GTE = "Greater than or equal to this."
_LT = "Less than this."
_LTE = "Less than or equal to this."
_AFTER = "Later than this."
_NOT_BEFORE = "At this moment or later."
_BEFORE = "Earlier than this."
_NOT_AFTER = "At this moment or earlier."
_IS_NULL = "true: only missing values; false: only present ones."


@strawberry.input(description="Tests an id. All that is given must hold.")
class IDFilter:
    """Tests of `db.values.Kind.ID`."""

    eq: strawberry.ID | None = optional(_EQ)
    neq: strawberry.ID | None = optional(_NEQ)
    in_: list[strawberry.ID] | None = optional(_IN, name="in")
    not_in: list[strawberry.ID] | None = optional(_NOT_IN)
    is_null: bool | None = optional(_IS_NULL)


@strawberry.input(description="Tests a text. All that is given must hold.")
class StringFilter:
    """Tests of `db.values.Kind.TEXT`."""

    eq: str | None = optional("Equal to this; case counts.")
    neq: str | None = optional(_NEQ)
    in_: list[str] | None = optional(_IN, name="in")
    not_in: list[str] | None = optional(_NOT_IN)
    contains: str | None = optional("Has this somewhere in it; case counts.")
    i_contains: str | None = optional("Has this somewhere in it; the case of A to Z is ignored.")
    starts_with: str | None = optional("Begins with this; case counts.")
    ends_with: str | None = optional("Ends with this; case counts.")
    like: str | None = optional(
        "Fits this pattern as a whole: % stands for any text, _ for any one character, a backslash"
        " before one of them for itself; case counts."
    )
    not_like: str | None = optional("Does not fit this pattern; true of missing values.")
    is_null: bool | None = optional(_IS_NULL)


@strawberry.input(description="Tests a status. All that is given must hold.")
class RunStatusFilter:
    """Tests of a status, which is never missing."""

    eq: RunStatus | None = optional(_EQ)
    neq: RunStatus | None = optional("Not equal to this.")
    in_: list[RunStatus] | None = optional(_IN, name="in")
    not_in: list[RunStatus] | None = optional("None of these.")


@strawberry.input(description="Tests a moment. All that is given must hold.")
class DateTimeFilter:
    """Tests of `db.values.Kind.TIME`."""

    eq: DateTime | None = optional("At this very moment.")
    gt: DateTime | None = optional(_AFTER)
    gte: DateTime | None = optional(_NOT_BEFORE)
    lt: DateTime | None = optional(_BEFORE)
    lte: DateTime | None = optional(_NOT_AFTER)
    is_null: bool | None = optional(_IS_NULL)


@strawberry.input(description="Tests a number. All that is given must hold.")
class FloatFilter:
    """Tests of `db.values.Kind.FLOAT`."""

    eq: float | None = optional(_EQ)
    neq: float | None = optional(_NEQ)
    gt: float | None = optional(_GT)
    gte: float | None = optional(_GTE)
    lt: float | None = optional(_LT)
    lte: float | None = optional(_LTE)
    is_null: bool | None = optional(_IS_NULL)


@strawberry.input(description="Tests a whole number. All that is given must hold.")
class BigIntFilter:
    """Tests of `db.values.Kind.INT`."""

    eq: BigInt | None = optional(_EQ)
    neq: BigInt | None = optional(_NEQ)
    gt: BigInt | None = optional(_GT)
    gte: BigInt | None = optional(_GTE)
    lt: BigInt | None = optional(_LT)
    lte: BigInt | None = optional(_LTE)
    is_null: bool | None = optional(_IS_NULL)


@strawberry.input(description="Tests an exact decimal number. All that is given must hold.")
class DecimalFilter:
    """Tests of `db.values.Kind.MONEY`."""

    eq: DecimalText | None = optional(_EQ)
    neq: DecimalText | None = optional(_NEQ)
    gt: DecimalText | None = optional(_GT)
    gte: DecimalText | None = optional(_GTE)
    lt: DecimalText | None = optional(_LT)
    lte: DecimalText | None = optional(_LTE)
    is_null: bool | None = optional(_IS_NULL)
