"""What the types of the schema stand for, as the engine asks it; and who answers its questions."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

from graphql import GraphQLArgument, GraphQLField, GraphQLObjectType

from db import answers, filters, row_answers, trees
from db.cursors import cursor_of
from db.entities import ATTACHMENT, FEEDBACK, PROJECT, RUN, TRACE
from db.entity import TOTAL, Column, Entity
from db.errors import StoreError
from db.questions import NODES, Page, Rows, Values
from db.readers import Reading
from db.rows import Row, Shape
from db.threads import THREAD
from db.values import EXPRESSIONS, FUNCTIONS, OF_ROWS, READY, Kind
from graph.arguments import converter_of
from graph.engine.protocol import Bail
from graph.writing import LARGE_BYTES, LARGE_ROWS, Extent

log = logging.getLogger("rungraph")

_ENTITIES = {entity.name: entity for entity in (RUN, TRACE, PROJECT, FEEDBACK, ATTACHMENT, THREAD)}


class StoreBinding:
    """The engine's view of the schema over a store of one dialect."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._expressions = EXPRESSIONS[dialect]

    def entity(self, type: GraphQLObjectType) -> Entity | None:
        """Return the entity behind a type, None for a plain value."""
        return _ENTITIES.get(type.name)

    def name(self, field: GraphQLField) -> str | None:
        """Return the Python name of a field without a resolver of its own."""
        definition = field.extensions["strawberry-definition"]
        return definition.python_name if definition.is_basic_field else None

    def call(self, field: GraphQLField) -> Callable[[Any, Any, dict[str, Any]], Any] | None:
        """Return what calls a field's resolver; None where more than that has to run."""
        definition = field.extensions["strawberry-definition"]
        resolver = definition.base_resolver
        if resolver is None or definition.permission_classes or resolver.self_parameter:
            return None
        function: Callable[..., Any] = resolver.wrapped_func
        parent = resolver.parent_parameter and resolver.parent_parameter.name
        info_name = resolver.info_parameter and resolver.info_parameter.name

        def call(source: Any, info: Any, arguments: dict[str, Any]) -> Any:
            if parent:
                arguments[parent] = source
            if info_name:
                arguments[info_name] = info
            return function(**arguments)

        return call

    def argument(self, argument: GraphQLArgument) -> str:
        """Return the Python name of an argument."""
        return argument.extensions["strawberry-definition"].python_name

    def converter(self, argument: GraphQLArgument) -> Callable[[Any], Any] | None:
        """Return what makes the Python value of an argument's coerced value; None: it is that."""
        return converter_of(argument)

    def asks_context(self, field: GraphQLField) -> bool:
        """Say whether a field's resolver looks at who asks."""
        resolver = field.extensions["strawberry-definition"].base_resolver
        return resolver is None or resolver.info_parameter is not None

    def expression(self, entity: Entity, column: Column) -> str | None:
        """Return Python text that makes an answer's value of the stored one, called {v}."""
        return self._expressions.get(entity.kind(column))

    def of_rows(
        self, entity: Entity, column: Column
    ) -> Callable[[Sequence[tuple[Any, ...]], int], list[Any]] | None:
        """Return what makes an answer's values of one column of many rows, if that is faster."""
        return OF_ROWS[self._dialect].get(entity.kind(column))

    def is_short(self, entity: Entity, column: Column) -> bool:
        """Say whether the values of a column are short."""
        return column not in entity.lazy

    def nullable(self, entity: Entity, column: Column) -> bool:
        """Say whether a stored column may be missing."""
        if not isinstance(column, str) or column in entity.lazy:
            return True
        return bool(getattr(entity.columns[column], "nullable", True))

    def total_beside(self, page: Page) -> Column | None:
        """Return the column that tells beside each row of a page how many there are in all."""
        return TOTAL if page.rows.totals_beside else None

    def is_sure(self, entity: Entity, column: Column) -> bool:
        """Say whether what is stored in a column is surely text, or a whole number of 32 bits.

        SQLite's columns take anything.
        """
        if self._dialect == "sqlite":
            return False
        return entity.kind(column) is Kind.TEXT or entity.is_int32(column)

    def is_json(self, entity: Entity, column: Column) -> bool:
        """Say whether a column holds JSON text."""
        return entity.kind(column) is Kind.JSON

    def functions(self) -> Mapping[str, Any]:
        """Return the functions that expressions call."""
        return FUNCTIONS

    def cursor(self, rows: Rows, columns: tuple[Column, ...]) -> Callable[[tuple[Any, ...]], str]:
        """Return what makes the cursor of a stored row."""
        shape = Shape(rows.link.target, columns, self._dialect)
        order = rows.ordered
        return lambda stored: cursor_of(Row(shape, stored), order)

    def rows(
        self, entity: Entity, columns: tuple[Column, ...], stored: list[tuple[Any, ...]]
    ) -> list[Row]:
        """Return stored rows as the objects `then` questions work on."""
        shape = Shape(entity, columns, self._dialect)
        return [Row(shape, row) for row in stored]

    def eager(self, entity: Entity) -> tuple[Column, ...]:
        """Return the columns such objects need when the question names none."""
        return entity.eager


_ROW_BYTES = 1000
"""About what a row takes in memory while it is answered, beside its payloads."""


class StoreAnswers:
    """Sends the statements of one request through its snapshot, and counts what they bring."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.row_count = 0
        self.byte_count = 0

    def alone(self) -> None:
        """Be told that one statement will be all."""
        self._reading.alone = True

    @property
    def large(self) -> bool:
        """Say whether so much was found that building the answer takes noticeable time."""
        return self.row_count > LARGE_ROWS or self.byte_count > LARGE_BYTES

    @property
    def extent(self) -> Extent:
        """About how much was found."""
        return Extent(self.byte_count + _ROW_BYTES * self.row_count, self.row_count)

    async def rows(
        self, question: Rows, keys: Sequence[answers.Key], columns: tuple[Column, ...]
    ) -> Mapping[answers.Key, list[answers.Stored]]:
        """Return the rows of each parent that has any."""
        found = await answers.rows(self._reading, question, keys, columns)
        self._count(question.link.target, columns, found.values())
        return found

    async def windows(
        self,
        question: Rows,
        keys: Sequence[answers.Key],
        columns: tuple[Column, ...],
        *,
        beyond: bool,
    ) -> Mapping[answers.Key, answers.Found]:
        """Return the window of each parent."""
        found = await answers.windows(self._reading, question, keys, columns, beyond=beyond)
        self._count(question.link.target, columns, [some.rows for some in found.values()])
        return found

    async def counts(
        self, question: Rows, keys: Sequence[answers.Key]
    ) -> Mapping[answers.Key, int]:
        """Return how many rows each parent has."""
        return await answers.counts(self._reading, question, keys)

    async def values(
        self, question: Values, keys: Sequence[answers.Key]
    ) -> Mapping[answers.Key, Any]:
        """Return the value of each parent that has one."""
        return await question.answer(self._reading, keys)

    async def stored(
        self, entity: Entity, rows: Sequence[Row], columns: tuple[Column, ...]
    ) -> list[answers.Stored]:
        """Return columns of rows that stand in a value, in their order."""
        if any(
            column not in shape.at for shape in {row.shape for row in rows} for column in columns
        ):
            rows = await row_answers.more(self._reading, entity, rows, columns)
        found = [tuple([row.values[row.shape.at[column]] for column in columns]) for row in rows]
        self._count(entity, columns, [found])
        return found

    async def subtrees(
        self, keys: Sequence[answers.Key], columns: tuple[Column, ...], levels: int
    ) -> Mapping[answers.Key, list[answers.Stored]] | None:
        """Return all levels of children at once; None where that would bring too much."""
        found = await trees.subtrees(self._reading, keys, columns, levels)
        if found is not None:
            self._count(RUN, columns, found.values())
        return found

    async def nodes(
        self, ids: Sequence[UUID | None], columns: Mapping[str, tuple[Column, ...]]
    ) -> Mapping[UUID, tuple[str, answers.Stored]]:
        """Return, by id, the type name and row of what has one of these ids."""
        to_text = READY[self._reading.dialect].get(Kind.ID, str)
        found: dict[UUID, tuple[str, answers.Stored]] = {}
        for link in NODES:
            missing = sorted({id for id in ids if id is not None and id not in found})
            name = link.target.name
            if not missing or name not in columns:
                continue
            question = Rows(link, where=filters.test("id", "in", missing))
            rows = await answers.rows(self._reading, question, [()], columns[name])
            at = columns[name].index("id")
            for row in rows.get((), ()):
                found[UUID(to_text(row[at]))] = (name, row)
        return found

    def _count(
        self,
        entity: Entity,
        columns: tuple[Column, ...],
        groups: Collection[list[answers.Stored]],
    ) -> None:
        """Count rows, and the bytes of their payloads."""
        self.row_count += sum(map(len, groups))
        for at in _payloads(entity, columns):
            for rows in groups:
                texts = filter(None, map(itemgetter(at), rows))
                self.byte_count += sum(map(len, texts))


@lru_cache(maxsize=1024)
def _payloads(entity: Entity, columns: tuple[Column, ...]) -> tuple[int, ...]:
    """Return the places of payloads, which may be of any length."""
    lazy = (at for at, column in enumerate(columns) if column in entity.lazy)
    return tuple(at for at in lazy if entity.kind(columns[at]) is Kind.JSON)


def tell_failed_plan(error: Exception) -> None:
    """Log why a plan failed, unless rows are odd or the store is in trouble: it is a bug then."""
    if not isinstance(error, Bail | StoreError):
        log.error("a plan failed; graphql-core answers", exc_info=error)
