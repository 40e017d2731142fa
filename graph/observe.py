"""What is seen of a request while it is served: its operation, who asked, what it took."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope

SEEN = "rungraph.seen"
"""Where a request keeps what is seen of it."""


@dataclass(slots=True)
class Seen:
    """One request: whoever knows something of it writes it down here, numbers and names only.

    `operation` is the name of the GraphQL operation, `errors` how many errors its answer holds,
    `cost` what it was estimated to cost, `database` the seconds that its statements took, `runs`
    and `bytes` what it brought in. `told` says that it is counted and logged already.
    """

    operation: str | None = None
    key: str | None = None
    errors: int = 0
    statements: int = 0
    cost: int = 0
    database: float = 0.0
    runs: int = 0
    bytes: int = 0
    told: bool = False


Told = Callable[[str, str, int, float, Seen], None]
"""Counts and logs what was served: the method, the path, the status, seconds, and what was seen."""


def seen_in(scope: Scope) -> Seen:
    """Return what is seen of a request; where nobody looks, something to write to."""
    found: Seen | None = scope.get(SEEN)
    if found is None:
        found = scope[SEEN] = Seen()
    return found
