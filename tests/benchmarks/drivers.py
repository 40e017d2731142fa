"""What the floor knows of databases: the forms of their values, and how to ask them at all."""

import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.readers import PRAGMAS
from db.values import money_text

Ask = Callable[[str, Sequence[Any]], Awaitable[Sequence[Sequence[Any]]]]
"""Sends a statement, whose places are marked by `?`, with values; returns its rows."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A database's side of a column, by kind: its SQL around {c}, and Python around the value {v}.

    `key` makes what is sent of the text of an id.
    """

    columns: Mapping[str, str]
    values: Mapping[str, str]
    key: Callable[[str], Any]
    open: Callable[[str], Ask]
    functions: Mapping[str, Any]


def _open_sqlite(url: str) -> Ask:
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")

    async def ask(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return connection.execute(sql, values).fetchall()

    return ask


def _open_postgresql(url: str) -> Ask:
    import asyncpg  # noqa: PLC0415 - not everyone has it

    idle: deque[Any] = deque()

    async def opened() -> Any:
        connection = await asyncpg.connect(url, server_settings={"search_path": "rungraph"})
        for name in ("uuid", "numeric"):
            await connection.set_type_codec(
                name, schema="pg_catalog", format="text", encoder=str, decoder=str
            )
        await connection.set_type_codec(
            "varchar", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
        )
        return connection

    async def ask(sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        connection = idle.pop() if idle else await opened()
        try:
            return await connection.fetch(_numbered(sql), *values)
        finally:
            idle.append(connection)

    return ask


_numbers: dict[str, str] = {}


def _numbered(sql: str) -> str:
    """Return a statement with its places marked by $1, $2, ..."""
    if sql not in _numbers:
        first, *others = sql.split("?")
        _numbers[sql] = first + "".join(f"${at}{part}" for at, part in enumerate(others, 1))
    return _numbers[sql]


DRIVERS = {
    "sqlite": Driver(
        columns={"json": "CAST({c} AS BLOB)"},
        values={
            "id": "f'{{(h := {v}.hex())[:8]}}-{{h[8:12]}}-{{h[12:16]}}-{{h[16:20]}}-{{h[20:]}}'",
            "time": "f'{{{v}[:10]}}T{{{v}[11:]}}Z'",
            "money": "money_text({v})",
        },
        key=lambda id: bytes.fromhex(id.replace("-", "")),
        open=_open_sqlite,
        functions={"money_text": money_text},
    ),
    "postgresql": Driver(
        columns={
            "json": "CAST({c} AS VARCHAR)",
            "time": """to_char({c}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
        },
        values={"money": "{v}.rstrip('0').rstrip('.')"},
        key=str.lower,
        open=_open_postgresql,
        functions={},
    ),
}
"""By the beginning of a URL."""
