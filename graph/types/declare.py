"""How the nouns are declared: fields print in the order in which they stand in their class.

Strawberry puts fields with a resolver after all others; whoever reads the schema looks for them
where the SDK's model has them.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.base import get_object_definition
from strawberry.types.enum import StrawberryEnumDefinition

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def object_type(description: str, name: str | None = None) -> Callable[[type[T]], type[T]]:
    """Declare an object type."""
    return lambda cls: _as_written(
        cls, lambda: strawberry.type(cls, name=name, description=description)
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def interface(description: str) -> Callable[[type[T]], type[T]]:
    """Declare an interface."""
    return lambda cls: _as_written(cls, lambda: strawberry.interface(cls, description=description))


def optional(description: str, name: str | None = None) -> Any:
    """Declare a field of an input that may be left out; it prints no default."""
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


def enum_type(
    enum: type[Enum], description: str, *, name: str | None = None, **meanings: str
) -> None:
    """Declare an enum of the store as one of the API, and say what each of its values means."""
    strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = vars(enum)["__strawberry_definition__"]
    for value in definition.values:
        value.description = meanings[value.name]


def _as_written(cls: type[T], declare: Callable[[], type[T]]) -> type[T]:
    """Declare a class, then put its own fields in order after those of its bases."""
    places = {name: place for place, name in enumerate(vars(cls))}
    declared = declare()
    definition = get_object_definition(declared, strict=True)
    definition.fields.sort(key=lambda field: places.get(field.python_name, -1))
    return declared
