"""What the engine must know of those it serves: questions, columns, and who answers.

A question has a `shape`, which says how the engine plans it:

- `rows`: rows of a link; `one` of them, or a list (`empty_is_null`: an empty one is null)
- `page`: a connection over rows with a window
- `count`: how many rows a link has
- `derived`: what `made_for(listing)` makes of some columns of the parent's own row; `listing` is
  the question that lists the parent, if any
- `then`: what `make` makes of all rows of a link
- `values`: whatever else there is to say of each parent: plain values and named tuples
- `nodes`: rows of any kind by id
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from graphql import GraphQLArgument, GraphQLField, GraphQLObjectType

Column: TypeAlias = Any
Key: TypeAlias = tuple[Any, ...]
Stored: TypeAlias = tuple[Any, ...]


class Bail(Exception):  # noqa: N818 - no error: the plan gives the field back
    """This can not be answered here with certainty; graphql-core shall."""


class Attribute(Protocol):
    """A fact of an entity, as `db.entity.Attribute`."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it reads."""
        ...

    @property
    def derive(self) -> Callable[..., Any] | None:
        """What makes it of the columns; None where it is the one column."""
        ...

    @property
    def passes(self) -> Callable[[bytes], bool] | None:
        """Whether stored JSON text is the answer as it stands."""
        ...


class Link(Protocol):
    """How rows hang on a parent, as `db.questions.Link`."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the parent by which it is followed."""
        ...

    @property
    def brings(self) -> tuple[str, ...]:
        """Columns of the target that its rows must hold."""
        ...

    @property
    def target(self) -> Any:
        """The entity it leads to."""
        ...


class Found(Protocol):
    """The rows of a window."""

    rows: list[Stored]
    has_next: bool
    has_previous: bool


class Binding(Protocol):
    """What a schema's types and fields stand for."""

    def entity(self, type: GraphQLObjectType) -> Any:
        """Return the entity behind a type, None for a plain value."""
        ...

    def name(self, field: GraphQLField) -> str | None:
        """Return the Python name of a field without a resolver of its own."""
        ...

    def call(self, field: GraphQLField) -> Callable[[Any, Any, dict[str, Any]], Any] | None:
        """Return what calls a field's resolver with source, info and Python arguments.

        None where more than the resolver itself has to run.
        """
        ...

    def argument(self, argument: GraphQLArgument) -> str:
        """Return the Python name of an argument."""
        ...

    def converter(self, argument: GraphQLArgument) -> Callable[[Any], Any] | None:
        """Return what makes the Python value of an argument's coerced value; None: it is that."""
        ...

    def asks_context(self, field: GraphQLField) -> bool:
        """Say whether a field's resolver looks at who asks."""
        ...

    def expression(self, entity: Any, column: Column) -> str | None:
        """Return Python text that makes an answer's value of the stored one, called {v}."""
        ...

    def of_rows(
        self, entity: Any, column: Column
    ) -> Callable[[Sequence[Stored], int], list[Any]] | None:
        """Return what makes an answer's values of one column of many rows, if that is faster."""
        ...

    def is_short(self, entity: Any, column: Column) -> bool:
        """Say whether the values of a column are short."""
        ...

    def nullable(self, entity: Any, column: Column) -> bool:
        """Say whether a stored column may be missing."""
        ...

    def total_beside(self, page: Any) -> Column | None:
        """Return the column that tells beside each row of a page how many there are in all.

        None where they are counted by a question of its own.
        """
        ...

    def is_sure(self, entity: Any, column: Column) -> bool:
        """Say whether what is stored in a column is surely text, or a whole number of 32 bits."""
        ...

    def is_json(self, entity: Any, column: Column) -> bool:
        """Say whether a column holds JSON text."""
        ...

    def functions(self) -> Mapping[str, Any]:
        """Return the functions that expressions call."""
        ...

    def cursor(self, rows: Any, columns: tuple[Column, ...]) -> Callable[[Stored], str]:
        """Return what makes the cursor of a stored row of a question."""
        ...

    def rows(self, entity: Any, columns: tuple[Column, ...], stored: list[Stored]) -> list[Any]:
        """Return stored rows as the objects `then` questions work on."""
        ...

    def eager(self, entity: Any) -> tuple[Column, ...]:
        """Return the columns such objects need when the question names none."""
        ...


class Answers(Protocol):
    """Who sends the statements of one request."""

    @property
    def large(self) -> bool:
        """Say whether so much was found that building the answer takes noticeable time."""
        ...

    def alone(self) -> None:
        """Be told that one statement will be all."""
        ...

    async def rows(
        self, question: Any, keys: Sequence[Key], columns: tuple[Column, ...]
    ) -> Mapping[Key, list[Stored]]:
        """Return the rows of each parent that has any."""
        ...

    async def windows(
        self, question: Any, keys: Sequence[Key], columns: tuple[Column, ...], *, beyond: bool
    ) -> Mapping[Key, Any]:
        """Return the window of each parent; `beyond` says whether there is more is asked for."""
        ...

    async def counts(self, question: Any, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Return how many rows each parent has."""
        ...

    async def values(self, question: Any, keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the value of each parent that has one."""
        ...

    async def stored(
        self, entity: Any, rows: Sequence[Any], columns: tuple[Column, ...]
    ) -> list[Stored]:
        """Return columns of rows that stand in a value, in their order."""
        ...

    async def subtrees(
        self, keys: Sequence[Key], columns: tuple[Column, ...], levels: int
    ) -> Mapping[Key, list[Stored]] | None:
        """Return all levels of children at once, by their parent's id; None: not at once."""
        ...

    async def nodes(
        self, ids: Sequence[Any], columns: Mapping[str, tuple[Column, ...]]
    ) -> Mapping[Any, tuple[str, Stored]]:
        """Return, by id, the type name and row of what has one of these ids."""
        ...


class Variables(NamedTuple):
    """The coerced variables of a request, and who asks."""

    values: Any
    info: Any
