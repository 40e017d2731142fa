"""What every entity with a global id has in common."""

import strawberry

from graph.types.declare import interface


@interface("Whatever can be found again by its id alone.")
class Node:
    """Found by `Query.node`."""

    id: strawberry.ID = strawberry.field(
        description="Globally unique over all nodes: the entity's own UUID."
    )
