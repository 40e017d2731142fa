"""Connections: pages of a list, by the Relay cursor specification."""

from typing import Annotated, Generic, TypeVar

import strawberry

from graph.types.declare import object_type
from graph.types.scalars import BigInt

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(description="How many from the beginning; 50 if not given, at most 1000."),
]
After = Annotated[
    str | None, strawberry.argument(description="Only what comes after the row of this cursor.")
]
Last = Annotated[
    int | None,
    strawberry.argument(description="How many from the end, at most 1000; not with first."),
]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before the row of this cursor.")
]


@object_type("Whether a list goes on beyond a page, and the page's two ends.")
class PageInfo:
    """Backed by `db.cursors.PageInfo`."""

    has_next_page: bool = strawberry.field(description="Whether there are rows after this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether there are rows before this page."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the page's first row; null when the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the page's last row; null when the page is empty."
    )


@object_type("A row of a page and its place in the list.")
class Edge(Generic[T]):
    """Backed by `db.cursors.Edge`."""

    cursor: str = strawberry.field(
        description="Opaque text for `after` and `before`; good for this list's order only."
    )
    node: T = strawberry.field(description="The row itself.")


@object_type("A page of a list. Each part is worked out only when it is selected.")
class Connection(Generic[T]):
    """Backed by `db.questions.Page`, whose parts are questions."""

    edges: list[Edge[T]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The rows, for those who need no cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    total_count: BigInt | None = strawberry.field(
        description="How many rows the whole list has; counted only when selected."
    )


def given(argument: T | None) -> T | None:
    """Return an argument, None where it was left out."""
    return None if argument is strawberry.UNSET else argument
