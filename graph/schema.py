"""The schema: root types put together, executed by way of questions."""

from functools import cache

from strawberry.schema.config import StrawberryConfig

from graph.compiled import CompiledSchema
from graph.executor import QuestionExecutionContext
from graph.mutation import Mutation
from graph.query import Query
from graph.subscription import Subscription, Telling
from graph.types.feedback import Feedback
from graph.types.project import Project
from graph.types.run import Run
from graph.types.scalars import SCALARS

schema = CompiledSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Run, Project, Feedback],
    execution_context_class=QuestionExecutionContext,
    config=StrawberryConfig(scalar_map=SCALARS),
)


@cache
def telling() -> CompiledSchema:
    """Return the schema in which what a subscription selects is a query for many events at once."""
    return CompiledSchema(
        query=Telling,
        types=[Run, Project, Feedback],
        execution_context_class=QuestionExecutionContext,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
