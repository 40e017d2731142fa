"""What is seen of a request while it is served: its operation, who asked, what it took."""

from dataclasses import dataclass

from starlette.types import Scope

SEEN = "rungraph.seen"
"""Where a request keeps what is seen of it."""


@dataclass(slots=True)
class Seen:
    """One request: whoever knows something of it writes it down here, numbers and names only.

    `operation` is the name of the GraphQL operation, `errors` how many errors its answer holds,
    `cost` what it was estimated to cost, `runs` and `bytes` what it brought in.
    """

    operation: str | None = None
    key: str | None = None
    errors: int = 0
    statements: int = 0
    cost: int | None = None
    runs: int = 0
    bytes: int = 0


def seen_in(scope: Scope) -> Seen:
    """Return what is seen of a request; where nobody looks, something to write to."""
    found: Seen | None = scope.get(SEEN)
    if found is None:
        found = scope[SEEN] = Seen()
    return found
