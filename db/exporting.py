"""Reading runs to write them elsewhere: oldest first, a page at a time, with what belongs to them.

A page is a short read of its own. A run that changes meanwhile is told as it was when it was read,
one that comes later with an older start is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, exists, literal, or_, select, tuple_

from db import answers
from db.dialects import key_rows
from db.errors import NotFoundError
from db.filters import EVERYTHING, All, Where, test
from db.orders import Order, Term
from db.questions import RUNS, Rows, Window
from db.recall import WHOLE, named
from db.store import Store
from db.tables import ATTACHMENT, FEEDBACK, PROJECT, RUN
from db.values import READY, Kind, moment_of, parse_id

Key = tuple[UUID, UUID]
"""A run: its trace, its id."""

Stored = Mapping[str, Any]
"""A row by the names of its columns."""

_OLDEST_FIRST: Order = (Term("start_time", False), Term("id", False))
_COLUMNS = ("trace_id", "id", "start_time")

_keys = key_rows("keys", ("trace_id", "id"))
_FEEDBACK = select(FEEDBACK).select_from(
    _keys.join(
        FEEDBACK, and_(FEEDBACK.c.trace_id == _keys.c.trace_id, FEEDBACK.c.run_id == _keys.c.id)
    )
)
_FILE = (ATTACHMENT.c.trace_id, ATTACHMENT.c.run_id, ATTACHMENT.c.name, ATTACHMENT.c.mime_type)
_FILES = select(*_FILE).select_from(
    _keys.join(
        ATTACHMENT,
        and_(ATTACHMENT.c.trace_id == _keys.c.trace_id, ATTACHMENT.c.run_id == _keys.c.id),
    )
)


class Place(NamedTuple):
    """How far runs were read: the start and the id of the last."""

    start: datetime
    id: UUID


class Page(NamedTuple):
    """The keys of some runs, and where the last of them stands (None: there are none left)."""

    keys: Sequence[Key]
    place: Place | None


def projects_named(connection: Connection, named: Sequence[str]) -> Where:
    """Return the test for the projects that are named, by name or id; everything if none is.

    Raises NotFoundError.
    """
    ids: list[UUID] = []
    for each in named:
        given = parse_id(each)
        by_id = PROJECT.c.id == given if given is not None else PROJECT.c.name == each
        found = connection.scalar(select(PROJECT.c.id).where(or_(by_id, PROJECT.c.name == each)))
        if found is None:
            raise NotFoundError(f"there is no project {each!r}")
        ids.append(found)
    return test("session_id", "in", ids) if ids else EVERYTHING


def both(one: Where, other: Where) -> Where:
    """Return what holds where two conditions hold."""
    return All(tuple(each for each in (one, other) if each != EVERYTHING))


async def count(store: Store, where: Where) -> int:
    """Return how many runs pass."""
    reading = store.reading()
    try:
        return (await answers.counts(reading, Rows(RUNS, where=where), [()])).get((), 0)
    finally:
        await reading.close()


async def page(store: Store, where: Where, after: Place | None, size: int) -> Page:
    """Return the next runs that pass."""
    reading = store.reading()
    question = Rows(RUNS, where=where, window=Window(size, after=after), order=_OLDEST_FIRST)
    try:
        found = (await answers.windows(reading, question, [()], _COLUMNS))[()].rows
    finally:
        await reading.close()
    if not found:
        return Page((), None)
    to_text = READY[store.dialect].get(Kind.ID, str)
    keys = [(UUID(to_text(trace)), UUID(to_text(id))) for trace, id, _ in found]
    return Page(keys, Place(moment_of(found[-1][2]), keys[-1][1]))


def whole(connection: Connection, keys: Sequence[Key]) -> list[Stored]:
    """Return runs with what they carried, in the order of the keys; who is gone is left out."""
    rows = {
        (row["trace_id"], row["id"]): row
        for row in map(named, connection.execute(WHOLE, {"keys": keys}).mappings())
    }
    return [rows[key] for key in keys if key in rows]


def judgements(connection: Connection, keys: Sequence[Key]) -> Mapping[Key, list[Stored]]:
    """Return the feedback on runs, by run."""
    return _by_run(connection, _FEEDBACK.order_by(FEEDBACK.c.id), keys)


def files(connection: Connection, keys: Sequence[Key]) -> Mapping[Key, list[Stored]]:
    """Return the names and types of the files sent with runs, by run."""
    return _by_run(connection, _FILES.order_by(ATTACHMENT.c.name), keys)


def projects(connection: Connection) -> Mapping[UUID, Stored]:
    """Return all projects by id."""
    rows = map(named, connection.execute(select(PROJECT)).mappings())
    return {row["id"]: row for row in rows}


def loose_judgements(connection: Connection, after: Key | None, most: int) -> list[Stored]:
    """Return feedback on what is no run here: on projects, on runs that never came."""
    query = select(FEEDBACK).where(_of_no_run(FEEDBACK)).order_by(*FEEDBACK.primary_key)
    if after is not None:
        query = query.where(tuple_(*FEEDBACK.primary_key) > _bound(FEEDBACK, after))
    return [named(row) for row in connection.execute(query.limit(most)).mappings()]


def loose_files(connection: Connection, after: tuple[Any, ...] | None, most: int) -> list[Stored]:
    """Return the names and types of files of runs that never came."""
    query = select(*_FILE).where(_of_no_run(ATTACHMENT)).order_by(*ATTACHMENT.primary_key)
    if after is not None:
        query = query.where(tuple_(*ATTACHMENT.primary_key) > _bound(ATTACHMENT, after))
    return [named(row) for row in connection.execute(query.limit(most)).mappings()]


def _of_no_run(table: Any) -> Any:
    run = and_(RUN.c.trace_id == table.c.trace_id, RUN.c.id == table.c.run_id)
    return or_(table.c.run_id.is_(None), ~exists(select(1).where(run)))


def _bound(table: Any, values: Sequence[Any]) -> Any:
    columns = list(table.primary_key)
    return tuple_(*[literal(v, c.type) for v, c in zip(values, columns, strict=True)])


def _by_run(connection: Connection, query: Any, keys: Sequence[Key]) -> dict[Key, list[Stored]]:
    found: dict[Key, list[Stored]] = {}
    for row in _rows(connection, query, keys):
        found.setdefault((row["trace_id"], row["run_id"]), []).append(row)
    return found


def _rows(connection: Connection, query: Any, keys: Sequence[Key]) -> Iterator[Stored]:
    return map(named, connection.execute(query, {"keys": keys}).mappings())
