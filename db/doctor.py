"""What a database looks like from inside: versions, indexes, sizes, and what waits."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, inspect, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import SQLModel

from db.readers import Reading
from db.tables import PARKED, RUN_ROLLUP_DIRTY, RUN_SEARCH_QUEUE

_WAITING = "SELECT (SELECT count(*) FROM parked), (SELECT count(*) FROM run_search_queue)"
_VERSIONS = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}
_SIZES = {
    "sqlite": (
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m"
        " ON m.name = s.name WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
    ),
    "postgresql": (
        "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
    ),
}
_STATEMENTS = (
    "SELECT left(regexp_replace(s.query, '\\s+', ' ', 'g'), 300), s.calls, s.mean_exec_time,"
    " s.max_exec_time FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid"
    " WHERE d.datname = current_database() AND s.max_exec_time > 250"
    " ORDER BY s.total_exec_time DESC LIMIT 10"
)
_BEHIND = "the index of words is behind"
_PAUSE = 0.1
MOST_DIRTY = 2_000
MOST_QUEUED = 100_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact; `fine` says whether it is as it should be."""

    about: str
    told: str
    fine: bool = True


async def waiting(reading: Reading) -> tuple[int, int]:
    """Return how many changes wait for their run, and runs for the index of words."""
    ((parked, queued),) = await reading.rows(_WAITING, ())
    return parked, queued


def examine(connection: Connection) -> list[Finding]:
    """Return what there is to say of a database's tables."""
    return [
        *_version(connection),
        *_indexes(connection),
        *_sizes(connection),
        *_waiting(connection),
        *_slow(connection),
    ]


def _version(connection: Connection) -> Iterator[Finding]:
    dialect = connection.dialect.name
    version = connection.exec_driver_sql(_VERSIONS[dialect]).scalar_one()
    yield Finding(f"version of {dialect}", str(version))


def _indexes(connection: Connection) -> Iterator[Finding]:
    found = inspect(connection)
    there = set(found.get_table_names())
    for name, table in sorted(SQLModel.metadata.tables.items()):
        if name not in there:
            yield Finding(name, "the table is missing: rungraph migrate", fine=False)
            continue
        known = {each["name"] for each in found.get_indexes(name)}
        lost = sorted(str(index.name) for index in table.indexes if index.name not in known)
        if lost:
            yield Finding(name, f"indexes are missing: {', '.join(lost)}", fine=False)


def _sizes(connection: Connection) -> Iterator[Finding]:
    there = set(inspect(connection).get_table_names())
    sizes = _bytes(connection)
    for name, table in sorted(SQLModel.metadata.tables.items()):
        if name in there:
            count = connection.execute(select(func.count()).select_from(table)).scalar_one()
            size = f", {sizes[name]} bytes with its indexes" if name in sizes else ""
            yield Finding(name, f"{count} rows{size}")


def _bytes(connection: Connection) -> dict[str, int]:
    """Return the bytes of each table; nothing where this SQLite can not tell (DBSTAT_VTAB)."""
    try:
        found = connection.exec_driver_sql(_SIZES[connection.dialect.name])
    except OperationalError:
        return {}
    return {name: int(size) for name, size in found}


def _waiting(connection: Connection) -> Iterator[Finding]:
    def count(table: object) -> int:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]

    yield Finding("changes that wait for their run", str(count(PARKED)))
    queued, dirty = count(RUN_SEARCH_QUEUE), count(RUN_ROLLUP_DIRTY)
    yield Finding("runs to be indexed", str(queued), queued <= MOST_QUEUED)
    yield Finding("hours to be summed up", str(dirty), dirty <= MOST_DIRTY)


def index_lag(connection: Connection, patience: float) -> Finding:
    """See how long it takes until a run that waits now is indexed, for so many seconds."""
    key = select(RUN_SEARCH_QUEUE.c.trace_id, RUN_SEARCH_QUEUE.c.id).limit(1)
    first = connection.execute(key).first()
    begun = time.monotonic()
    if first is None:
        return Finding(_BEHIND, "0 s")
    at = RUN_SEARCH_QUEUE.c
    still = key.where(at.trace_id == first.trace_id, at.id == first.id)
    while (seconds := time.monotonic() - begun) < patience:
        connection.rollback()  # or it would see for ever what it saw first
        if connection.execute(still).first() is None:
            return Finding(_BEHIND, f"at least {seconds:.1f} s: so long a run waited")
        time.sleep(_PAUSE)
    told = f"more than {patience:g} s: a run still waits; a server that runs would index it"
    return Finding(_BEHIND, told)


def _slow(connection: Connection) -> Iterator[Finding]:
    """Return what PostgreSQL itself remembers of slow statements, where it does."""
    if connection.dialect.name != "postgresql":
        return
    try:
        with connection.begin_nested():
            found = connection.exec_driver_sql(_STATEMENTS).all()
    except DBAPIError:
        yield Finding("slow statements", "the extension pg_stat_statements is not to be read")
        return
    yield Finding("slow statements", f"{len(found)} took more than 250 ms")
    for text, calls, mean, longest in found:
        told = f"{calls} times, {mean:.0f} ms in the middle, {longest:.0f} ms at most"
        yield Finding("slow statement", f"{told}: {text}")
