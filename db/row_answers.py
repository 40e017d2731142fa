"""Answers as `Row` objects, for whoever takes attributes off them one by one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from db import answers, filters
from db.advice import FEWER, advising
from db.compiler import more_of_many
from db.entity import Column, Entity
from db.questions import NODES, Link, Rows, Slice, Values
from db.readers import Reading
from db.rows import Row, Shape
from db.search_hits import searched
from db.values import PACK


async def rows(reading: Reading, question: Rows, parents: Sequence[Row | None]) -> list[Any]:
    """Return the answer for each parent: a row or None, a list, or a `Slice`."""
    link = question.link
    columns = tuple(dict.fromkeys((*link.target.eager, *question.order_columns)))
    shape = Shape(link.target, columns, reading.dialect, searched(question.where))
    keys, distinct = _keys_of(link, parents)
    if question.window is not None:
        found = await answers.windows(reading, question, distinct, shape.columns)
        slices = {
            key: Slice([Row(shape, row) for row in some.rows], some.has_next, some.has_previous)
            for key, some in found.items()
        }
        return [Slice([], False, False) if key is None else slices[key] for key in keys]
    grouped = await answers.rows(reading, question, distinct, shape.columns) if distinct else {}
    made = {key: [Row(shape, row) for row in some] for key, some in grouped.items()}
    lists = [made.get(key, []) if key is not None else [] for key in keys]
    if question.one:
        return [some[0] if some else None for some in lists]
    return [some or None for some in lists] if question.empty_is_null else lists


async def counts(reading: Reading, question: Rows, parents: Sequence[Row | None]) -> list[int]:
    """Return the number of rows for each parent."""
    keys, distinct = _keys_of(question.link, parents)
    found = await answers.counts(reading, question, distinct)
    return [0 if key is None else found.get(key, 0) for key in keys]


async def values(reading: Reading, question: Values, parents: Sequence[Row | None]) -> list[Any]:
    """Return the value for each parent, None where there is none."""
    keys, distinct = _keys_of(question.link, parents)
    found = await question.answer(reading, distinct)
    return [found.get(key) for key in keys]


async def nodes(reading: Reading, ids: Sequence[UUID | None]) -> list[Row | None]:
    """Return the row of any kind that has each id, None for an id nobody has."""
    found: dict[UUID, Row] = {}
    for link in NODES:
        missing = {id for id in ids if id is not None and id not in found}
        if missing:
            question = Rows(link, where=filters.test("id", "in", sorted(missing)))
            (some,) = await rows(reading, question, [None])
            found |= {UUID(row.id): row for row in some}
    return [None if id is None else found.get(id) for id in ids]


async def more(
    reading: Reading, entity: Entity, rows: Sequence[Row], columns: tuple[Column, ...]
) -> list[Row]:
    """Return rows that hold `columns` of the same entities, in the order of `rows`."""
    shape = Shape(entity, (*entity.key, *columns), reading.dialect)
    keys = [tuple(row.stored(column) for column in entity.key) for row in rows]
    statement = more_of_many(reading.dialect, entity, shape.columns)
    packed = {"keys": PACK[reading.dialect](keys)}
    with advising(FEWER):
        found = await reading.rows(statement.sql, statement.placed(packed))
    by_key = {tuple(values[: len(entity.key)]): values for values in found}
    gone = (None,) * len(shape.columns)
    return [Row(shape, by_key.get(key, gone)) for key in keys]  # one each: what is added is kept


def _keys_of(
    link: Link, parents: Sequence[Row | None]
) -> tuple[list[answers.Key | None], list[answers.Key]]:
    """Return the key of each parent, and those that lead somewhere, each once."""
    keys = [key_of(link, parent) for parent in parents]
    return keys, list(dict.fromkeys(key for key in keys if key is not None))


def key_of(link: Link, parent: Row | None) -> answers.Key | None:
    """Return the key a link is followed by from a parent; None where it leads nowhere."""
    if parent is None:
        return ()
    key = tuple(parent.stored(column) for column in link.needs)
    return None if None in key else key
