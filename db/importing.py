"""What an import needs besides the fold: the projects of its runs, and how far its files are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.sql.dml import Insert

from db.dialects import only_writer, upsert
from db.models import Project
from db.tables import IMPORTED_FILE, PROJECT


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file is: so many lines, bytes of text, and lines of those refused."""

    lines: int = 0
    bytes: int = 0
    refused: int = 0
    done: bool = False


def make_projects(connection: Connection, wanted: Sequence[Project]) -> None:
    """Make projects as they were elsewhere; one that is here, by id or name, stays as it is."""
    only_writer(connection)
    for project in wanted:
        same = (PROJECT.c.id == project.id) | (PROJECT.c.name == project.name)
        if connection.execute(select(PROJECT.c.id).where(same)).first() is None:
            row = {column.name: getattr(project, column.name) for column in PROJECT.c}
            connection.execute(_project(connection.dialect.name), row)


def mark_of(connection: Connection, id: UUID) -> Mark:
    """Return how far a file was imported."""
    row = connection.execute(select(IMPORTED_FILE).where(IMPORTED_FILE.c.id == id)).first()
    return Mark() if row is None else Mark(row.lines, row.bytes, row.refused, row.done)


def put_mark(connection: Connection, id: UUID, name: str, mark: Mark, now: datetime) -> None:
    """Note how far a file is imported; what is noted must be stored already."""
    only_writer(connection)
    row: dict[str, Any] = {
        "id": id,
        "name": name,
        "lines": mark.lines,
        "bytes": mark.bytes,
        "refused": mark.refused,
        "done": mark.done,
        "at": now,
    }
    connection.execute(_mark(connection.dialect.name), row)


@lru_cache
def _project(dialect: str) -> Insert:
    return upsert(dialect, PROJECT).on_conflict_do_nothing()


@lru_cache
def _mark(dialect: str) -> Insert:
    insert = upsert(dialect, IMPORTED_FILE)
    rest = [column.name for column in IMPORTED_FILE.c if column.name != "id"]
    return insert.on_conflict_do_update(
        index_elements=["id"], set_={name: insert.excluded[name] for name in rest}
    )
