"""Two trees of runs side by side."""

import strawberry

from graph.types.declare import object_type
from graph.types.run import Run
from graph.types.scalars import BigInt, DecimalText


@object_type(
    "Two runs that stand for each other, or one that stands alone: an insertion has no a, a"
    " deletion no b. Differences are b - a."
)
class RunPair:
    """Backed by `db.compare.RunPair`."""

    a: Run | None = strawberry.field(description="The run of the first tree; null: only b has it.")
    b: Run | None = strawberry.field(description="The run of the second tree; null: only a has it.")
    depth: int = strawberry.field(description="How far below the compared runs: 0 for themselves.")
    latency_delta: float | None = strawberry.field(
        description="By how many seconds b took longer; null unless both have ended."
    )
    total_tokens_delta: BigInt | None = strawberry.field(
        description="By how many tokens b used more, descendants included; null unless both know."
    )
    total_cost_delta: DecimalText | None = strawberry.field(
        description="By how many US dollars b cost more, descendants included; null likewise."
    )
    status_changed: bool = strawberry.field(
        description="Whether their statuses differ; false for a run that stands alone."
    )
    inputs_differ: bool | None = strawberry.field(
        description="Whether their inputs differ, as they were sent; null for one alone."
    )
    outputs_differ: bool | None = strawberry.field(
        description="Whether their outputs differ, as they were sent; null for one alone."
    )


@object_type(
    "Two trees aligned: under two runs that stand for each other, the n-th child of a name and type"
    " stands for the n-th of the same name and type."
)
class RunComparison:
    """Backed by `db.compare.RunComparison`."""

    a: Run = strawberry.field(description="The first run.")
    b: Run = strawberry.field(description="The second run.")
    pairs: list[RunPair] = strawberry.field(
        description="Both runs and all below them, each pair before what is below it."
    )
