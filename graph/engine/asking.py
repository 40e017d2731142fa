"""Arguments and variables on the short way.

Where they are plain scalars, coercing them is only a check, and a resolver can be called as the
function it is. Whatever is not plain goes the long way, through graphql-core and Strawberry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLScalarType,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
)
from graphql.execution.values import VariableValues
from graphql.language import NamedTypeNode, NonNullTypeNode

from graph.engine.declared import is_required, nullable
from graph.engine.protocol import Bail, Binding
from graph.engine.selection import Field

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1

_PLAIN: dict[str, Callable[[Any], bool]] = {
    "ID": lambda value: type(value) is str,
    "String": lambda value: type(value) is str,
    "Int": lambda value: type(value) is int and _INT_MIN <= value <= _INT_MAX,
    "Boolean": lambda value: type(value) is bool,
}
Convert = Callable[[Any], Any]
Call = Callable[[Any, Any, dict[str, Any]], Any]

EACH = object()
"""Stands for the row a resolver is asked about."""


class Refused:
    """The question of a resolver that raised: an error for each row, none where there is no row."""

    shape = form = "refused"


REFUSED = Refused()


@dataclass(frozen=True, slots=True)
class PlainVariable:
    """A variable of a plain scalar without a default."""

    name: str
    required: bool
    fits: Callable[[Any], bool]


def plain_variables(operation: OperationDefinitionNode) -> list[PlainVariable] | None:
    """Return an operation's variables if all are plain."""
    found: list[PlainVariable] = []
    for each in operation.variable_definitions or ():
        required = isinstance(each.type, NonNullTypeNode)
        declared = each.type.type if isinstance(each.type, NonNullTypeNode) else each.type
        if not isinstance(declared, NamedTypeNode) or each.default_value is not None:
            return None
        fits = _PLAIN.get(declared.name.value)
        if fits is None:
            return None
        found.append(PlainVariable(each.variable.name.value, required, fits))
    return found


def coerced(plain: list[PlainVariable], given: dict[str, Any]) -> VariableValues | None:
    """Return the values of plain variables; None where one does not fit."""
    values: dict[str, Any] = {}
    for each in plain:
        if each.name not in given:
            if each.required:
                return None
            continue
        value = given[each.name]
        if each.required if value is None else not each.fits(value):
            return None
        values[each.name] = value
    return VariableValues({}, values)


class Asker:
    """Asks one field's resolver its question, with the variables of a request."""

    def __init__(self, each: Field, binding: Binding) -> None:
        self.field = each
        self._call: Call | None = None
        self._converters: dict[str, tuple[str, Convert]] = {}
        self._bare: list[tuple[str, str, bool]] | None = None
        if each.definition is not None:
            self._call = binding.call(each.definition)
            self._converters = {
                name: (binding.argument(argument), binding.converter(argument))
                for name, argument in each.definition.args.items()
            }
            self._bare = _bare_variables(each, self._converters)

    def ask(self, variables: VariableValues, info: Any) -> Any:
        """Return the question, `REFUSED` where the resolver would have none of its arguments."""
        try:
            question = self._ask(variables, info)
        except Exception:  # noqa: BLE001 - graphql-core reports it, once for each row
            return REFUSED
        if question is not None and getattr(question, "shape", None) is None:
            raise Bail
        return question

    def _ask(self, variables: VariableValues, info: Any) -> Any:
        if self._call is None:
            definition = self.field.definition
            if definition is None or definition.resolve is None:
                raise Bail
            return definition.resolve(EACH, info, **self.field.arguments(variables))
        if self._bare is not None:
            return self._call(EACH, info, _values(self._bare, variables.coerced))
        arguments: dict[str, Any] = {}
        for name, value in self.field.arguments(variables).items():
            python_name, convert = self._converters[name]
            arguments[python_name] = convert(value)
        return self._call(EACH, info, arguments)


def _values(bare: list[tuple[str, str, bool]], values: dict[str, Any]) -> dict[str, Any]:
    """Return arguments that are variables, by Python name."""
    arguments: dict[str, Any] = {}
    for name, variable, required in bare:
        if variable in values:
            value = values[variable]
            if value is None and required:
                raise Bail
            arguments[name] = value
        elif required:
            raise Bail
    return arguments


def _bare_variables(
    each: Field, converters: dict[str, tuple[str, Convert]]
) -> list[tuple[str, str, bool]] | None:
    """Return (Python name, variable, required) of each argument, if all are plain variables."""
    definition = each.definition
    if definition is None:
        return None
    given = {argument.name.value: argument.value for argument in each.node.arguments or ()}
    found: list[tuple[str, str, bool]] = []
    for name, argument in definition.args.items():
        value = given.get(name)
        if argument.default_value is not Undefined:
            return None
        if value is None:
            if _is_required(argument):
                return None
            continue
        if not isinstance(value, VariableNode) or not _is_plain(argument):
            return None
        found.append((converters[name][0], value.name.value, _is_required(argument)))
    return found


def _is_required(argument: GraphQLArgument) -> bool:
    return is_required(cast("Any", argument).type)


def _is_plain(argument: GraphQLArgument) -> bool:
    declared = nullable(cast("Any", argument).type)
    return isinstance(declared, GraphQLScalarType) and declared.name in _PLAIN
