"""The glue between questions and graphql-core: a resolver may return a question.

One of the root is planned, if that level of compiled execution is on; any other is answered through
`graph.loading`, with its equals.
"""

from collections.abc import Callable, Generator
from inspect import isawaitable
from typing import Any, cast, get_args

from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db.questions import Page, Question
from graph.binding import StoreAnswers, tell_failed_plan
from graph.context import Context
from graph.engine.operation import Root
from graph.setting_kinds import Engine

_QUESTIONS: tuple[type, ...] = get_args(Question)
_PLANNED = (*_QUESTIONS, Page)


class QuestionExecutionContext(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, which also completes questions: it answers them first."""

    context_value: Context

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
        if path.prev is None and isinstance(result, _PLANNED) and self._plans():
            return _Later(
                lambda: self._root(
                    return_type, field_details_list, info, path, result, position_context
                )
            )
        return self._complete(return_type, field_details_list, info, path, result, position_context)

    def _complete(self, *given: Any) -> Any:
        """Complete a value without a plan."""
        *before, result, position_context = given
        complete: Callable[..., Any] = cast("Any", super()).complete_value
        if not isinstance(result, _QUESTIONS):
            return complete(*given)

        async def answered() -> Any:
            value = await self.context_value.loading.answer(result)
            done = self._complete(*before, value, position_context)
            return await done if isawaitable(done) else done

        return _Later(answered)

    def _plans(self) -> bool:
        """Say whether this very document has been prepared, and plans may be tried."""
        context = self.context_value
        operation = context.operation
        untried = context.engine is not Engine.OFF
        return untried and operation is not None and operation.node is self.operation

    async def _root(self, *given: Any) -> Any:
        """Answer a field of the root by a plan, else without."""
        _, details, info, path, result, _ = given
        context = self.context_value
        answers = StoreAnswers(context.reading)
        assert context.operation is not None  # noqa: S101 - `_plans` was asked
        try:
            root = Root(info.parent_type, path.key, details)
            value = await context.operation.run_field(
                root, result, self.variable_values, context, answers
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the long way tells
            tell_failed_plan(error)
            done = self._complete(*given)
            return await done if isawaitable(done) else done
        context.path = Engine.EXECUTOR
        return value


class _Later:
    """What a function will return, once it is awaited; if nobody does, it never begins."""

    __slots__ = ("_begin",)

    def __init__(self, begin: Callable[[], Any]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, None, Any]:
        return self._begin().__await__()
