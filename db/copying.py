"""Copying a whole store into an empty one, of either database.

Rows go table by table in the order of their keys, a few at a time. With each few, in the same
transaction, the target notes how far it is (`copy_progress`), so that a copy that was stopped goes
on where it was. A table is right when both sides have as many rows, and the sum of their digests
is the same: the source's is taken as rows are read, the target's by reading it again.

Words are not copied: each database keeps them in a form of its own. All runs are put into the
queue from which the server indexes them.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    Table,
    Text,
    func,
    insert,
    inspect,
    literal,
    select,
)
from sqlalchemy import tuple_ as row_of
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from db.dialects import open_any
from db.errors import ConflictError, InvalidError, NotFoundError, SchemaMismatchError
from db.recall import named
from db.schema_version import HEAD, current, ensure, mismatch, shown
from db.search_index import start_anew
from db.tables import RUN_SEARCH, RUN_SEARCH_QUEUE

Advance = Callable[[int], None]
Bar = Callable[[str, int, int], AbstractContextManager[Advance]]
"""From what is done, how many rows there are and how many are done already, to what counts them."""

_ENOUGH = 4 * 1024 * 1024
"""Bytes of rows, roughly, that are held and written at once."""
_MOST = 2_000
_AT_ONCE = 50
_DIGEST = 16
_MODULUS = 1 << (8 * _DIGEST)
_SCALE = Decimal(10) ** 12

_PROGRESS = Table(
    "copy_progress",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("told", Text, nullable=False),
)


class Done(NamedTuple):
    """How far a table is: its last key (None: not begun), how many rows, the sum of digests."""

    key: Sequence[Any] | None
    rows: int
    digest: int


_NOTHING = Done(None, 0, 0)


@dataclass(frozen=True, slots=True)
class Copied:
    """A table that was copied and found right."""

    name: str
    rows: int
    digest: str


def tables() -> list[Table]:
    """Return the tables that are copied."""
    left_out = {RUN_SEARCH, RUN_SEARCH_QUEUE}
    return [table for table in SQLModel.metadata.sorted_tables if table not in left_out]


def copy(source_url: str, target_url: str, bar: Bar) -> list[Copied]:
    """Copy a store; return its tables.

    Raises StoreError where either side is not what it should be, ConflictError where the target
    holds something else, or, in the end, not what the source held.
    """
    source, target = open_any(source_url), open_any(target_url)
    try:
        _check_source(source, source_url)
        ensure(target, target_url)
        done = _begin(target, shown(source_url), target_url)
        for table in tables():
            done[table.name] = _copy_table(source, target, table, done, shown(source_url), bar)
        copied = [_verified(source, target, table, done[table.name], bar) for table in tables()]
        with target.begin() as connection:
            start_anew(connection)
            _PROGRESS.drop(connection)
        return copied
    finally:
        source.dispose()
        target.dispose()


def _check_source(source: Engine, url: str) -> None:
    path = make_url(url).database
    if source.dialect.name == "sqlite" and not (path and Path(path).exists()):
        raise NotFoundError(f"there is no database {url}")
    version = current(source)
    if version is None and not inspect(source).get_table_names():
        raise NotFoundError(f"{shown(url)} is empty: there is nothing to copy")
    if version != HEAD:
        raise SchemaMismatchError(mismatch(version, url))


def _begin(target: Engine, source: str, target_url: str) -> dict[str, Done]:
    """Return how far a copy from this source is; refuse what is something else."""
    with target.begin() as connection:
        begun = target.dialect.has_table(connection, _PROGRESS.name)
        if not begun:
            full = [table.name for table in tables() if connection.execute(_one(table)).first()]
            if full:
                told = f"{shown(target_url)} holds rows already, in {', '.join(full)}"
                raise ConflictError(f"{told}; copy into an empty database")
            _PROGRESS.create(connection)
            return {}
        rows = connection.execute(select(_PROGRESS)).all()
    for row in rows:
        if row.source != source:
            told = f"{shown(target_url)} holds half a copy of {row.source}"
            raise ConflictError(f"{told}; finish that, or begin with an empty database")
    return {row.name: _read_progress(row.told) for row in rows}


def _one(table: Table) -> Any:
    return select(*table.primary_key).limit(1)


def _copy_table(
    source: Engine, target: Engine, table: Table, all_done: Mapping[str, Done], name: str, bar: Bar
) -> Done:
    done = all_done.get(table.name, _NOTHING)
    with source.connect().execution_options(read_only=True) as connection:
        total = connection.scalar(select(func.count()).select_from(table)) or 0
    with bar(f"copying {table.name}", total, done.rows) as advance:
        while rows := _next(source, table, done.key):
            done = Done(
                [rows[-1][column.name] for column in table.primary_key],
                done.rows + len(rows),
                (done.digest + sum(map(_digest, rows))) % _MODULUS,
            )
            _put(target, table, rows, done, name)
            advance(len(rows))
    return done


def _next(source: Engine, table: Table, after: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Return rows after a key: as many as are read comfortably at once."""
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(_MOST)
    if after is not None:
        query = query.where(row_of(*keys) > row_of(*_bound(keys, after)))
    found: list[dict[str, Any]] = []
    size = 0
    with _streamed(source, query) as rows:
        for row in rows:
            found.append(row)
            size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
            if size >= _ENOUGH:
                break
    return found


def _bound(keys: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    return [literal(value, key.type) for key, value in zip(keys, values, strict=True)]


@contextmanager
def _streamed(engine: Engine, query: Any) -> Generator[Iterator[dict[str, Any]]]:
    """Give the rows of a query, of which few are in memory at any time."""
    few = {"read_only": True, "yield_per": _AT_ONCE}
    with (
        engine.connect().execution_options(**few) as connection,
        connection.execute(query) as result,
    ):
        yield map(named, result.mappings())


def _put(
    target: Engine, table: Table, rows: Sequence[dict[str, Any]], done: Done, source: str
) -> None:
    note = {"name": table.name, "source": source, "told": _progress_text(done)}
    try:
        with target.begin() as connection:
            connection.execute(insert(table), rows)
            connection.execute(_PROGRESS.delete().where(_PROGRESS.c.name == table.name))
            connection.execute(insert(_PROGRESS), note)
    except DBAPIError as error:
        raise InvalidError(_fault(target, table, rows) or str(error.orig)) from error


def _fault(target: Engine, table: Table, rows: Iterable[dict[str, Any]]) -> str | None:
    """Return which of some rows the target does not take, and why."""
    for row in rows:
        with target.connect() as connection:
            try:
                connection.execute(insert(table), row)
            except DBAPIError as error:
                key = ", ".join(f"{column.name} {row[column.name]}" for column in table.primary_key)
                return f"the {table.name} of {key} can not be copied: {error.orig}"
            finally:
                connection.rollback()
    return None


def _verified(source: Engine, target: Engine, table: Table, done: Done, bar: Bar) -> Copied:
    """Read a table back. Raises ConflictError where it is not what the source holds."""
    count = select(func.count()).select_from(table)
    with source.connect().execution_options(read_only=True) as connection:
        there = connection.scalar(count) or 0
    digest = rows = 0
    with (
        bar(f"checking {table.name}", done.rows, 0) as advance,
        _streamed(target, select(table)) as found,
    ):
        for row in found:
            digest = (digest + _digest(row)) % _MODULUS
            rows += 1
            if not rows % _AT_ONCE:
                advance(_AT_ONCE)
        advance(rows % _AT_ONCE)
    if not there == done.rows == rows:
        raise ConflictError(
            f"{table.name} has {there} rows in the source, of which {done.rows} were copied, and"
            f" {rows} in the target; was the source, or the target, written to meanwhile?"
        )
    if digest != done.digest:
        raise ConflictError(f"the rows of {table.name} are not those of the source")
    return Copied(table.name, rows, f"{digest:0{2 * _DIGEST}x}")


def _digest(row: Mapping[str, Any]) -> int:
    """Return a number of a row that is the same on every database."""
    text = orjson.dumps([_plain(row[name]) for name in sorted(row)])
    return int.from_bytes(blake2b(text, digest_size=_DIGEST).digest(), "big")


def _plain(value: Any) -> Any:
    form = next((form for kind, form in _PLAIN.items() if isinstance(value, kind)), None)
    return form(value) if form else value


_PLAIN: Mapping[Any, Callable[[Any], Any]] = {
    str: str,
    UUID: lambda id: id.hex,
    datetime: lambda at: at.astimezone(UTC).isoformat(),
    int: lambda number: str(int(number)),
    Decimal: lambda number: str(int(number * _SCALE)),
    (bytes, memoryview): lambda data: bytes(data).hex(),
}
"""From what a row holds to what is the same text on every database."""

_FORMS: Mapping[str, tuple[type, Callable[[Any], Any], Callable[[str], Any]]] = {
    "id": (UUID, lambda id: id.hex, UUID),
    "time": (datetime, lambda at: at.isoformat(), datetime.fromisoformat),
    "text": (str, str, str),
    "number": (int, str, int),
}
"""How the parts of keys are noted: by name, their type, and both ways."""


def _progress_text(done: Done) -> str:
    key = [
        next([name, to(part)] for name, (kind, to, _) in _FORMS.items() if isinstance(part, kind))
        for part in done.key or ()
    ]
    return orjson.dumps({"key": key, "rows": done.rows, "digest": f"{done.digest:x}"}).decode()


def _read_progress(text: str) -> Done:
    told = orjson.loads(text)
    key = [_FORMS[name][2](part) for name, part in told["key"]]
    return Done(key, told["rows"], int(told["digest"], 16))
