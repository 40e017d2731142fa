"""From a question's form to SQL: the only place where reading statements are made.

A statement is made once for each form (which link, columns, filters, window) and kept; values
are filled in by name. Parameters: k0.. from the parent, f0.. from the filter, a0.. and b0.. from
the cursors, `size` the number of rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Dialect,
    Select,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.schema import Table
from sqlalchemy.sql.selectable import TableValuedAlias

from db.dialects import (
    as_text,
    beside_keys,
    dialect_named,
    head_of,
    key_rows,
    label_rows,
    length_of,
    moment,
    passed_through,
)
from db.entity import Column, Entity, Head, Score, Size, Total
from db.filters import Form, clause_of
from db.merging import Split, merged
from db.narrow import behind
from db.ordering import (
    WindowForm,
    average_score,
    between,
    directed,
    ordering,
    sorted_by,
)
from db.orders import Order, Term, columns_of, reversed_order, terms
from db.questions import Link
from db.search_lead import led_by_search
from db.tree_order import beyond_place
from db.values import Kind

CACHED_STATEMENTS = 4096


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text, and the names of its parameters in the order of their places.

    `constants` are the parameters that belong to the text.
    """

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    def placed(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of their places."""
        constants = self.constants
        return [constants[name] if name in constants else values[name] for name in self.names]


@lru_cache(maxsize=CACHED_STATEMENTS)
def rows_of_one(
    dialect: str,
    link: Link,
    columns: tuple[Column, ...],
    where: Form,
    window: WindowForm | None,
    deep: bool,
    order: Order,
) -> Statement:
    """Return the statement for the rows of one parent (or of none)."""
    if window is not None and columns_of(order) != columns_of(link.order):
        return compiled_of(dialect, _sorted(dialect, link, columns, where, window, order))
    target = link.target
    query = selected(dialect, target, columns, total=_total(target, where))
    query = _filtered(query, target, where).where(*fixed(link, deep=deep))
    query = _grouped(query, target)
    if window is not None:
        query = query.where(*between(partial(sorted_by, target), order, window))
        query = query.limit(bindparam("size"))
        order = reversed_order(order) if window.backward else order
    return compiled_of(dialect, query.order_by(*ordering(target, order)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def rows_merged(
    dialect: str,
    link: Link,
    columns: tuple[Column, ...],
    where: Form,
    window: WindowForm,
    order: Order,
    split: Split,
    projects: int,
) -> Statement:
    """Return the statement for a page that is merged from several (`db.merging`)."""
    keys = merged(dialect, link, where, window, order, partial(binds, "f"), split, projects)
    found = reversed_order(order) if window.backward else order
    return compiled_of(dialect, _of_page(dialect, link, columns, where, keys, found))


def _sorted(
    dialect: str,
    link: Link,
    columns: tuple[Column, ...],
    where: Form,
    window: WindowForm,
    order: Order,
) -> Select[Any]:
    """Return a page by an order that no index has: only keys are sorted, then rows are fetched."""
    target = link.target
    found = terms(reversed_order(order) if window.backward else order)
    column_of = partial(sorted_by, target)
    places = [column_of(term).label(name) for term, name in zip(found, _names(found), strict=True)]
    keys = select(*(target.columns[name] for name in target.key if name != "id"), *places)
    keys = _filtered(keys.select_from(table_of(target)), target, where)
    keys = keys.where(*fixed(link, deep=False), *between(column_of, order, window))
    directions = [directed(place, term) for place, term in zip(places, found, strict=True)]
    keys = keys.order_by(*directions).limit(bindparam("size"))
    return _of_page(dialect, link, columns, where, keys, tuple(found))


def _names(found: list[Term]) -> list[str]:
    """Return what the columns of an order are called beside the key, which ends in the id."""
    return [f"o{at}" for at in range(len(found) - 1)] + ["id"]


def _of_page(
    dialect: str,
    link: Link,
    columns: tuple[Column, ...],
    where: Form,
    keys: Select[Any],
    order: Order,
) -> Select[Any]:
    """Return the rows of a page whose keys are known, with what they are sorted by.

    The limit, which cuts nothing, keeps them in order where pages of several parents are put
    together: without one, what sorts a part may be left out, and is on Citus.
    """
    target, page, found = link.target, keys.subquery("page"), terms(order)
    names = _names(found) if "o0" in page.c else [str(column) for column in columns_of(order)]
    same = and_(*(target.columns[name] == page.c[name] for name in target.key))
    total = _total(target, where)
    query = select(*(_column(dialect, target, column, total) for column in columns))
    query = query.select_from(behind(page, target.source(_stored(columns)), same))
    directions = [directed(page.c[name], term) for name, term in zip(names, found, strict=True)]
    return query.order_by(*directions).limit(bindparam("size"))


@lru_cache(maxsize=CACHED_STATEMENTS)
def rows_of_many(dialect: str, link: Link, columns: tuple[Column, ...], where: Form) -> Statement:
    """Return the statement for all rows of many parents; `keys` holds the parents' keys."""
    target = link.target
    keys = key_rows("keys", _key_columns(link))
    query = selected(dialect, target, columns, keys)
    query = _grouped(_filtered(query, target, where, _beside(dialect, keys)), target)
    return compiled_of(dialect, query.order_by(*ordering(target, link.order)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def rows_of_labelled(
    dialect: str, link: Link, columns: tuple[Column, ...], where: Form
) -> Statement:
    """Return the statement for all rows of many parents whose keys are an id and a text."""
    target, given = link.target, label_rows("keys")
    named = zip(given.c, _key_columns(link), strict=True)
    keys = select(*(column.label(name) for column, name in named)).subquery("parents")
    query = _filtered(selected(dialect, target, columns, keys), target, where)
    return compiled_of(dialect, _grouped(query, target).order_by(*ordering(target, link.order)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def count_of_one(dialect: str, link: Link, where: Form, deep: bool) -> Statement:
    """Return the statement that counts the rows of one parent (or of none)."""
    target = link.target
    query = select(func.count()).select_from(target.source(frozenset()))
    return compiled_of(dialect, _filtered(query, target, where).where(*fixed(link, deep=deep)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def count_of_many(dialect: str, link: Link, where: Form) -> Statement:
    """Return the statement that counts the rows of each of many parents: key columns, count."""
    target = link.target
    keys = key_rows("keys", _key_columns(link))
    columns = [target.columns[name] for name in _key_columns(link)]
    query = (
        select(*columns, func.count())
        .select_from(_looked_up(target, target.source(frozenset()), keys))
        .group_by(*columns)
    )
    return compiled_of(dialect, _filtered(query, target, where, _beside(dialect, keys)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def more_of_many(dialect: str, entity: Entity, columns: tuple[Column, ...]) -> Statement:
    """Return the statement for more columns of known rows: `columns` by the entity's key."""
    query = selected(dialect, entity, columns, key_rows("keys", entity.key))
    return compiled_of(dialect, _grouped(query, entity))


def _key_columns(link: Link) -> tuple[str, ...]:
    return tuple(column for _, column in link.on)


def _beside(
    dialect: str, keys: TableValuedAlias
) -> Callable[[ColumnElement[bool]], ColumnElement[bool]]:
    return partial(beside_keys, dialect, keys)


def _looked_up(entity: Entity, source: FromClause, keys: FromClause) -> FromClause:
    """Join rows to keys that are named like the entity's columns."""
    return keys.join(source, and_(*(entity.columns[key.name] == key for key in keys.c)))


def selected(
    dialect: str,
    entity: Entity,
    columns: tuple[Column, ...],
    keys: FromClause | None = None,
    total: Callable[[], ColumnElement[int]] | None = None,
) -> Select[Any]:
    """Return a selection of an entity's columns; of the rows that `keys` name, if given."""
    source = entity.source(_stored(columns))
    query = select(*(_column(dialect, entity, column, total) for column in columns))
    return query.select_from(source if keys is None else _looked_up(entity, source, keys))


def _stored(columns: tuple[Column, ...]) -> frozenset[str]:
    """Return the names of the columns that are read."""
    names = (column.column if isinstance(column, Head | Size) else column for column in columns)
    return frozenset(name for name in names if isinstance(name, str))


def _total(entity: Entity, where: Form) -> Callable[[], ColumnElement[int]]:
    """Return what counts all rows that pass a filter, beside each of them."""

    def counted() -> ColumnElement[int]:
        query = select(func.count()).select_from(entity.source(frozenset()))
        return _filtered(query, entity, where).correlate(None).scalar_subquery()

    return counted


def _column(
    dialect: str,
    entity: Entity,
    column: Column,
    total: Callable[[], ColumnElement[int]] | None,
) -> ColumnElement[Any]:
    match column:
        case Total():
            assert total is not None  # noqa: S101 - only pages are asked for it
            return total()
        case Head(name, size):
            return head_of(dialect, entity.columns[name], size)
        case Size(name):
            return length_of(dialect, entity.columns[name])
        case Score(key):
            return average_score(key)
        case str():
            return _shown(dialect, entity, column)


def _shown(dialect: str, entity: Entity, column: str) -> ColumnElement[Any]:
    """Return a stored column as an answer takes it."""
    stored = entity.columns[column]
    match entity.kinds[column]:
        case Kind.JSON:
            return passed_through(dialect, stored, short=column not in entity.lazy)
        case Kind.ID | Kind.MONEY:
            return as_text(dialect, stored)
        case Kind.TIME:
            return moment(dialect, stored)
        case _:
            return stored


def _as_it_is(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return condition


def _filtered(
    query: Select[Any],
    entity: Entity,
    where: Form,
    placed: Callable[[ColumnElement[bool]], ColumnElement[bool]] = _as_it_is,
) -> Select[Any]:
    if where == ("all",):
        return query
    return query.where(placed(clause_of(where, table_of(entity), binds("f"))))


def table_of(entity: Entity) -> Table[Any]:
    """Return the table that an entity's rows, or the rows it sums up, are in."""
    table: Any = getattr(entity.columns[entity.key[0]], "table", None)
    assert table is not None  # noqa: S101 - a key is a column of the table that is filtered
    return table


def binds(prefix: str) -> Iterator[Any]:
    """Yield parameters, counted up."""
    at = 0
    while True:
        yield bindparam(f"{prefix}{at}")
        at += 1


def fixed(link: Link, *, deep: bool) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that tie a link's rows to one parent."""
    columns = link.target.columns
    if not link.below:
        for at, (_, column) in enumerate(link.on):
            yield columns[column] == bindparam(f"k{at}")
        return
    yield columns["trace_id"] == bindparam("k0")
    yield beyond_place(columns["dotted_order"], bindparam("k1"), after=True)
    yield beyond_place(columns["dotted_order"], bindparam("k2"), after=False)
    if deep:
        yield columns["depth"] <= bindparam("k3")


def _grouped(query: Select[Any], entity: Entity) -> Select[Any]:
    if not entity.group_by:
        return query
    return query.group_by(*(entity.columns[column] for column in entity.group_by))


def compiled_of(dialect: str, query: Select[Any] | CompoundSelect[Any]) -> Statement:
    """Return a query as SQL text, with its parameters in order."""
    found: Dialect = dialect_named(dialect)
    led = led_by_search(dialect, query) if isinstance(query, Select) else query
    compiled = led.compile(dialect=found)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Statement(str(compiled), tuple(compiled.positiontup or ()), constants)
