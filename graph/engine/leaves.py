"""Leaf values: what graphql-core's scalars and enums would make of them."""

from collections.abc import Callable
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLScalarType,
)

from graph.engine.declared import Declared, is_list, is_required
from graph.engine.declared import nullable as nullable_type
from graph.engine.protocol import Bail

Complete = Callable[[Any], Any]

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_FLOAT_MAX = 1.7976931348623157e308

_PASSED = frozenset({"DateTime", "Decimal", "BigInt", "JSON"})
"""Scalars of the schema whose values are what an answer holds already."""


def bail(*_: Any) -> Any:
    """Give the field back."""
    raise Bail


def is_int(value: Any) -> bool:
    """Say whether a value is what Int takes and gives as it is."""
    return type(value) is int and _INT_MIN <= value <= _INT_MAX


def is_float(value: Any) -> bool:
    """Say whether a value is what Float takes and gives as it is."""
    return type(value) is float and -_FLOAT_MAX <= value <= _FLOAT_MAX


def _text(value: Any) -> Any:
    return value if type(value) is str else bail()


def _int(value: Any) -> Any:
    return value if is_int(value) else bail()


def _float(value: Any) -> Any:
    return value if is_float(value) else bail()


def _boolean(value: Any) -> Any:
    return value if type(value) is bool else bail()


def _as_it_is(value: Any) -> Any:
    return value


_CHECKS: dict[str, Complete] = {
    "ID": _text,
    "String": _text,
    "Int": _int,
    "Float": _float,
    "Boolean": _boolean,
}


def stored_leaf(
    declared: Declared, name: str, made: str, *, nullable: bool, is_sure: bool, env: dict[str, Any]
) -> str:
    """Return Python text for a leaf that is one stored column called `name`.

    `made` is the text that makes its value; `is_sure`: what is stored there is surely of its type.
    """
    required = is_required(declared)
    leaf = nullable_type(declared)
    if isinstance(leaf, GraphQLEnumType):
        env[f"enum_{leaf.name}"] = {value.value: key for key, value in leaf.values.items()}
        made = f"enum_{leaf.name}[{made}]"
    elif not isinstance(leaf, GraphQLScalarType):
        raise Bail
    elif leaf.name == "Int" and not is_sure:
        made = f"({made} if {_INT_MIN} <= {name} <= {_INT_MAX} else bail())"
    elif leaf.name == "String" and made == name and not is_sure:
        made = f"({name} if {name}.__class__ is str else bail())"
    elif leaf.name == "Float":
        made = f"({made} if -{_FLOAT_MAX!r} <= {name} <= {_FLOAT_MAX!r} else bail())"
    if not nullable or (made == name and not required):
        return made
    return f"({'bail()' if required else 'None'} if {name} is None else {made})"


def completer(declared: Declared, objects: Callable[[GraphQLObjectType], Complete]) -> Complete:
    """Return what completes a value that some function made, as its declared type asks."""
    if is_required(declared):
        inner = completer(nullable_type(declared), objects)

        def required(value: Any) -> Any:
            done = inner(value)
            return bail() if done is None else done

        return required
    return _optional(_inner(declared, objects))


def _list_of(item: Complete) -> Complete:
    def complete(value: Any) -> Any:
        if type(value) is not list:
            return bail()
        return [item(each) for each in cast("list[Any]", value)]

    return complete


def _optional(inner: Complete) -> Complete:
    return lambda value: None if value is None else inner(value)


def _inner(declared: Declared, objects: Callable[[GraphQLObjectType], Complete]) -> Complete:
    if is_list(declared):
        return _list_of(completer(declared.of_type, objects))
    if isinstance(declared, GraphQLEnumType):
        return {value.value: key for key, value in declared.values.items()}.__getitem__
    if isinstance(declared, GraphQLObjectType):
        return objects(declared)
    if isinstance(declared, GraphQLScalarType):
        if declared.name in _PASSED:
            return _as_it_is
        if declared.name in _CHECKS:
            return _CHECKS[declared.name]
    raise Bail
