"""The operators of filters, by the kind of what they test."""

import strawberry

from graph.types.declare import optional
from graph.types.enums import RunStatus
from graph.types.scalars import JSON, BigInt, DateTime, DecimalText

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


@strawberry.input(description="Tests tags. All that is given must hold; case counts.")
class TagsFilter:
    """See `db.composed.tags`."""

    has_all: list[str] | None = optional("Has each of these; an empty list matches everything.")
    has_any: list[str] | None = optional("Has one of these; an empty list matches nothing.")
    has_none: list[str] | None = optional("Has none of these; an empty list matches everything.")


@strawberry.input(
    description=(
        'Tests what stands at a path of JSON: within one JSON type, so that 5 is not "5"; numbers'
        " by value, however long. Lists on the way to a key are searched through, and one value"
        " found must pass all that is given. JSON null is a value; what is absent passes only neq"
        " and exists: false."
    )
)
class JSONFilter:
    """See `db.composed.by_path`."""

    path: str = strawberry.field(
        description=(
            'Where: a.b, a[0], ["key.with.dots"]; an empty path is the whole. A scalar at the top'
            " of metadata is indexed."
        )
    )
    eq: JSON | None = optional("Equal to this: a scalar, or a list or object as a whole.")
    neq: JSON | None = optional("Nothing there is equal to this; true of what is absent.")
    in_: list[JSON] | None = optional(_IN, name="in")
    gt: JSON | None = optional("A number or text greater than this; texts by code point.")
    gte: JSON | None = optional("A number or text greater than or equal to this.")
    lt: JSON | None = optional("A number or text less than this.")
    lte: JSON | None = optional("A number or text less than or equal to this.")
    contains: str | None = optional(
        "A text with this somewhere in it, or a list with such a text; case counts."
    )
    exists: bool | None = optional("true: something stands there, if only null; false: nothing.")


@strawberry.input(
    description=(
        "Tests the judgements on a run: one of this key must pass all that is given. Without more"
        " than a key, there must be one."
    )
)
class FeedbackFilter:
    """See `db.composed.feedback`."""

    key: str = strawberry.field(description="What was judged; case counts.")
    score: FloatFilter | None = optional("Its score.")
    value: JSONFilter | None = optional("Its value.")
    comment: StringFilter | None = optional("Its comment.")
    exists: bool | None = optional(
        "false: there is no judgement that passes the rest; true, or not given: there is."
    )
