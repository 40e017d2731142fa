"""What a document selects, in a tree that a plan is made from.

Fields are collected by graphql-core itself, so that fragments, directives and merging are right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import ast, visit, visitor

from graph.engine.declared import Declared
from graph.engine.protocol import Bail


@dataclass(slots=True)
class Field:
    """One key of an answer, on one type of object."""

    key: str
    name: str
    node: FieldNode
    definition: GraphQLField | None
    uid: int
    below: dict[str, "Selection"] = field(default_factory=dict[str, "Selection"])
    constant: bool = True

    @property
    def type(self) -> Declared:
        """The declared type."""
        assert self.definition is not None  # noqa: S101 - __typename is asked before
        return cast("Any", self.definition).type

    def arguments(self, variables: VariableValues) -> dict[str, Any]:
        """Return the coerced arguments."""
        assert self.definition is not None  # noqa: S101 - as above
        if not self.definition.args:
            return {}
        return get_argument_values(self.definition, self.node, variables)


@dataclass(slots=True)
class Selection:
    """The fields of one object type at one place, by key, in order."""

    type: GraphQLObjectType
    fields: list[Field]

    def walk(self) -> Iterator[Field]:
        """Yield every field at and below this place, parents first."""
        for each in self.fields:
            yield each
            for below in each.below.values():
                yield from below.walk()


class Collector:
    """Collects one operation's selections."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._variables = variables
        self._uid = 0

    def fields(self, type: GraphQLObjectType, grouped: dict[str, list[FieldDetails]]) -> Selection:
        """Return the selection of fields that graphql-core has grouped by key."""
        return Selection(type, [self._field(type, key, some) for key, some in grouped.items()])

    def _field(self, type: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Field:
        if any(each.fragment_variable_values is not None for each in details):
            raise Bail
        node = details[0].node
        name = node.name.value
        self._uid += 1
        if name == "__typename":
            return Field(key, name, node, None, self._uid)
        definition = type.fields.get(name)
        if definition is None:
            raise Bail
        made = Field(key, name, node, definition, self._uid, constant=not _uses_variable(node))
        for below in self._possible(made.type):
            made.below[below.name] = self._below(below, details)
        return made

    def _below(self, type: GraphQLObjectType, details: list[FieldDetails]) -> Selection:
        collected = collect_subfields(
            self._schema, self._fragments, self._variables, self._operation, type, details
        )
        if collected.new_defer_usages:
            raise Bail
        return self.fields(type, collected.grouped_field_set)

    def _possible(self, declared: Declared) -> list[GraphQLObjectType]:
        named: Any = cast("Any", get_named_type)(declared)
        if is_object_type(named):
            return [named]
        if is_abstract_type(named):
            return list(self._schema.get_possible_types(named))
        return []


def _uses_variable(node: FieldNode) -> bool:
    found = False

    class Finder(visitor.Visitor):
        def enter_variable(self, *_: Any) -> Any:
            nonlocal found
            found = True
            return visitor.BREAK

    for argument in node.arguments or ():
        visit(argument, Finder())
    return found


def deciding_variables(
    nodes: list[OperationDefinitionNode | FragmentDefinitionNode],
) -> tuple[str, ...]:
    """Return the variables that @skip and @include look at: their values shape the selection."""
    names: set[str] = set()

    class Finder(visitor.Visitor):
        def enter_directive(self, node: ast.DirectiveNode, *_: Any) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    names.add(argument.value.name.value)

    for node in nodes:
        visit(node, Finder())
    return tuple(sorted(names))
