"""Marks on the hours of projects whose runs have changed, for `db.rollups`."""

from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID, uuid4

from sqlalchemy import Connection
from sqlalchemy.sql.dml import Insert

from db.dialects import upsert
from db.sending import send
from db.tables import RUN_ROLLUP_DIRTY

Touched = tuple[UUID, datetime]
"""A project, and when a run of it begins."""


def mark(connection: Connection, touched: Collection[Touched]) -> None:
    """Mark the hours in which runs began that were made, changed or deleted, before and after."""
    hours = {
        (session, start.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
        for session, start in touched
    }
    fresh = uuid4()
    rows = [{"session_id": session, "since": since, "mark": fresh} for session, since in hours]
    send(connection, _upsert(connection.dialect.name), rows, ("session_id", "since", "mark"))


@lru_cache
def _upsert(dialect: str) -> Insert:
    made = upsert(dialect, RUN_ROLLUP_DIRTY)
    return made.on_conflict_do_update(
        index_elements=["session_id", "since"], set_={"mark": made.excluded.mark}
    )
