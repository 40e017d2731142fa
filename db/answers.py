"""Running questions: statements sent through a `Reading`, rows given to the parents that asked.

A parent is known by its key: the stored values of the columns its link needs (`Link.needs`), or
`()` where there is no parent. Rows come as the database gave them, in the order of the columns
that were asked for.
"""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from db import filters
from db.advice import advised
from db.compiler import (
    Statement,
    count_of_many,
    count_of_one,
    rows_merged,
    rows_of_labelled,
    rows_of_many,
    rows_of_one,
)
from db.entity import Column
from db.merging import MOST_PROJECTS, Split, arms_of, projects_named, split_of
from db.ordering import WindowForm
from db.questions import PROJECTS, Link, Rows, Window
from db.readers import Reading
from db.values import ASKED, KEY, NOBODY, PACK, PACK_LABELLED, Kind

Key: TypeAlias = tuple[Any, ...]
Stored: TypeAlias = tuple[Any, ...]

_SEEKS = 200
"""How many parents' pages one statement brings: SQLite joins at most 500 selects."""


_FORWARD, _BACKWARD = WindowForm(), WindowForm(backward=True)


class Found(NamedTuple):
    """The rows of a window, and whether there are more on either side."""

    rows: list[Stored]
    has_next: bool
    has_previous: bool


@advised
async def rows(
    reading: Reading, question: Rows, keys: Sequence[Key], columns: tuple[Column, ...]
) -> dict[Key, list[Stored]]:
    """Return the rows of each parent that has any; the question has no window.

    `columns` hold the target columns of the link (`Link.on`).
    """
    link, dialect = question.link, reading.dialect
    form = filters.form(question.where)
    if len(keys) == 1 and not link.above:
        (key,) = keys
        statement = rows_of_one(dialect, link, columns, form, None, False, link.order)
        found = await _fetch(reading, statement, values_of(dialect, question, key))
        return {key: found} if found else {}
    if not _has_ids_only(link):
        values = asked(dialect, question)
        values["keys"], values["keys_labels"] = PACK_LABELLED[dialect](keys)
        found = await _fetch(reading, rows_of_labelled(dialect, link, columns, form), values)
        return _by(found, [columns.index(column) for _, column in link.on])
    targets = {key: list(_targets(dialect, link, key)) for key in keys}
    wanted = {target for some in targets.values() for target in some}
    if not wanted:
        return {}
    values = asked(dialect, question)
    values["keys"] = PACK[dialect](sorted(wanted))
    found = await _fetch(reading, rows_of_many(dialect, link, columns, form), values)
    by_target = _by(found, [columns.index(column) for _, column in link.on])
    if not link.above:
        return by_target
    return {
        key: [row for target in some for row in by_target.get(target, ())]
        for key, some in targets.items()
    }


@advised
async def windows(
    reading: Reading,
    question: Rows,
    keys: Sequence[Key],
    columns: tuple[Column, ...],
    *,
    beyond: bool = True,
) -> dict[Key, Found]:
    """Return the window of each parent; not `beyond`: without a look whether there is more."""
    window = question.window
    assert window is not None  # noqa: S101 - it is what was asked
    shape = _shape_of(window)
    form, order = filters.form(question.where), question.ordered
    split = split_of(question.link, form, order, limited=_sees_several(reading))
    if split is not None:
        merged = await _merged(reading, question, keys, columns, shape, split, beyond=beyond)
        if merged is not None:
            return {key: _cut(some, window) for key, some in zip(keys, merged, strict=True)}
    statement = rows_of_one(
        reading.dialect,
        question.link,
        columns,
        form,
        shape,
        question.max_depth is not None,
        order,
    )
    values = [_paged(reading.dialect, question, key, beyond=beyond) for key in keys]
    found = await seek(reading, statement, values)
    return {key: _cut(some, window) for key, some in zip(keys, found, strict=True)}


def _shape_of(window: Window) -> WindowForm:
    after, before = window.after, window.before
    if after is None and before is None:
        return _BACKWARD if window.backward else _FORWARD
    ends = after is not None, before is not None
    return WindowForm(window.backward, *ends, _nulls(after), _nulls(before))


async def _merged(
    reading: Reading,
    question: Rows,
    keys: Sequence[Key],
    columns: tuple[Column, ...],
    shape: WindowForm,
    split: Split,
    *,
    beyond: bool,
) -> list[list[Stored]] | None:
    """Return the rows of each parent's page, merged from several; None where they are too many."""
    dialect = reading.dialect
    projects = await _projects(reading, question, split) if split.spread else ()
    arms = projects is not None and arms_of(question.where, split, projects, NOBODY[dialect])
    if not arms:
        return None
    form, order = filters.form(question.where), question.ordered
    statement = rows_merged(
        dialect, question.link, columns, form, shape, order, split, arms.projects
    )
    values = [_paged(dialect, question, key, beyond=beyond) | arms.values for key in keys]
    return await seek(reading, statement, values)


async def _projects(reading: Reading, question: Rows, split: Split) -> Sequence[Any] | None:
    """Return the stored ids of the projects that are named, else of all; None: too many."""
    dialect, where = reading.dialect, filters.EVERYTHING
    named = projects_named(question.where, split)
    if named is not None:
        if named.clause == "session_id":
            convert = ASKED[dialect].get(Kind.ID)
            return [convert(id) for id in named.value] if convert else named.value
        where = filters.test("name", "in", named.value)
    window, asked = WindowForm(), Rows(PROJECTS, where=where, window=Window(MOST_PROJECTS))
    form = filters.form(where)
    statement = rows_of_one(dialect, PROJECTS, ("id",), form, window, False, PROJECTS.order)
    found = [id for (id,) in await _fetch(reading, statement, values_of(dialect, asked, ()))]
    return found if len(found) <= MOST_PROJECTS else None


@advised
async def counts(reading: Reading, question: Rows, keys: Sequence[Key]) -> dict[Key, int]:
    """Return the number of rows of each parent that has any."""
    link, dialect, form = question.link, reading.dialect, filters.form(question.where)
    if len(keys) == 1 or link.below or not _has_ids_only(link):
        statement = count_of_one(dialect, link, form, question.max_depth is not None)
        found = await seek(reading, statement, [values_of(dialect, question, key) for key in keys])
        return {key: row[0] for key, (row,) in zip(keys, found, strict=True)}
    values = asked(dialect, question)
    values["keys"] = PACK[dialect](sorted(keys))
    return {
        row[:-1]: row[-1]
        for row in await _fetch(reading, count_of_many(dialect, link, form), values)
    }


def _sees_several(reading: Reading) -> bool:
    """Say whether a reader is limited to several projects."""
    return reading.reach is not None and len(reading.reach.projects) > 1


def _nulls(cursor: tuple[Any, ...] | None) -> tuple[int, ...]:
    return tuple([at for at, value in enumerate(cursor) if value is None]) if cursor else ()


def _by(found: list[Stored], places: list[int]) -> dict[Key, list[Stored]]:
    """Group rows by the columns at these places."""
    grouped: dict[Key, list[Stored]] = {}
    for row in found:
        grouped.setdefault(tuple([row[at] for at in places]), []).append(row)
    return grouped


def _has_ids_only(link: Link) -> bool:
    """Say whether the keys of many parents fit into one parameter."""
    return all(link.target.kinds[column] is Kind.ID for column in link.brings)


def _targets(dialect: str, link: Link, key: Key) -> Iterator[Key]:
    """Yield the values of the target's link columns for a parent."""
    if not link.above:
        yield key
        return
    trace, dotted = key
    convert = KEY[dialect]
    for segment in dotted.split(".")[:-1]:
        yield trace, convert(segment[-36:])


def _cut(found: list[Stored], window: Window) -> Found:
    """Cut the row too many off, and say what it means."""
    beyond = len(found) > window.size
    kept = found[: window.size] if beyond else found
    if window.backward:
        kept.reverse()
        return Found(kept, window.before is not None, beyond or window.after is not None)
    return Found(kept, beyond or window.before is not None, window.after is not None)


async def seek(
    reading: Reading, statement: Statement, values: list[dict[str, Any]]
) -> list[list[Stored]]:
    """Run one parent's statement for each parent; return the rows of each."""
    if len(values) == 1:
        return [await _fetch(reading, statement, values[0])]
    answers: list[list[Stored]] = [list[Stored]() for _ in values]
    for begin in range(0, len(values), _SEEKS):
        some = values[begin : begin + _SEEKS]
        sql = " UNION ALL ".join(
            f"SELECT s.*, {begin + at} FROM ({statement.sql}) AS s"  # noqa: S608 - our own text
            for at in range(len(some))
        )
        placed = [value for found in some for value in statement.placed(found)]
        for row in await reading.rows(sql, placed):
            at: int = row[-1]
            answers[at].append(row[:-1])
    return answers


def _fetch(
    reading: Reading, statement: Statement, values: Mapping[str, Any]
) -> Awaitable[list[Stored]]:
    return reading.rows(statement.sql, statement.placed(values))


def values_of(dialect: str, question: Rows, key: Key) -> dict[str, Any]:
    """Return the parameters of one parent's statement."""
    found = asked(dialect, question)
    if not question.link.below:
        for at, value in enumerate(key):
            found[f"k{at}"] = value
        return found
    trace, dotted, depth = key
    found |= {"k0": trace, "k1": f"{dotted}.", "k2": f"{dotted}/"}
    if question.max_depth is not None:
        found["k3"] = depth + question.max_depth
    return found


def _paged(dialect: str, question: Rows, key: Key, *, beyond: bool) -> dict[str, Any]:
    """Return the parameters of one parent's page."""
    found = values_of(dialect, question, key)
    if not beyond:
        found["size"] -= 1
    return found


def asked(dialect: str, question: Rows) -> dict[str, Any]:
    """Return the parameters of the filter and the window."""
    convert = ASKED[dialect]
    found: dict[str, Any] = {}
    for at, (kind, value) in enumerate(filters.values(question.where)):
        found[f"f{at}"] = convert[kind](value) if kind in convert else value
    window = question.window
    if window is None:
        return found
    found["size"] = window.size + 1
    if window.after is None and window.before is None:
        return found
    kinds = [question.link.target.kind(column) for column in question.order_columns]
    for prefix, cursor in (("a", window.after), ("b", window.before)):
        for at, asked in enumerate(cursor or ()):
            kind = kinds[at]
            told = asked is not None and kind in convert
            found[f"{prefix}{at}"] = convert[kind](asked) if told else asked
    return found
