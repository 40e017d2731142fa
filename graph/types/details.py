"""What usage is made of: tokens and costs by kind."""

import strawberry

from graph.types.declare import object_type
from graph.types.scalars import BigInt, DecimalText


@object_type("Tokens of one kind, such as cache_read or reasoning.")
class TokenDetail:
    """Backed by `db.derivations.TokenDetail`."""

    kind: str = strawberry.field(description="What kind of token, as the provider names it.")
    tokens: BigInt = strawberry.field(description="How many.")


@object_type("Cost of one kind of token.")
class CostDetail:
    """Backed by `db.derivations.CostDetail`."""

    kind: str = strawberry.field(description="What kind of token, as the provider names it.")
    cost: DecimalText = strawberry.field(description="US dollars.")
