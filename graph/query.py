"""Where reading starts."""

from typing import Annotated

import strawberry

from db import project_questions, runs, stats
from db.buckets import TimeInterval
from db.compare import compared
from db.errors import InvalidError
from db.pages import page
from db.questions import RUNS, Nodes, Page, Question
from graph.types.comparison import RunComparison
from graph.types.declare import object_type
from graph.types.filters import MaybeWhere, ProjectFilter, asked
from graph.types.node import Node
from graph.types.orders import MaybeOrder, ordered
from graph.types.paging import After, Before, First, Last, given
from graph.types.project import Project, ProjectConnection, ProjectRef
from graph.types.run import Run, RunConnection
from graph.types.scalars import parse_id
from graph.types.stats import RunGroup, RunStatsGroup, grouping
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
        graphql_type=RunConnection | None,
        description="Runs of all projects, newest first unless ordered.",
    )
    @staticmethod
    def runs(
        where: MaybeWhere = strawberry.UNSET,
        order_by: MaybeOrder = strawberry.UNSET,
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
            order=ordered(order_by),
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

    @strawberry.field(
        graphql_type=list[RunStatsGroup] | None,
        description=(
            "Runs summed up in groups, those with most runs first, each from the first bucket to"
            " the last, empty ones included. Without groupBy and interval there is one group. At"
            " most 10,000 groups, empty ones included."
        ),
    )
    @staticmethod
    def run_stats(
        where: MaybeWhere = strawberry.UNSET,
        group_by: Annotated[
            list[RunGroup] | None,
            strawberry.argument(
                description="Runs that agree in all of these are one group; at most 5."
            ),
        ] = strawberry.UNSET,
        interval: Annotated[
            TimeInterval | None,
            strawberry.argument(description="Divide each group by when its runs began."),
        ] = strawberry.UNSET,
        time_zone: Annotated[
            str | None,
            strawberry.argument(
                description="Whose calendar the interval follows, as Europe/Paris; else UTC."
            ),
        ] = strawberry.UNSET,
    ) -> Question:
        return stats.grouped(
            asked(where), grouping(given(group_by)), given(interval), given(time_zone)
        )

    @strawberry.field(
        graphql_type=RunComparison | None,
        description=(
            "Two runs, of whatever traces, and all below them side by side; null when one is not"
            " there. Together at most 50,000 runs."
        ),
    )
    @staticmethod
    def compare_runs(
        a: Annotated[strawberry.ID, strawberry.argument(description="The id of the first run.")],
        b: Annotated[strawberry.ID, strawberry.argument(description="The id of the second run.")],
    ) -> Question:
        return compared(parse_id("a", a), parse_id("b", b))
