"""How a stored value becomes the value of an answer, and how an asked value becomes a driver's.

Answers hold only what JSON can say: ids and times are text, costs are exact decimal text, and
stored JSON text stays text until the answer is written. One table for each database, by kind.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Boolean, Float, Integer, LargeBinary, Numeric
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

from db.dialects import MONEY_SCALE, Id, JsonText, Money
from db.full_text import FULL_TEXT
from db.json_paths import path_text
from db.json_tests import asked_text
from db.moments import stored_text


class Kind(Enum):
    """What a column holds, as far as reading and asking care."""

    ID = "id"
    TEXT = "text"
    TIME = "time"
    INT = "int"
    FLOAT = "float"
    MONEY = "money"
    BOOL = "bool"
    JSON = "json"
    BYTES = "bytes"
    JSON_TEST = "json test"
    SEARCH = "search"

    __hash__ = object.__hash__  # Enum's own is Python, and this is looked up for each parameter


_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (Id, Kind.ID),
    (UTCDateTime, Kind.TIME),
    (Money, Kind.MONEY),
    (JsonText, Kind.JSON),
    (Boolean, Kind.BOOL),
    (Integer, Kind.INT),
    (Float, Kind.FLOAT),
    (Numeric, Kind.FLOAT),
    (LargeBinary, Kind.BYTES),
)


def kind_of(column_type: TypeEngine[Any]) -> Kind:
    """Return what a column of this type holds."""
    return next((kind for found, kind in _KINDS if isinstance(column_type, found)), Kind.TEXT)


def money_text(units: int) -> str:
    """Return the exact decimal text of whole units of 10^-12 dollars, without padding zeros."""
    digits = str(units)
    if units < 0:
        return "-" + money_text(-units)
    if len(digits) <= MONEY_SCALE:
        return ("0." + digits.zfill(MONEY_SCALE)).rstrip("0").rstrip(".")
    return f"{digits[:-MONEY_SCALE]}.{digits[-MONEY_SCALE:]}".rstrip("0").rstrip(".")


Convert = Callable[[Any], Any]

EXPRESSIONS: Mapping[str, Mapping[Kind, str]] = {
    "sqlite": {
        Kind.ID: """f'{{(h := {v}.hex("-", 2))[:4]}}{{h[5:29]}}{{h[30:34]}}{{h[35:]}}'""",
        Kind.TIME: "({v}.replace(' ', 'T') + 'Z')",
        Kind.MONEY: "money_text({v})",
        Kind.BOOL: "({v} == 1)",
    },
    "postgresql": {
        Kind.MONEY: "{v}.rstrip('0').rstrip('.')",
    },
}
"""Stored value -> value of an answer, as Python text in which {v} is the value, never None.

As text, because compiled plans write it into their comprehensions. A missing kind passes as it is.
"""

FUNCTIONS: Mapping[str, Convert] = {
    "money_text": money_text,
}
"""What expressions call."""


def _texts_of_ids(column: list[bytes]) -> list[str] | None:
    if set(map(len, column)) != {16}:
        return None
    texts = bytearray(b"".join(column).hex("-", 2).encode())  # eight groups, each with a dash
    for place, step in ((34, 40), (29, 39), (4, 38)):
        del texts[place::step]
    texts[36::37] = b" " * (len(column) - 1)
    return texts.decode().split(" ")


def _texts_of_times(column: list[str]) -> list[str] | None:
    if not column:
        return None
    texts = ("Z\n".join(column) + "Z").replace(" ", "T").split("\n")
    return texts if len(texts) == len(column) else None


_MANY: Mapping[str, Mapping[Kind, Callable[[list[Any]], list[str] | None]]] = {
    "sqlite": {Kind.ID: _texts_of_ids, Kind.TIME: _texts_of_times},
    "postgresql": {},
}
"""What makes the texts of many values at once, in a third of the time; None: one of them is odd."""


def _ready(expression: str) -> Convert:
    return eval(f"lambda v: {expression.format(v='v')}", dict(FUNCTIONS))  # noqa: S307 - ours


READY: Mapping[str, Mapping[Kind, Convert]] = {
    dialect: {kind: _ready(expression) for kind, expression in expressions.items()}
    for dialect, expressions in EXPRESSIONS.items()
}
"""The same as functions."""


def _of_rows(dialect: str, kind: Kind) -> Callable[[Sequence[tuple[Any, ...]], int], list[Any]]:
    convert, of_many = READY[dialect][kind], _MANY[dialect][kind]

    def column(rows: Sequence[tuple[Any, ...]], at: int) -> list[Any]:
        stored = [row[at] for row in rows]
        whole = all(stored)
        made = of_many(stored if whole else [value for value in stored if value is not None])
        if made is None:
            return [None if value is None else convert(value) for value in stored]
        texts = iter(made)
        return made if whole else [None if value is None else next(texts) for value in stored]

    return column


OF_ROWS: Mapping[str, Mapping[Kind, Callable[[Sequence[tuple[Any, ...]], int], list[Any]]]] = {
    dialect: {kind: _of_rows(dialect, kind) for kind in kinds} for dialect, kinds in _MANY.items()
}
"""The same for a column of many rows: what stands at a place of each; None stays None."""

_MOST = 2**63 - 1
"""Units of money that SQLite can compare with; it stores no more."""

ASKED: Mapping[str, Mapping[Kind, Convert]] = {
    "sqlite": {
        Kind.ID: lambda value: value.bytes,
        Kind.TIME: stored_text,
        Kind.MONEY: lambda value: max(min(int(value.scaleb(MONEY_SCALE)), _MOST), -_MOST),
        Kind.BOOL: int,
        Kind.JSON_TEST: asked_text,
        Kind.SEARCH: FULL_TEXT["sqlite"].asked,
    },
    "postgresql": {Kind.JSON_TEST: path_text, Kind.SEARCH: FULL_TEXT["postgresql"].asked},
}
"""Value of a question -> value of the driver; a kind that is missing passes as it is."""

PACK: Mapping[str, Callable[[Sequence[tuple[Any, ...]]], Any]] = {
    "sqlite": lambda keys: b"".join([part for key in keys for part in key]),
    "postgresql": lambda keys: [part for key in keys for part in key],
}
"""Stored ids -> the one parameter of `db.dialects.key_rows`."""

KEY: Mapping[str, Convert] = {
    "sqlite": lambda text: bytes.fromhex(text.replace("-", "")),
    "postgresql": str,
}
"""The text of an id -> the id as the driver gives it."""


NOBODY: Mapping[str, Any] = {dialect: convert(str(UUID(int=0))) for dialect, convert in KEY.items()}
"""The id of nobody, as the driver gives it."""


def parse_id(text: str) -> UUID | None:
    """Return the id a text names, or None when it is no UUID."""
    try:
        return UUID(text)
    except ValueError:
        return None


PACK_LABELLED: Mapping[str, Callable[[Sequence[tuple[Any, ...]]], tuple[Any, Any]]] = {
    "sqlite": lambda keys: (
        b"".join([id for id, _ in keys]),
        orjson.dumps([label for _, label in keys]).decode(),
    ),
    "postgresql": lambda keys: ([id for id, _ in keys], [label for _, label in keys]),
}
"""Stored ids, each with a text -> the two parameters of `db.dialects.label_rows`."""

MONEY_UNITS: Mapping[str, Convert] = {
    "sqlite": int,
    "postgresql": lambda text: int(Decimal(text).scaleb(MONEY_SCALE)),
}
"""A sum of money as the driver gives it -> whole units of 10^-12 dollars."""


def moment_of(stored: str | datetime) -> datetime:
    """Return the moment that a driver gives as text, in UTC, or as a moment."""
    if isinstance(stored, datetime):
        return stored.astimezone(UTC)
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)
