"""Input values, prepared once: by type for what a request sends, by place for what a text holds.

What comes out is what graphql-core would make of them. What it would refuse raises Bail, so that
it can say why.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLInputObjectType,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_required_input_field,
)
from graphql.utilities import coerce_input_literal  # pyright: ignore[reportUnknownVariableType]
from graphql.utilities.coerce_input_value import coerce_default_value

from graph.engine.declared import Declared, is_list, is_required, nullable
from graph.engine.leaves import is_float, is_int
from graph.engine.protocol import Bail

Coerce: TypeAlias = Callable[[Any, int], Any]
"""From a value as JSON holds it, and how deep it lies, to the coerced one."""

Make: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""From coerced variables to the coerced value of a literal."""

OMITTED = object()
"""Stands for a value that is simply not given."""

_DEEPEST = 60
"""How deep objects nest at most; graphql-core refuses what is three times as deep."""

_KINDS: Mapping[str, type] = {"ID": str, "String": str, "Boolean": bool}
_NUMBERS: Mapping[str, Callable[[Any], bool]] = {"Int": is_int, "Float": is_float}
"""Scalars whose usual values are coerced by looking at them: at their class, or by a function."""


class HasOddVariablesError(Exception):
    """A variable stands in a list or object that is itself the value of a scalar."""


def coercer(declared: Declared) -> Coerce:
    """Return what coerces values of a type."""
    bare = nullable(declared)
    coerce = _present(bare)
    if is_required(declared):
        if not is_list(bare) and (bare.name in _KINDS or bare.name in _NUMBERS):
            return coerce  # these refuse null themselves

        def required(value: Any, depth: int) -> Any:
            if value is None:
                raise Bail
            return coerce(value, depth)

        return required
    return lambda value, depth: None if value is None else coerce(value, depth)


def _present(declared: Declared) -> Coerce:
    """Return what coerces values that are not null."""
    if is_list(declared):
        item = coercer(declared.of_type)
        return lambda value, depth: [item(each, depth) for each in _listed(value)]
    if isinstance(declared, GraphQLInputObjectType):
        return lambda value, depth: _object(declared, value, depth)
    kind, fits = _KINDS.get(declared.name), _NUMBERS.get(declared.name)
    if kind is not None:
        return lambda value, _: value if type(value) is kind else _leaf(declared, value)
    if fits is not None:
        return lambda value, _: value if fits(value) else _leaf(declared, value)
    return lambda value, _: _leaf(declared, value)


def _listed(value: Any) -> list[Any]:
    """Return a list; a lone value is a list of one."""
    return cast("list[Any]", value) if type(value) is list else [value]


def _leaf(declared: Declared, value: Any) -> Any:
    try:
        coerced = declared.coerce_input_value(value)
    except Exception as error:
        raise Bail from error
    if coerced is Undefined:
        raise Bail
    return coerced


def _object(declared: GraphQLInputObjectType, value: Any, depth: int) -> Any:
    if type(value) is not dict or depth > _DEEPEST:
        raise Bail
    given = cast("dict[str, Any]", value)
    fields, absent = _fields(declared)
    made: dict[str, Any] = {}
    for name, part in given.items():
        found = fields.get(name)
        if found is None:
            raise Bail
        made[found[0]] = found[1](part, depth + 1)
    for name, (out_name, default) in absent.items():
        if name not in given:
            made[out_name] = _present_or_bail(default)
    return _whole(declared, made)


@cache
def _fields(
    declared: GraphQLInputObjectType,
) -> tuple[Mapping[str, tuple[str, Coerce]], Mapping[str, tuple[str, Any]]]:
    """Return what coerces each field, and what stands for those that may not just be left out."""
    fields = {name: (_out(name, field), coercer(field.type)) for name, field in _items(declared)}
    absent = {name: (_out(name, field), default_of(field)) for name, field in _items(declared)}
    return fields, {name: found for name, found in absent.items() if found[1] is not OMITTED}


def _items(declared: GraphQLInputObjectType) -> list[tuple[str, Any]]:
    return list(declared.fields.items())


def _out(name: str, field: Any) -> str:
    return field.out_name or name


def default_of(field: Any) -> Any:
    """Return what stands for a field or argument that is not given; Undefined: it has to be.

    OMITTED: nothing does.
    """
    if is_required_input_field(field):  # of arguments it says the same
        return Undefined
    found = coerce_default_value(field)
    return OMITTED if found is Undefined else found


def _present_or_bail(value: Any) -> Any:
    if value is Undefined:
        raise Bail
    return value


def _whole(declared: GraphQLInputObjectType, made: dict[str, Any]) -> Any:
    if declared.is_one_of and (len(made) != 1 or None in made.values()):
        raise Bail
    try:
        return declared.out_type(made)
    except Exception as error:  # what a schema's own type does not take
        raise Bail from error


def has_variable(node: ValueNode) -> bool:
    """Say whether a literal is a variable, or holds one."""
    if isinstance(node, ListValueNode):
        return any(map(has_variable, node.values))
    if isinstance(node, ObjectValueNode):
        return any(has_variable(field.value) for field in node.fields)
    return isinstance(node, VariableNode)


def literal(node: ValueNode, declared: Declared) -> Make:
    """Return what makes the value of a valid literal that is no variable itself.

    Raises HasOddVariablesError.
    """
    if not has_variable(node):
        value = _present_or_bail(coerce_input_literal(node, declared))
        return lambda _: value
    bare = nullable(declared)
    if is_list(bare):
        return _list(node, bare.of_type)
    if isinstance(bare, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        return _of_fields(node, bare)
    raise HasOddVariablesError


def _list(node: ValueNode, of: Declared) -> Make:
    if not isinstance(node, ListValueNode):
        one = literal(node, of)
        return lambda values: [one(values)]
    items = [given(each, of, None) for each in node.values]
    return lambda values: [item(values) for item in items]


def _of_fields(node: ObjectValueNode, declared: GraphQLInputObjectType) -> Make:
    nodes = {field.name.value: field.value for field in node.fields}
    parts = [
        (_out(name, field), given(nodes.get(name), field.type, default_of(field)))
        for name, field in _items(declared)
        if name in nodes or default_of(field) is not OMITTED
    ]

    is_plain = not declared.is_one_of and declared.out_type is GraphQLInputObjectType.out_type

    def make(values: Mapping[str, Any]) -> Any:
        made = {name: value for name, part in parts if (value := part(values)) is not OMITTED}
        return made if is_plain else _whole(declared, made)

    return make


def given(node: ValueNode | None, declared: Declared, absent: Any) -> Make:
    """Return what makes the value at a place that may be left out; `absent` stands for it then."""
    if node is None:
        return lambda _: _present_or_bail(absent)
    if not isinstance(node, VariableNode):
        return literal(node, declared)
    name, required = node.name.value, is_required(declared)

    def given(values: Mapping[str, Any]) -> Any:
        if name not in values:
            return _present_or_bail(absent)
        value = values[name]
        if value is None and required:
            raise Bail
        return value

    return given
