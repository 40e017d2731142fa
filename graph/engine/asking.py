"""Variables and arguments on the short way: what coerces them is prepared once for a document.

What is not valid is left to graphql-core, which says why.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from graphql import GraphQLField, GraphQLSchema, OperationDefinitionNode, Undefined
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value

from graph.engine.declared import is_required
from graph.engine.inputs import (
    OMITTED,
    Coerce,
    HasOddVariablesError,
    Make,
    coercer,
    default_of,
    given,
)
from graph.engine.protocol import Bail, Binding
from graph.engine.selection import Field

Call = Callable[[Any, Any, dict[str, Any]], Any]

EACH = object()
"""Stands for the row a resolver is asked about."""


class Refused:
    """The question of a resolver that raised: an error for each row, none where there is no row."""

    shape = form = "refused"


REFUSED = Refused()


class _Variable(NamedTuple):
    """A variable: how its value is coerced, and what stands for it where none is given.

    `absent` may be OMITTED, or Undefined where there has to be a value; `signature` is how
    graphql-core wants to be told of it.
    """

    name: str
    coerce: Coerce
    absent: Any
    signature: Any


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._declared: list[_Variable] = []
        for each in operation.variable_definitions or ():
            found: Any = get_variable_signature(schema, each)
            absent = coerce_default_value(found)
            if absent is Undefined and not is_required(found.type):
                absent = OMITTED
            self._declared.append(_Variable(found.name, coercer(found.type), absent, found))

    def coerced(self, given: Mapping[str, Any]) -> VariableValues:
        """Return the values of a request. Raises Bail where one is not valid."""
        values: dict[str, Any] = {}
        for name, coerce, absent, _ in self._declared:
            if name in given:
                values[name] = coerce(given[name], 0)
            elif absent is Undefined:
                raise Bail
            elif absent is not OMITTED:
                values[name] = absent
        sources: Any = _Sources(self._declared, given)  # a dict it is said to be; it is only read
        return VariableValues(sources, values)


class _Sources(Mapping[str, VariableValueSource]):
    """Where the values of variables came from: only graphql-core asks, when it coerces itself."""

    __slots__ = ("_declared", "_given")

    def __init__(self, declared: list[_Variable], given: Mapping[str, Any]) -> None:
        self._declared = declared
        self._given = given

    def __getitem__(self, name: str) -> VariableValueSource:
        for each in self._declared:
            if each.name == name:
                told = (self._given[name],) if name in self._given else ()
                return VariableValueSource(each.signature, *told)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([each.name for each in self._declared])

    def __len__(self) -> int:
        return len(self._declared)


class Asker:
    """Asks one field's resolver its question, with the variables of a request."""

    def __init__(self, each: Field, binding: Binding) -> None:
        self.field = each
        self._call: Call | None = None
        self._arguments: list[tuple[str, Make]] | None = None
        if each.definition is None:
            return
        self._call = binding.call(each.definition)
        self._converters = {
            name: (binding.argument(argument), binding.converter(argument))
            for name, argument in each.definition.args.items()
        }
        self._arguments = self._prepared(each.definition)

    def _prepared(self, definition: GraphQLField) -> list[tuple[str, Make]] | None:
        """Return what makes each argument, by its Python name; None where that is not known."""
        nodes = {
            argument.name.value: argument.value for argument in self.field.node.arguments or ()
        }
        found: list[tuple[str, Make]] = []
        try:
            for name, argument in definition.args.items():
                absent = default_of(argument)
                if name in nodes or absent is not OMITTED:
                    python_name, convert = self._converters[name]
                    make = given(nodes.get(name), cast("Any", argument).type, absent)
                    found.append((python_name, _converted(make, convert) if convert else make))
        except HasOddVariablesError:
            return None
        return found

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
        if self._arguments is None:
            return self._call(EACH, info, self._on_the_long_way(variables))
        values = variables.coerced
        arguments: dict[str, Any] = {}
        for name, make in self._arguments:
            value = make(values)
            if value is not OMITTED:
                arguments[name] = value
        return self._call(EACH, info, arguments)

    def _on_the_long_way(self, variables: VariableValues) -> dict[str, Any]:
        """Return the arguments by Python name, coerced by graphql-core."""
        arguments: dict[str, Any] = {}
        for name, value in self.field.arguments(variables).items():
            python_name, convert = self._converters[name]
            arguments[python_name] = convert(value) if convert else value
        return arguments


def _converted(make: Make, convert: Callable[[Any], Any]) -> Make:
    def converted(values: Mapping[str, Any]) -> Any:
        value = make(values)
        return value if value is OMITTED else convert(value)

    return converted
