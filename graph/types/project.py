"""Projects: named collections of traces."""

from typing import Any

import strawberry

from db import threads
from db.entities import PROJECT
from db.pages import page
from db.questions import RUNS_OF_PROJECT, Page, Question
from db.rows import Row
from db.stats import StatsOf
from graph.types.declare import object_type, optional
from graph.types.filters import MaybeWhere, asked
from graph.types.node import Node
from graph.types.orders import MaybeOrder, ordered
from graph.types.paging import After, Before, Connection, First, Last, given
from graph.types.run import RunConnection
from graph.types.scalars import JSON, DateTime
from graph.types.stats import RunStats
from graph.types.thread import ThreadConnection


@object_type("A named collection of traces; LangSmith calls it a session.")
class Project(Node):
    """Backed by rows of `db.entities.PROJECT`."""

    name: str = strawberry.field(description="Unique over all projects.")
    description: str | None = strawberry.field(description="What it is for.")
    created_at: DateTime = strawberry.field(description="When it was first heard of.")
    metadata: JSON | None = strawberry.field(
        description="Whatever was noted of it; {} when nothing was."
    )
    retention_days: int | None = strawberry.field(
        description="For how many days it keeps runs; 0: for ever; null: as the server is set."
    )

    @strawberry.field(
        graphql_type=RunConnection | None,
        description="Its runs, newest first unless ordered.",
    )
    @staticmethod
    def runs(
        project: strawberry.Parent[Row],
        where: MaybeWhere = strawberry.UNSET,
        order_by: MaybeOrder = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Page:
        return page(
            RUNS_OF_PROJECT,
            parent=project,
            where=asked(where),
            first=given(first),
            after=given(after),
            last=given(last),
            before=given(before),
            order=ordered(order_by),
        )

    @strawberry.field(
        graphql_type=ThreadConnection | None,
        description="Its threads, that with the newest run first.",
    )
    @staticmethod
    def threads(
        project: strawberry.Parent[Row],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return threads.threads_of(project, given(first), given(after))

    @strawberry.field(
        graphql_type=RunStats | None, description="Its runs, summed up; null if that fails."
    )
    @staticmethod
    def stats(project: strawberry.Parent[Row], where: MaybeWhere = strawberry.UNSET) -> Question:
        return StatsOf(RUNS_OF_PROJECT, project, asked(where))

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        return isinstance(obj, Row) and obj.entity is PROJECT


@object_type(
    "A page of projects. Each part is worked out only when it is selected.",
    name="ProjectConnection",
)
class ProjectConnection(Connection[Project]):
    """Backed by `db.questions.Page`."""


@strawberry.input(one_of=True, description="A project by its id or by its name; give exactly one.")
class ProjectRef:
    """One of the two ways to name a project."""

    id: strawberry.ID | None = optional("The project's id.")
    name: str | None = optional("The project's name.")
