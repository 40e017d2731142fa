"""Orders of runs as the API spells them; `db.orders` says what they mean."""

from typing import Annotated, TypeAlias

import strawberry

from db.orders import Key, Order, order_of
from graph.types.declare import optional
from graph.types.enums import Direction, NullsOrder, RunOrderField
from graph.types.paging import given


@strawberry.input(description="One key of an order: what to sort by, and which way.")
class RunOrder:
    """See `db.orders.Key`."""

    field: RunOrderField = strawberry.field(description="What to sort by.")
    direction: Direction = strawberry.field(default=Direction.DESC, description="Which way.")
    nulls: NullsOrder = strawberry.field(
        default=NullsOrder.LAST, description="Where runs without a value stand."
    )
    feedback_key: str | None = optional(
        "Whose scores FEEDBACK_SCORE sorts by; wanted there, and nowhere else."
    )


MaybeOrder: TypeAlias = Annotated[
    list[RunOrder] | None,
    strawberry.argument(
        description=(
            "What to sort by: the first key, where that is equal the next, in the end the id. At"
            " most 8 keys; newest first if not given. Only START_TIME has an index."
        )
    ),
]


def ordered(by: list[RunOrder] | None) -> Order | None:
    """Return the order that is asked for, None for the list's own."""
    if not by:
        return None
    keys = [Key(each.field, each.direction, each.nulls, given(each.feedback_key)) for each in by]
    return order_of(keys)
