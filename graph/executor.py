"""The glue between questions and graphql-core: a resolver may return a question."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, get_args

from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db.questions import Question

_QUESTIONS: tuple[type, ...] = get_args(Question)


class QuestionExecutionContext(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, which also completes questions: it answers them first."""

    def complete_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a value, asking the question it may be."""
        complete: Callable[..., Any] = super().complete_value
        if not isinstance(result, _QUESTIONS):
            return complete(return_type, field_details_list, info, path, result, position_context)

        again: Callable[..., Any] = self.complete_value

        async def answered() -> Any:
            value = await self.context_value.loading.answer(result)
            done = again(return_type, field_details_list, info, path, value, position_context)
            return await done if isawaitable(done) else done

        return answered()
