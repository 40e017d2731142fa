"""Where reading starts."""

from typing import Annotated

import strawberry

from db import project_questions, runs
from db.errors import InvalidError
from db.pages import page
from db.questions import RUNS, Nodes, Page, Question
from graph.types.declare import object_type
from graph.types.filters import MaybeWhere, ProjectFilter, asked
from graph.types.node import Node
from graph.types.paging import After, Before, First, Last, given
from graph.types.project import Project, ProjectConnection, ProjectRef
from graph.types.run import Run, RunConnection
from graph.types.scalars import parse_id
from graph.types.trace import Trace

MOST_NODES = 1000


@object_type("Where reading starts.")
class Query:
    """The root of every query."""

    @strawberry.field(
        graphql_type=Node | None, description="Whatever has this id; null when nothing has."
    )
    @staticmethod
    def node(
        id: Annotated[
            strawberry.ID, strawberry.argument(description="The id of a run, project or feedback.")
        ],
    ) -> Question:
        return Nodes((parse_id("id", id),), one=True)

    @strawberry.field(
        graphql_type=list[Node | None],
        description="Whatever has each of these ids, in their order; null for one nobody has.",
    )
    @staticmethod
    def nodes(
        ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(description="Ids of runs, projects or feedback, at most 1000."),
        ],
    ) -> Question:
        if len(ids) > MOST_NODES:
            msg = f"ids has {len(ids)} ids; at most {MOST_NODES}"
            raise InvalidError(msg)
        return Nodes(tuple(map(runs.id_or_none, ids)))

    @strawberry.field(graphql_type=Run | None, description="One run; null when there is none.")
    @staticmethod
    def run(
        id: Annotated[strawberry.ID, strawberry.argument(description="The run's id.")],
        trace_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Its trace: spares a distributed store the search."),
        ] = strawberry.UNSET,
    ) -> Question:
        trace = given(trace_id)
        return runs.by_id(parse_id("id", id), None if trace is None else parse_id("traceId", trace))

    @strawberry.field(
        graphql_type=RunConnection | None, description="Runs of all projects, newest first."
    )
    @staticmethod
    def runs(
        where: MaybeWhere = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Page:
        return page(
            RUNS,
            where=asked(where),
            first=given(first),
            after=given(after),
            last=given(last),
            before=given(before),
        )

    @strawberry.field(
        graphql_type=Trace | None, description="All runs of one trace; null when there are none."
    )
    @staticmethod
    def trace(
        trace_id: Annotated[
            strawberry.ID, strawberry.argument(description="The id of the root run.")
        ],
    ) -> Question:
        return runs.trace(parse_id("traceId", trace_id))

    @strawberry.field(
        graphql_type=Project | None, description="One project; null when there is none."
    )
    @staticmethod
    def project(
        by: Annotated[ProjectRef, strawberry.argument(description="Which project.")],
    ) -> Question:
        id = given(by.id)
        if id is not None:
            return project_questions.by_id(parse_id("by.id", id))
        return project_questions.by_name(by.name or "")

    @strawberry.field(graphql_type=ProjectConnection | None, description="The projects, by name.")
    @staticmethod
    def projects(
        where: Annotated[
            ProjectFilter | None,
            strawberry.argument(description="Only projects for which all of this holds."),
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return project_questions.all_of(asked(where), given(first), given(after))
