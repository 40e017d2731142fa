"""Spreading the tables over the workers of a Citus cluster: `rungraph migrate --citus`.

What is keyed by trace goes where its trace goes, so that a trace and all that is its own are one
place and one transaction. Projects are on every worker, because runs are joined with them. The
rest is small, belongs to no trace and stays on the coordinator, which all servers connect to.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlmodel import SQLModel

from db.dialects import open_any
from db.errors import InvalidError
from db.schema_version import opening, shown, upgrade

SHARDS_A_WORKER = 4
"""How many shards a table has for each worker: more of them cost more at every fan-out."""

BY = "trace_id"


class Place(Enum):
    """Where the rows of a table are."""

    BY_TRACE = "spread over the workers by trace_id"
    EVERYWHERE = "whole on every node"
    COORDINATOR = "on the coordinator"


PLACES: Mapping[str, Place] = {
    "run": Place.BY_TRACE,
    "run_payload": Place.BY_TRACE,
    "run_tag": Place.BY_TRACE,
    "run_metadata": Place.BY_TRACE,
    "run_search": Place.BY_TRACE,
    "run_search_queue": Place.BY_TRACE,
    "feedback": Place.BY_TRACE,
    "attachment": Place.BY_TRACE,
    "project": Place.EVERYWHERE,  # named by runs in filters and groups
    "thread": Place.COORDINATOR,  # of a project, whose traces are everywhere
    "thread_trace": Place.COORDINATOR,
    "access_key": Place.COORDINATOR,
    "discarded_object": Place.COORDINATOR,
    "imported_file": Place.COORDINATOR,
    "parked": Place.COORDINATOR,  # has no trace yet
    "run_rollup_hour": Place.COORDINATOR,  # of a project: one row for so many runs
    "run_rollup_day": Place.COORDINATOR,
    "run_rollup_dirty": Place.COORDINATOR,
}
"""Where each table goes. `run` comes first: the others by trace lie beside its rows."""

_NODES = text(
    "SELECT count(*) FROM pg_dist_node WHERE noderole = 'primary' AND isactive AND shouldhaveshards"
)
_SPREAD_ALREADY = text("SELECT CAST(logicalrelid AS text) FROM pg_dist_partition")
_HAS_CITUS = text("SELECT 1 FROM pg_extension WHERE extname = 'citus'")


def spread(url: str) -> list[tuple[str, Place]]:
    """Bring a database to this version's tables and spread them; return where each is.

    Tables that are where they belong are left alone. Raises InvalidError where there is no Citus,
    and SchemaMismatchError.
    """
    with opening(url):
        engine = open_any(url)
        try:
            _check(engine, url)
            upgrade(engine, url)
            with engine.begin() as connection:
                spread_tables(connection)
        finally:
            engine.dispose()
    return [(name, PLACES[name]) for name in PLACES if name in SQLModel.metadata.tables]


def spread_tables(connection: Connection) -> None:
    """Spread the tables that are not spread yet, in the caller's transaction."""
    workers = connection.scalar(_NODES) or 1
    there = {name.rpartition(".")[2] for name in connection.scalars(_SPREAD_ALREADY)}
    for name, place in PLACES.items():
        if name in there or name not in SQLModel.metadata.tables:
            continue
        if place is Place.EVERYWHERE:
            _call(connection, "create_reference_table(:name)", name=name)
        elif place is Place.BY_TRACE and name == "run":
            how = "create_distributed_table(:name, :by, shard_count => :shards)"
            _call(connection, how, name=name, by=BY, shards=workers * SHARDS_A_WORKER)
        elif place is Place.BY_TRACE:
            how = "create_distributed_table(:name, :by, colocate_with => 'run')"
            _call(connection, how, name=name, by=BY)


def _check(engine: Engine, url: str) -> None:
    if engine.dialect.name == "sqlite":
        raise InvalidError(f"{shown(url)} is SQLite; --citus wants the coordinator of a cluster")
    with engine.connect() as connection:
        if not connection.scalar(_HAS_CITUS):
            raise InvalidError(
                f"{shown(url)} has no Citus: `CREATE EXTENSION citus` on every node and"
                " `citus_add_node` on the coordinator come first"
            )


def _call(connection: Connection, what: str, **given: Any) -> None:
    connection.execute(text(f"SELECT {what}"), given)
