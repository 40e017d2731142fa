"""Many rows to PostgreSQL in one statement: by COPY what is new, else as arrays, one a column.

Only statements that `db.sending` is given in a known form are turned: an insert, whatever it does
on conflict, or an update or delete of rows named by the parameters `of_<column>`.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import ClauseElement

from db.behind import behind
from db.servers import past_sqlalchemy

Rows = Sequence[tuple[Any, ...]]
Send = Callable[[Connection, Rows], bool]
"""Sends rows, all at once; says whether that was possible."""

FEWEST = 4
"""Of fewer rows, each is better sent by itself."""

_PIECE = 100
"""Rows that are written at once: the server takes them in while the next ones are made."""

_KEY = "of_"
_NULL = r"\N"
_ESCAPED = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
"""What has a meaning to COPY; the backslash first."""

_TEXT_OR_NONE = frozenset({str, type(None)})
_DIALECT: Dialect = postgresql.dialect()


@lru_cache(maxsize=128)
def in_bulk(statement: ClauseElement, sql: str, names: tuple[str, ...]) -> Send | None:
    """Return what sends many rows of a statement at once; None where that is not known.

    `sql` is the statement for one row, `names` are those of its parameters, in their places.
    """
    if not isinstance(statement, Insert | Update | Delete):
        return None
    table: Any = statement.table
    if not {name.removeprefix(_KEY) for name in names} <= set(table.c.keys()):
        return None
    if isinstance(statement, Insert):
        return _inserting(table, sql, names)
    return _keyed(table, names, is_update=isinstance(statement, Update))


def _inserting(table: Any, sql: str, names: tuple[str, ...]) -> Send:
    head, conflict, rest = sql.partition(" ON CONFLICT")
    if not conflict:
        return _copying(f"COPY {table.name} ({', '.join(names)}) FROM STDIN")
    head, _, _ = head.partition(" VALUES (")
    key = tuple(names.index(column.name) for column in table.primary_key)
    values = f"SELECT * FROM {_arrays(table, names)}"  # noqa: S608 - names of ours
    return _unnesting(f"{head} {values}{conflict}{rest}", key)


def _keyed(table: Any, names: tuple[str, ...], *, is_update: bool) -> Send | None:
    """Return what changes, or deletes, the rows of a table that parameters name."""
    keys = [name for name in names if name.startswith(_KEY)]
    sets = [name for name in names if name not in keys]
    if not keys or bool(sets) != is_update:
        return None
    given = f"{_arrays(table, names)} AS given({', '.join(names)})"
    same = " AND ".join(f"{table.name}.{key.removeprefix(_KEY)} = given.{key}" for key in keys)
    changes = ", ".join(f"{name} = given.{name}" for name in sets)
    update = f"UPDATE {table.name} SET {changes} FROM"  # noqa: S608 - names of ours
    verb = update if sets else f"DELETE FROM {table.name} USING"  # noqa: S608 - the same
    return _unnesting(f"{verb} {given} WHERE {same}", tuple(map(names.index, keys)))


def _arrays(table: Any, names: Iterable[str]) -> str:
    columns = [table.c[name.removeprefix(_KEY)] for name in names]
    types = [_type_of(column) for column in columns]
    return f"unnest({', '.join(f'%s::{each}[]' for each in types)})"


def _type_of(column: Any) -> str:
    """Return a column's type without its collation, which an array can not have."""
    return str(column.type.compile(dialect=_DIALECT)).partition(" COLLATE ")[0]


def _unnesting(sql: str, key: tuple[int, ...]) -> Send:
    """Return what sends rows as arrays, if none is named twice: a statement can not order them."""

    def send(connection: Connection, rows: Rows) -> bool:
        if len({tuple([row[at] for at in key]) for row in rows}) < len(rows):
            return False
        connection.exec_driver_sql(sql, tuple(map(array_of, zip(*rows, strict=True))))
        return True

    return send


def array_of(values: Sequence[Any]) -> Any:
    """Return values as the driver takes an array fastest: its text; of bytes, a list."""
    if bytes in map(type, values):
        return list(values)
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'
    return str(value)


def _copying(sql: str) -> Send:
    def copy_in(connection: Connection, pieces: Iterable[str]) -> None:
        with (
            past_sqlalchemy(connection, sql) as driver,
            driver.cursor() as cursor,
            cursor.copy(sql) as copy,
        ):
            for piece in pieces:
                copy.write(piece)

    def send(connection: Connection, rows: Rows) -> bool:
        if not connection.in_transaction():
            connection.begin()
        pieces = (_lines(rows[at : at + _PIECE]) for at in range(0, len(rows), _PIECE))
        if (sending := behind(connection)) is not None:
            sending.put(partial(copy_in, connection, list(pieces)))
        else:
            copy_in(connection, pieces)
        return True

    return send


def _lines(rows: Rows) -> str:
    """Return rows as COPY reads them: by the driver, value by value, it takes twice the time."""
    columns = [_fields(column) for column in zip(*rows, strict=True)]
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _fields(values: tuple[Any, ...]) -> Iterable[str]:
    """Return the values of a column as fields."""
    if not _TEXT_OR_NONE.issuperset(map(type, values)):
        return [_NULL if value is None else _field(value) for value in values]
    text = "".join(filter(None, values))
    is_special = any(character in text for character in _ESCAPED)
    if None not in values and not is_special:
        return values
    return [
        _NULL if value is None else _escaped(value) if is_special else value for value in values
    ]


def _field(value: Any) -> str:
    match value:
        case str():
            return _escaped(value)
        case bytes():
            return rf"\\x{value.hex()}"
        case _:
            return str(value)


def _escaped(text: str) -> str:
    for character, escaped in _ESCAPED.items():
        text = text.replace(character, escaped)
    return text
