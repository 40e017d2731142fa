"""Arguments from graphql-core's coerced values to what resolvers take, prepared once by type.

The same conversion that Strawberry does anew, name by name, for each request.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from graphql import GraphQLArgument
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryList, StrawberryOptional, has_object_definition

Convert = Callable[[Any], Any]

_NAMES = StrawberryConfig().name_converter


def converter_of(argument: GraphQLArgument) -> Convert | None:
    """Return what converts the coerced value of an argument; None where it stays as it is."""
    return _converter(argument.extensions["strawberry-definition"].type)


def _converter(declared: Any) -> Convert | None:
    if isinstance(declared, StrawberryOptional):
        if has_object_definition(declared.of_type):
            made = declared.of_type
            return lambda value: None if value is None else _made(made, value)
        inner = _converter(declared.of_type)
        return inner and (lambda value: None if value is None else inner(value))
    if isinstance(declared, StrawberryList):
        inner = _converter(declared.of_type)
        return list if inner is None else lambda value: [inner(each) for each in value]
    if has_object_definition(declared):
        return lambda value: _made(declared, value)
    return None


def _made(declared: Any, value: dict[str, Any]) -> Any:
    """Return an input object; a filter holds itself, so its fields are looked up when needed.

    What is not given stays in the class, as the default it is: filters have dozens of fields.
    """
    fields = _fields(declared)
    made: Any = object.__new__(declared)
    given: dict[str, Any] = made.__dict__
    for name, part in value.items():
        python_name, convert = fields[name]
        given[python_name] = part if convert is None else convert(part)
    return made


@cache
def _fields(declared: Any) -> dict[str, tuple[str, Convert | None]]:
    return {
        _NAMES.get_graphql_name(field): (field.python_name, _converter(field.type))
        for field in declared.__strawberry_definition__.fields
    }
