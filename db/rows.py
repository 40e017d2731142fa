"""A row of an answer: the columns that were loaded, and the attributes made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from orjson import Fragment

from db.entity import Attribute, Column, Entity
from db.search import Search
from db.values import READY, Convert, Kind


class Shape:
    """The columns that all rows of one statement share, and how each becomes a value.

    `searches` are those by which the rows were found.
    """

    __slots__ = ("_ready", "at", "columns", "dialect", "entity", "searches")

    def __init__(
        self,
        entity: Entity,
        columns: tuple[Column, ...],
        dialect: str,
        searches: tuple[Search, ...] = (),
    ) -> None:
        self.entity = entity
        self.searches = searches
        self.columns = columns
        self.dialect = dialect
        self.at: Mapping[Column, int] = {column: i for i, column in enumerate(columns)}
        ready = READY[dialect]
        self._ready: list[Convert | None] = [ready.get(entity.kind(c)) for c in columns]

    def value(self, values: tuple[Any, ...], column: Column) -> Any:
        """Return a loaded column as answers hold it."""
        at = self.at[column]
        stored = values[at]
        ready = self._ready[at]
        return stored if stored is None or ready is None else ready(stored)


class Row:
    """One row; an attribute whose columns are not loaded is a question for them."""

    __slots__ = ("more", "shape", "values")

    def __init__(self, shape: Shape, values: tuple[Any, ...]) -> None:
        self.shape = shape
        self.values = values
        self.more: Row | None = None

    @property
    def entity(self) -> Entity:
        """What kind of row this is."""
        return self.shape.entity

    def stored(self, column: str) -> Any:
        """Return a loaded column as the database gave it."""
        return self.values[self.shape.at[column]]

    def has(self, column: Column) -> bool:
        """Say whether a column is loaded."""
        return column in self.shape.at or (self.more is not None and self.more.has(column))

    def ready(self, column: Column) -> Any:
        """Return a loaded column as answers hold it."""
        if column in self.shape.at:
            return self.shape.value(self.values, column)
        assert self.more is not None  # noqa: S101 - `has` was asked
        return self.more.ready(column)

    def add(self, loaded: "Row") -> None:
        """Keep what was loaded later."""
        if self.more is None:
            self.more = loaded
        else:
            self.more.add(loaded)

    def __getattr__(self, name: str) -> Any:
        attribute = self.shape.entity.attributes.get(name)
        if attribute is None:
            raise AttributeError(name)
        return derive(self, attribute)


@dataclass(frozen=True, slots=True)
class Derived:
    """A question: what a function makes of some columns of a row, loaded if they are not."""

    shape: ClassVar[str] = "derived"

    row: Row = field(compare=False)
    columns: tuple[Column, ...]
    make: Callable[..., Any] | None
    passes: Callable[[bytes], bool] | None = None

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.columns)

    def made_for(self, _listing: Any) -> Callable[..., Any] | None:
        """Return what makes the answer for rows of a list, of its columns."""
        return self.make

    def value(self) -> Any:
        """Return the answer; the columns are loaded."""
        values = [self.row.ready(column) for column in self.columns]
        if self.make is not None:
            return self.make(*values)
        is_json = self.row.entity.kind(self.columns[0]) is Kind.JSON
        return Fragment(values[0]) if is_json and values[0] is not None else values[0]


def derive(row: Row, attribute: Attribute) -> Any:
    """Return the attribute's value, or the question that loads it first."""
    derived = Derived(row, attribute.columns, attribute.derive, attribute.passes)
    if all(row.has(column) for column in attribute.columns):
        return derived.value()
    return derived
