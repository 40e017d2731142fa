"""The schema with compiled execution before it.

What the engine can answer it answers, the rest goes to graphql-core.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from db.errors import StoreError
from graph.binding import StoreAnswers, StoreBinding, tell_failed_plan
from graph.context import Context
from graph.engine.cache import Cache
from graph.engine.lifting import lift, with_variables
from graph.engine.operation import Operation, chosen
from graph.settings import Engine

_MOST_DOCUMENTS = 2000
_MOST_BYTES = 8 * 1024 * 1024
_WEIGHT = 20
"""Bytes of memory, roughly, for each byte of a document's text."""


_WHOLE = frozenset({Engine.OPERATION, Engine.HTTP})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of a query text: errors, or an operation, or neither (not for the engine).

    `literals` are values of the operation's variables that the text itself holds; `document` is
    the text as it stands, where it could be parsed and nothing was taken out of it.
    """

    errors: tuple[GraphQLError, ...]
    operation: Operation | None
    literals: dict[str, Any]
    document: DocumentNode | None = None


class CompiledSchema(strawberry.Schema):
    """Strawberry's schema, executed by plans where they are certain."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # pyright: ignore[reportUnknownMemberType]
        self._prepared: Cache[Prepared] = Cache(_MOST_DOCUMENTS, _MOST_BYTES)
        self._written: Cache[Prepared] = Cache(_MOST_DOCUMENTS, _MOST_BYTES)
        self._lifted: Cache[Operation] = Cache(_MOST_DOCUMENTS, _MOST_BYTES)
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
        allowed = allowed_operation_types is None or OperationType.QUERY in allowed_operation_types
        if query and allowed and isinstance(context_value, Context):
            data = await self.planned(query, variable_values, operation_name, context_value)
            if data is not None:
                return ExecutionResult(data=data, errors=None)
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
        """Return the data of a query that can be answered by plan, else None."""
        if context.engine not in _WHOLE:
            return None
        prepared = self._prepare(query, name, context.reading.dialect)
        if prepared.operation is None:
            return None
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
        context.path = Engine.OPERATION
        context.large = answers.large
        return data

    def warm(self, text: str, dialect: str) -> None:
        """Prepare every operation of a document. Raises GraphQLError where it is not valid."""
        for definition in parse(text).definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                for error in self._prepare(text, name, dialect).errors:
                    raise error

    def _prepare(self, query: str, name: str | None, dialect: str) -> Prepared:
        key = (query, name, dialect)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._like_another(query, name, dialect)
            self._prepared.put(key, prepared, _WEIGHT * len(query))
        return prepared

    def _like_another(self, query: str, name: str | None, dialect: str) -> Prepared:
        """Prepare a text by one that differs from it in literals only, where there is one."""
        lifted = lift(query)
        if lifted is None:
            return self._compile(query, name, dialect)
        key = (lifted.form, name, dialect)
        known = self._lifted.get(key)
        if known is not None:
            return Prepared((), known, lifted.values)
        prepared = self._compile(query, name, dialect)
        if prepared.operation is None:
            return prepared
        document = with_variables(self._schema, prepared.operation.document, lifted)
        operation = document and self._operation(document, name, dialect)
        if not operation:
            return prepared
        self._lifted.put(key, operation, _WEIGHT * len(query))
        return Prepared((), operation, lifted.values)

    def _create_execution_context(
        self, query: str | None, *args: Any, **options: Any
    ) -> ExecutionContext:
        """Return what Strawberry executes, parsed and validated already."""
        made = super()._create_execution_context(query, *args, **options)
        context = made.context
        if not (query and isinstance(context, Context)) or context.settings.engine is Engine.OFF:
            return made
        name = options.get("operation_name")
        found = self._as_written(query, name, context.reading.dialect)
        if found.document is not None:
            made.graphql_document = found.document
            made.pre_execution_errors = list(found.errors)
            context.operation = found.operation
        return made

    def _as_written(self, query: str, name: str | None, dialect: str) -> Prepared:
        """Return what became of a text, nothing taken out of it."""
        key = (query, name, dialect)
        found = self._prepared.get(key)
        if found is None or found.document is None:
            found = self._written.get(key)
        if found is None:
            found = self._compile(query, name, dialect)
            self._written.put(key, found, _WEIGHT * len(query))
        return found

    def _compile(self, query: str, name: str | None, dialect: str) -> Prepared:
        try:
            document = parse(query)
        except GraphQLError as error:
            return Prepared((error,), None, {})
        errors = validate_document(self._schema, document, tuple(specified_rules))
        if errors:
            return Prepared(tuple(errors), None, {}, document)
        return Prepared((), self._operation(document, name, dialect), {}, document)

    def _operation(
        self, document: DocumentNode, name: str | None, dialect: str
    ) -> Operation | None:
        operation = chosen(document, name)
        if operation is None:
            return None
        binding = self._bindings.setdefault(dialect, StoreBinding(dialect))
        return Operation(self._schema, binding, document, operation)
