"""What a database looks like from inside: versions, indexes, sizes, and what waits."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, inspect, select
from sqlmodel import SQLModel

from db.tables import PARKED, RUN_ROLLUP_DIRTY, RUN_SEARCH_QUEUE

MOST_DIRTY = 2_000
MOST_QUEUED = 100_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact; `fine` says whether it is as it should be."""

    about: str
    told: str
    fine: bool = True


def examine(connection: Connection) -> list[Finding]:
    """Return what there is to say of a database's tables."""
    return [*_indexes(connection), *_sizes(connection), *_waiting(connection)]


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
    for name, table in sorted(SQLModel.metadata.tables.items()):
        if name in there:
            count = connection.execute(select(func.count()).select_from(table)).scalar_one()
            yield Finding(name, f"{count} rows")


def _waiting(connection: Connection) -> Iterator[Finding]:
    def count(table: object) -> int:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]

    yield Finding("changes that wait for their run", str(count(PARKED)))
    queued, dirty = count(RUN_SEARCH_QUEUE), count(RUN_ROLLUP_DIRTY)
    yield Finding("runs to be indexed", str(queued), queued <= MOST_QUEUED)
    yield Finding("hours to be summed up", str(dirty), dirty <= MOST_DIRTY)
