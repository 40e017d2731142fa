"""The schema with compiled execution before it.

What the engine can answer it answers, the rest goes to graphql-core.
"""

import asyncio
import gc
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import graphql
import strawberry
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from db.errors import StoreError
from graph.binding import StoreAnswers, StoreBinding, tell_failed_plan
from graph.context import Context
from graph.engine.cache import Cache
from graph.engine.lifting import Lifted, lift, with_variables
from graph.engine.operation import Operation, chosen
from graph.limits.bounds import Limits, too_costly
from graph.limits.cost import Cost
from graph.limits.prices import prices_of
from graph.limits.tokens import count_tokens
from graph.preparing import LONG, Place, Prepared, cost_of, prepare, slim
from graph.setting_kinds import Engine
from graph.types.sizes import SIZES, TREES, WEIGHTS

_MOST_DOCUMENTS = 2000
_MOST_BYTES = 16 * 1024 * 1024
_WEIGHT = 150
"""Bytes of memory, roughly, for each byte of a text whose document is kept."""
_LIGHT = 5
"""The same for a text whose document is not: there are errors, or it shares another's."""

_MOST_INTROSPECTIONS = 16

_WHOLE = frozenset({Engine.OPERATION, Engine.HTTP})
_OPERATION, _QUERY = Engine.OPERATION, OperationType.QUERY  # Python 3.11 looks members up slowly
_NOT_ALLOWED = {
    OperationType.MUTATION: ("METHOD_NOT_ALLOWED", "a mutation is sent by POST"),
    OperationType.SUBSCRIPTION: (
        "SUBSCRIPTION_NEEDS_STREAM",
        "a subscription is sent over a WebSocket, or with Accept: text/event-stream",
    ),
}


class CompiledSchema(strawberry.Schema):
    """Strawberry's schema, executed by plans where they are certain."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # pyright: ignore[reportUnknownMemberType]
        self._prices = prices_of(self._schema, SIZES, WEIGHTS, TREES)
        self._prepared: Cache[Prepared] = Cache(_MOST_DOCUMENTS, _MOST_BYTES)
        self._written: Cache[Prepared] = Cache(_MOST_DOCUMENTS, _MOST_BYTES)
        self._lifted: Cache[tuple[Operation, int | Cost]] = Cache(_MOST_DOCUMENTS, _MOST_BYTES)
        self._introspected: Cache[ExecutionResult] = Cache(_MOST_INTROSPECTIONS, _MOST_BYTES)
        self._aside = ThreadPoolExecutor(1, "rungraph-schema")  # one: more would starve the loop
        self._bindings: dict[str, StoreBinding] = {}

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Say nothing: errors are logged where they are shown."""

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute a document: by plan, else by graphql-core."""
        if not query or not isinstance(context_value, Context):
            msg = "a text and a context are wanted"
            raise TypeError(msg)
        allowed = allowed_operation_types is None or _QUERY in allowed_operation_types
        try:
            if allowed:
                data = await self.planned(query, variable_values, operation_name, context_value)
                if data is not None:
                    return ExecutionResult(data=data, errors=None)
            found = await self.checked(query, variable_values, operation_name, context_value)
        except GraphQLError as error:
            return ExecutionResult(data=None, errors=[error])
        errors = list(found.errors) or _not_allowed(found, allowed_operation_types)
        if errors:
            return ExecutionResult(data=None, errors=errors)
        if found.introspects:
            return await self._introspect(query, found, variable_values)
        context_value.prepared = found
        return await super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed_operation_types,
            operation_extensions,
        )

    async def planned(
        self, query: str, variables: dict[str, Any] | None, name: str | None, context: Context
    ) -> dict[str, Any] | None:
        """Return the data of a query that can be answered by plan, else None.

        Raises LimitError where the variables ask for too much.
        """
        if context.engine not in _WHOLE:
            return None
        place = Place(context.reading.dialect, context.limits)
        prepared = self._prepared.get((query, name, place))
        if prepared is None:
            prepared = await self._prepare(query, name, place)
        if prepared.operation is None:
            return None
        context.cost = prepared.check(variables, context.limits)
        context.prepared = prepared
        answers = StoreAnswers(context.reading)
        given = {**(variables or {}), **prepared.literals} if prepared.literals else variables
        try:
            data = await prepared.operation.run(given, context, answers)
        except Exception as error:  # noqa: BLE001 - whatever it is, graphql-core knows what to say
            tell_failed_plan(error)
            context.reading.alone = False
            several = prepared.operation.has_several_roots and not isinstance(error, StoreError)
            context.engine = Engine.EXECUTOR if several else Engine.OFF
            return None
        context.path = _OPERATION
        context.large = answers.extent if answers.large else None
        return data

    async def checked(
        self, query: str, variables: dict[str, Any] | None, name: str | None, context: Context
    ) -> Prepared:
        """Return what became of a text as it stands: its errors, or a document that may be run.

        Raises LimitError where the variables ask for too much.
        """
        place = Place(context.reading.dialect, context.limits)
        key = (query, name, place)
        found = self._prepared.get(key)
        if found is None or not (found.errors or found.document):
            found = self._written.get(key)
        if found is None:
            found = self._planning(await self._made(query, name, place), name, place)
            self._written.put(key, found, _weight(query, found))
        context.cost = found.check(variables, context.limits)
        return found

    def warm(self, text: str, dialect: str, limits: Limits) -> None:
        """Prepare every operation of a document. Raises GraphQLError where it is not allowed."""
        place = Place(dialect, limits)
        count_tokens(text, limits)
        for definition in parse(text).definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                found = self._keep(text, name, place, self._measured(text, name, place))
                for error in found.errors:
                    raise error

    async def _prepare(self, query: str, name: str | None, place: Place) -> Prepared:
        """Prepare a text by one that differs from it in literals only, else by itself."""
        found = self._like_another(query, name, place)
        if found is None:
            found = await self._made(query, name, place)
        return self._keep(query, name, place, found)

    async def _made(self, query: str, name: str | None, place: Place) -> Prepared:
        """Prepare a text by itself; others need the loop meanwhile if it is long."""
        if len(query) > LONG:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._aside, self._measured_aside, query, name, place)
        return self._measured(query, name, place)

    def _measured(self, query: str, name: str | None, place: Place) -> Prepared:
        return prepare(self._schema, self._prices, query, name, place.limits)

    def _measured_aside(self, query: str, name: str | None, place: Place) -> Prepared:
        """Prepare a long text, and leave nothing behind.

        Tokens and visitors know each other in circles: of a text that is refused they would stay
        until many others had been as well.
        """
        found = self._measured(query, name, place)
        gc.collect(1)
        return found

    def _like_another(self, query: str, name: str | None, place: Place) -> Prepared | None:
        try:
            count_tokens(query, place.limits)
        except GraphQLError as error:
            return Prepared((slim(error),))
        lifted = lift(query)
        known = lifted and self._lifted.get((lifted.form, name, place))
        return self._with_literals(*known, lifted, place) if lifted and known else None

    def _keep(self, query: str, name: str | None, place: Place, found: Prepared) -> Prepared:
        """Keep what became of a text, and what of it all texts of its form share."""
        planned = found if found.errors else self._planning(found, name, place)
        shared = None if planned.operation is None else self._shared(query, name, place, planned)
        kept = shared or planned
        self._prepared.put((query, name, place), kept, _weight(query, kept))
        return kept

    def _planning(self, found: Prepared, name: str | None, place: Place) -> Prepared:
        """Return what was found with its operation, if it is one for the engine."""
        if found.errors or found.document is None:
            return found
        return replace(found, operation=self._operation(found.document, name, place.dialect))

    def _shared(
        self, query: str, name: str | None, place: Place, found: Prepared
    ) -> Prepared | None:
        """Return an operation that all texts of this form share; None where there is none."""
        lifted = lift(query)
        if lifted is None or found.document is None:
            return None
        document = with_variables(self._schema, found.document, lifted)
        operation = document and self._operation(document, name, place.dialect)
        if not document or not operation:
            return None
        cost = cost_of(self._schema, self._prices, document, operation.node, place.limits)
        self._lifted.put((lifted.form, name, place), (operation, cost), _WEIGHT * len(query))
        return self._with_literals(operation, cost, lifted, place)

    def _with_literals(
        self, operation: Operation, cost: int | Cost, lifted: Lifted, place: Place
    ) -> Prepared:
        """Return an operation for the literals of one text."""
        if not isinstance(cost, int) and cost.variables <= lifted.values.keys():
            cost = cost.of(lifted.values)
            if cost > place.limits.cost:
                return Prepared((too_costly(cost, place.limits),))
        return Prepared(operation=operation, literals=lifted.values, cost=cost)

    async def _introspect(
        self, query: str, found: Prepared, variables: dict[str, Any] | None
    ) -> ExecutionResult:
        """Answer what is asked of the schema itself, in a thread, and keep the answer."""
        assert found.document is not None and found.node is not None  # noqa: S101, PT018
        name = found.node.name.value if found.node.name else None
        known = self._introspected.get((query, name))
        if known is not None:
            return known
        execute: Any = graphql.execute_sync  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        asked = partial(
            execute,
            self._schema,
            found.document,
            variable_values=variables,
            operation_name=name,
        )
        result = await asyncio.get_running_loop().run_in_executor(self._aside, asked)
        answer = ExecutionResult(data=result.data, errors=result.errors)
        if not found.node.variable_definitions:
            self._introspected.put((query, name), answer, _WEIGHT * len(query))
        return answer

    def _create_execution_context(
        self, query: str | None, *args: Any, **options: Any
    ) -> ExecutionContext:
        """Return what Strawberry executes, parsed and validated already."""
        made = super()._create_execution_context(query, *args, **options)
        found = made.context.prepared
        made.graphql_document = found.document
        made.pre_execution_errors = []
        made.context.operation = found.operation
        return made

    def _operation(
        self, document: DocumentNode, name: str | None, dialect: str
    ) -> Operation | None:
        operation = chosen(document, name)
        if operation is None:
            return None
        binding = self._bindings.setdefault(dialect, StoreBinding(dialect))
        return Operation(self._schema, binding, document, operation)


def _weight(query: str, kept: Prepared) -> int:
    """Return about how many bytes it takes to keep what became of a text."""
    return (_LIGHT if kept.document is None else _WEIGHT) * len(query)


def _not_allowed(found: Prepared, allowed: Iterable[OperationType] | None) -> list[GraphQLError]:
    """Return the error of an operation that may not be sent this way."""
    assert found.node is not None  # noqa: S101 - there were no errors
    kind = OperationType(found.node.operation.value)
    if kind in (allowed or (OperationType.QUERY, OperationType.MUTATION)):
        return []
    code, message = _NOT_ALLOWED[kind]
    return [GraphQLError(message, extensions={"code": code})]
