"""What differs between databases: column types, keys as one parameter, connections.

This is the only file that asks which database it talks to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID
from zlib import crc32

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    bindparam,
    case,
    cast,
    column,
    create_engine,
    event,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from db.json_tests import holds
from db.lent import Lent
from db.moments import stored_text
from db.servers import SCHEMA, open_postgres

MONEY_SCALE = 12
"""Decimal places kept of a cost: a trillionth of a US dollar."""

_UNIT = Decimal(1).scaleb(-MONEY_SCALE)

_LOG_PAGES = 16_384
"""SQLite: pages of the write-ahead log, 64 MB, after which they are copied into the database.

A fold of some batches fills SQLite's own 1,000, and would copy the same pages with every commit.
"""


class Id(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, 16 bytes on SQLite (text nearly doubles every index)."""

    impl = LargeBinary
    cache_ok = True

    def __repr__(self) -> str:
        return "Id()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the database stores."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(LargeBinary(16))
        return dialect.type_descriptor(postgresql.UUID(as_uuid=True))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """Turn a UUID into what the driver takes."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Turn what the driver gives into a UUID."""
        if value is None or dialect.name != "sqlite":
            return value
        return UUID(bytes=value)


class Plain(TypeDecorator[str]):
    """Text that is sorted and compared by code point, whatever the locale of the database."""

    impl = Text
    cache_ok = True

    def __repr__(self) -> str:
        return "Plain()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the database stores."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return postgresql.TEXT(collation="C")


class JsonText(TypeDecorator[str]):
    """JSON as the text it came in: text on every database, so that it comes back exactly."""

    impl = Text
    cache_ok = True

    def __repr__(self) -> str:
        return "JsonText()"


class Money(TypeDecorator[Decimal]):
    """US dollars, exact to `MONEY_SCALE` places: numeric on PostgreSQL, whole units on SQLite."""

    impl = Numeric
    cache_ok = True

    def __repr__(self) -> str:
        return "Money()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the database stores."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(28, MONEY_SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Turn dollars into what the driver takes."""
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.quantize(_UNIT) * 10**MONEY_SCALE)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Turn what the driver gives into dollars."""
        if value is None or dialect.name != "sqlite":
            return value
        return Decimal(value).scaleb(-MONEY_SCALE)


def packed_keys(dialect: str, rows: Sequence[tuple[UUID, ...]]) -> bytes | list[UUID]:
    """Return rows of UUIDs as the one value a `key_rows` parameter takes from the driver.

    End to end in a blob on SQLite, in a flat array on PostgreSQL. `dialect` is its name.
    """
    if dialect == "sqlite":
        return b"".join([key.bytes for row in rows for key in row])
    return [key for row in rows for key in row]


class Keys(TypeDecorator[Sequence[tuple[UUID, ...]]]):
    """Rows of UUIDs as one parameter."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the parameter is bound as."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(LargeBinary())
        return dialect.type_descriptor(NullType())

    def process_bind_param(self, value: Sequence[tuple[UUID, ...]] | None, dialect: Dialect) -> Any:
        """Turn rows of keys into what the driver takes; psycopg takes an array best as its text."""
        keys = packed_keys(dialect.name, value or ())
        return keys if isinstance(keys, bytes) else f"{{{','.join([key.hex for key in keys])}}}"


class _KeyRows(FunctionElement[Any]):
    """The rows that a `Keys` parameter holds; its arguments are the parameter and column names."""

    inherit_cache = True
    name = "key_rows"


def key_rows(name: str, columns: Sequence[str]) -> TableValuedAlias:
    """Return a table of UUID columns to select from or join, whose rows are one parameter.

    The parameter is called `name`, on every dialect, and takes a sequence of tuples with one
    UUID for each column: `execute(statement, {"keys": [(trace_id, id), ...]})`. No rows are
    fine. Who sends compiled text past SQLAlchemy binds `packed_keys(...)` at each place of it.
    """
    names = [literal_column(each, type_=Id()) for each in columns]
    source = _KeyRows(bindparam(name, type_=Keys()), *names)
    return source.table_valued(*[column(each, Id()) for each in columns], name=name)


def beside_keys(
    dialect: str, keys: TableValuedAlias, condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return a condition on rows that `keys` look up, to be checked after the look-up.

    Once SQLite has statistics, a test of the rows alone lets it read the whole table into a Bloom
    filter first; a test that names the keys as well does not.
    """
    if dialect != "sqlite":
        return condition
    first, *_ = keys.c
    return case((first.is_not(None), condition))


@compiles(_KeyRows, "sqlite")
def _key_rows_of_a_blob(source: _KeyRows, compiler: SQLCompiler, **options: Any) -> str:
    keys, *columns = [compiler.process(each, **options) for each in source.clauses]
    step = 16 * len(columns)
    values = ", ".join(
        f"substr({keys}, at + {16 * place}, 16) AS {each}" for place, each in enumerate(columns)
    )
    return (
        f"(WITH RECURSIVE places(at) AS (SELECT 1 WHERE length({keys}) > 0 UNION ALL"  # noqa: S608
        f" SELECT at + {step} FROM places WHERE at + {step} <= length({keys}))"
        f" SELECT {values} FROM places)"
    )


@compiles(_KeyRows, "postgresql")
def _key_rows_of_an_array(source: _KeyRows, compiler: SQLCompiler, **options: Any) -> str:
    keys, *columns = [compiler.process(each, **options) for each in source.clauses]
    if len(columns) == 1:
        return f"(SELECT {columns[0]} FROM unnest(CAST({keys} AS UUID[])) AS given({columns[0]}))"  # noqa: S608
    values = ", ".join(f"keys[at + {place}] AS {each}" for place, each in enumerate(columns))
    return (
        f"(SELECT {values} FROM (SELECT CAST({keys} AS UUID[]) AS keys) AS given,"  # noqa: S608
        f" generate_series(1, cardinality(keys), {len(columns)}) AS at)"
    )


class Labels(TypeDecorator[Sequence[tuple[UUID, str]]]):
    """Rows of a UUID and a text: their texts as one parameter, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the parameter is bound as."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(postgresql.ARRAY(Text()))

    def process_bind_param(self, value: Sequence[tuple[UUID, str]] | None, dialect: Dialect) -> Any:
        """Turn the texts of rows into what the driver takes."""
        texts = [label for _, label in value or ()]
        return orjson.dumps(texts).decode() if dialect.name == "sqlite" else texts


class _LabelRows(FunctionElement[Any]):
    inherit_cache = True
    name = "label_rows"


def label_rows(name: str) -> TableValuedAlias:
    """Return a table of a UUID column `id` and a text column `label`, like `key_rows`.

    Both parameters, `name` and `name_labels`, take the same sequence of (UUID, text) tuples.
    """
    ids = bindparam(name, type_=IdsOfLabels())
    source = _LabelRows(ids, bindparam(f"{name}_labels", type_=Labels()))
    return source.table_valued(column("id", Id()), column("label", Text()), name=name)


class IdsOfLabels(Keys):
    """Rows of a UUID and a text: their UUIDs as one parameter."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Turn the UUIDs of rows into what the driver takes."""
        return super().process_bind_param([(id,) for id, _ in value or ()], dialect)


@compiles(_LabelRows, "sqlite")
def _label_rows_of_json(source: _LabelRows, compiler: SQLCompiler, **options: Any) -> str:
    ids, labels = [compiler.process(each, **options) for each in source.clauses]
    return (
        f"(SELECT substr({ids}, key * 16 + 1, 16) AS id, value AS label FROM json_each({labels}))"  # noqa: S608
    )


@compiles(_LabelRows, "postgresql")
def _label_rows_of_arrays(source: _LabelRows, compiler: SQLCompiler, **options: Any) -> str:
    ids, labels = [compiler.process(each, **options) for each in source.clauses]
    return (
        f"(SELECT * FROM unnest(CAST({ids} AS UUID[]), CAST({labels} AS TEXT[]))"  # noqa: S608
        " AS rows(id, label))"
    )


_SENT: Mapping[str, Mapping[type, Callable[[Any], Any]]] = {
    "sqlite": {
        UUID: attrgetter("bytes"),
        datetime: stored_text,
        Decimal: lambda dollars: int(dollars.scaleb(MONEY_SCALE)),
    },
    "postgresql": {UUID: attrgetter("hex"), datetime: datetime.isoformat},
}
"""What becomes of values when SQLAlchemy's types are passed by: what drivers take fastest."""


def as_sent(dialect: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values in the form the driver takes when SQLAlchemy's types are passed by."""
    form_of = _SENT[dialect].get
    return tuple([form(value) if (form := form_of(value.__class__)) else value for value in values])


def rows_as_sent(dialect: str, rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Return rows in that form; many are looked at column by column."""
    columns = [_column_as_sent(dialect, column) for column in zip(*rows, strict=True)]
    return zip(*columns, strict=True)


def _column_as_sent(dialect: str, column: tuple[Any, ...]) -> Iterable[Any]:
    forms = _SENT[dialect]
    kinds = set(map(type, column))
    if kinds.isdisjoint(forms):
        return column
    told = kinds - {type(None)}
    if len(told) > 1:
        return as_sent(dialect, column)
    form = forms[told.pop()]
    if len(kinds) == 1:
        return map(form, column)
    return [None if value is None else form(value) for value in column]


def takes_bulk(dialect: str) -> bool:
    """Say whether `db.bulk` is there for a database; SQLite is called, not sent to."""
    return dialect == "postgresql"


def only_writer(connection: Connection) -> None:
    """Wait until no other process folds; until the end of the transaction.

    SQLite has one writer by itself. On PostgreSQL the sums that arrivals add to would get lost
    between two transactions that read before either has written.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7886701)")


def is_shared(dialect: str) -> bool:
    """Say whether several server processes may work on one database."""
    return dialect != "sqlite"


def take_turn(connection: Connection, work: str) -> bool:
    """Say whether no other process has its turn at a work now; then it is the transaction's."""
    lock = "SELECT pg_try_advisory_xact_lock(7886703, %s)"
    return bool(connection.exec_driver_sql(lock, (crc32(work.encode()) >> 1,)).scalar())


def only_migrator(connection: Connection) -> None:
    """Wait until no other process changes the tables, and see to a schema of our own to do so in.

    Until the end of the transaction, in which statements may now take as long as they need. SQLite
    has one writer by itself, and no schemas.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7886702)")
        found = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
        if not connection.scalar(found, {"name": SCHEMA}):
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")


def merges_in_order(dialect: str) -> bool:
    """Say whether of several sorted selections put together no more is read than is shown."""
    return dialect == "sqlite"


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that may say what happens on conflict."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def dialect_named(name: str) -> Dialect:
    """Return the dialect that reading statements are written for."""
    if name == "sqlite":
        return sqlite.dialect(paramstyle="qmark")
    return postgresql.dialect(paramstyle="format")


def passed_through(
    dialect: str, text: ColumnElement[Any], *, short: bool = False
) -> ColumnElement[Any]:
    """Return JSON text as bytes, which an answer takes without decoding it.

    PostgreSQL checks and copies a text to give its bytes, which is worth it where it is `short`;
    else it goes as a type whose bytes the driver hands to Python, text by text.
    """
    if dialect == "sqlite":
        return cast(text, LargeBinary)
    return (
        func.convert_to(text, literal_column("'UTF8'")) if short else cast(text, postgresql.VARCHAR)
    )


def as_text(dialect: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an id or an amount of money as text, which the driver takes as it comes.

    PostgreSQL sends text for it either way; of the type itself, asyncpg would have Python make the
    text anew, value by value.
    """
    return value if dialect == "sqlite" else cast(value, Text())


def moment(dialect: str, time: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a time as the text an answer holds; SQLite stores it almost so."""
    if dialect == "sqlite":
        return time
    return func.to_char(time, literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""), type_=Text())


class AnyId(FunctionElement[Any]):
    """One of the ids of a group; PostgreSQL has no greatest UUID."""

    inherit_cache = True
    type = Id()


@compiles(AnyId, "sqlite")
def _any_id_of_blobs(element: AnyId, compiler: SQLCompiler, **options: Any) -> str:
    return f"max({compiler.process(element.clauses, **options)})"


@compiles(AnyId, "postgresql")
def _any_id_of_uuids(element: AnyId, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(max(CAST({compiler.process(element.clauses, **options)} AS TEXT)) AS UUID)"


def head_of(dialect: str, text: ColumnElement[Any], size: int) -> ColumnElement[Any]:
    """Return at least the first `size` bytes of a text, as bytes (SQLite) or as text."""
    length = literal_column(str(int(size)), type_=Integer())
    if dialect == "sqlite":
        return func.substr(cast(text, LargeBinary), literal_column("1"), length)
    return func.left(text, length)


def length_of(dialect: str, text: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the length of a text in bytes."""
    if dialect == "sqlite":
        return func.length(cast(text, LargeBinary), type_=Integer())
    return func.octet_length(text, type_=Integer())


def open_engine(url: str, *, synchronous: str) -> Engine:
    """Return an engine whose write transactions begin at once, one at a time on SQLite.

    `synchronous` is SQLite's: "full" has every commit on disk before it is answered.
    """
    engine = create_engine(url, connect_args={"check_same_thread": False, "factory": Lent})

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        connection.create_function("json_holds", 2, holds, deterministic=True)

    @event.listens_for(engine, "checkin")
    def _(connection: Lent | None, _record: Any) -> None:
        if connection is not None:
            connection.given_back()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def open_any(url: str) -> Engine:
    """Return an engine for a URL of either database, for one who may take his time.

    Every commit is durable, and no statement is stopped for being slow.
    """
    if url.startswith("sqlite"):
        return open_engine(url, synchronous="full")
    return open_postgres(url, seconds=0, pooled=True)
