"""The schema: root types put together, executed by way of questions."""

from strawberry.schema.config import StrawberryConfig

from graph.compiled import CompiledSchema
from graph.executor import QuestionExecutionContext
from graph.mutation import Mutation
from graph.query import Query
from graph.types.feedback import Feedback
from graph.types.project import Project
from graph.types.run import Run
from graph.types.scalars import SCALARS

schema = CompiledSchema(
    query=Query,
    mutation=Mutation,
    types=[Run, Project, Feedback],
    execution_context_class=QuestionExecutionContext,
    config=StrawberryConfig(scalar_map=SCALARS),
)
