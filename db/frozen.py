"""Values: what a question is made of, and what changes no more once it is made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class of values: equal where their fields are, hashable, and frozen.

    The type checker sees to it that nothing sets a field. Python could as well, but it makes such
    an object three times as slowly, and a request makes some before it reads its first row.
    """
    made: Callable[[type[T]], type[T]] = dataclass(slots=True, unsafe_hash=True)
    return made(cls)
