"""Where watching begins.

What a subscription selects is executed as a query, for as many events at once as there are: in a
schema in which the same field, of a root of the same name, is a list (`Telling`).
"""

from typing import Annotated

import strawberry

from db.errors import InvalidError
from db.questions import RUNS, Question
from db.watched import Watched
from graph.context import Info
from graph.types.declare import object_type
from graph.types.filters import MaybeWhere, asked
from graph.types.paging import given
from graph.types.run_change import RunChange

After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last event that was seen: those since then come first."
    ),
]
First = Annotated[
    int | None, strawberry.argument(description="End after so many events, RELOAD included.")
]


@object_type("Where watching begins; over a WebSocket or as a stream of events.")
class Subscription:
    """The root of every subscription, as it is shown; nobody executes it."""

    @strawberry.field(
        description=(
            "What happens to runs from now on, in order, once it is on disk. Filters are applied to"
            " the run as it is then. Resumable: pass the last cursor seen. RELOAD tells that events"
            " were missed: the history no longer reaches back that far, or events were not read"
            " fast enough."
        )
    )
    @staticmethod
    def run_changes(
        where: MaybeWhere = strawberry.UNSET,
        after: After = strawberry.UNSET,
        first: First = strawberry.UNSET,
    ) -> RunChange:
        msg = "a subscription is sent over a WebSocket, or with Accept: text/event-stream"
        raise InvalidError(msg)


@object_type("The same root, for the events of one moment.", name="Subscription")
class Telling:
    """The root of what is executed."""

    @strawberry.field(graphql_type=list[RunChange], description="The events.")
    @staticmethod
    def run_changes(
        info: Info,
        where: MaybeWhere = strawberry.UNSET,
        after: After = strawberry.UNSET,
        first: First = strawberry.UNSET,
    ) -> Question:
        most = given(first)
        if most is not None and most < 0:
            msg = f"first is {most}; at least 0"
            raise InvalidError(msg)
        context = info.context
        context.watched = Watched(
            RUNS, where=asked(where), after=given(after), first=most, changes=context.changes
        )
        return context.watched
