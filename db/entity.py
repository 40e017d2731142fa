"""What can be asked about: each entity's stored columns and the attributes made of them.

An attribute names the columns it reads and, where it is not just one of them, the function that
makes it. Functions get values as answers hold them (`db.values`): text ids, text times, and JSON as
its stored text. A column that is not loaded is a reason to load it, never an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Integer
from sqlalchemy.sql import FromClause, schema

from db.values import Kind, kind_of


class Head(NamedTuple):
    """The first `size` bytes of a payload column, or a little more."""

    column: str
    size: int


class Size(NamedTuple):
    """The length of a payload column in bytes."""

    column: str


class Score(NamedTuple):
    """The average score of a run's feedback with a key."""

    key: str


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows there are in all, beside each row of a page of them."""


TOTAL = Total()
Column = str | Head | Size | Score | Total
"""What a statement can select of an entity."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A fact of an entity: the columns it reads and what is made of them.

    `passes` says of a column's JSON text that it is the answer as it stands.
    """

    columns: tuple[Column, ...]
    derive: Callable[..., Any] | None = None
    passes: Callable[[bytes], bool] | None = None


@dataclass(frozen=True, eq=False)
class Entity:
    """A kind of row. `eager` columns come with every row, the others only when asked for.

    `source` builds the FROM clause for the columns that are selected; `group_by` names the columns
    by which an entity that sums up rows is grouped.
    """

    name: str
    columns: Mapping[str, ColumnElement[Any]]
    attributes: Mapping[str, Attribute]
    key: tuple[str, ...]
    source: Callable[[frozenset[str]], FromClause]
    lazy: frozenset[str] = frozenset()
    group_by: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(init=False)
    eager: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        kinds = {name: kind_of(column.type) for name, column in self.columns.items()}
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "eager", tuple(n for n in self.columns if n not in self.lazy))

    def kind(self, column: Column) -> Kind:
        """Return what a selected column holds."""
        if isinstance(column, Head):
            return Kind.BYTES
        if isinstance(column, Score):
            return Kind.FLOAT
        return Kind.INT if isinstance(column, Size | Total) else self.kinds[column]

    def is_int32(self, column: Column) -> bool:
        """Say whether a column of a table holds whole numbers of 32 bits; sums hold larger ones."""
        found = self.columns[column] if isinstance(column, str) else None
        if not isinstance(found, schema.Column):
            return False
        return isinstance(found.type, Integer) and not isinstance(found.type, BigInteger)


def plain(*names: str, **renamed: str) -> dict[str, Attribute]:
    """Return attributes that are columns: under their own names, then under others."""
    found = {name: Attribute((name,)) for name in names}
    return found | {name: Attribute((column,)) for name, column in renamed.items()}
