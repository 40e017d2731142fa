"""Files sent with runs, behind two functions; their bytes are in the table, for now."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ClauseElement, Connection, select, tuple_

from db.arrivals import AttachmentArrival
from db.changes import note_touched
from db.dialects import upsert
from db.sending import send
from db.tables import ATTACHMENT

_KEY = ("trace_id", "run_id", "name")
_REST = ("size", "data", "mime_type")


def put_many(connection: Connection, files: Iterable[tuple[UUID, AttachmentArrival]]) -> None:
    """Store files, each with its trace; of two of the same name the greater is kept."""
    rows: list[dict[str, Any]] = [
        {
            "trace_id": trace,
            "run_id": file.run_id,
            "name": file.name,
            "mime_type": file.mime_type,
            "size": len(file.data),
            "data": file.data,
        }
        for trace, file in files
    ]
    send(connection, _keep_greater(connection.dialect.name), rows, (*_KEY, *_REST))
    note_touched(connection, {(row["trace_id"], row["run_id"]) for row in rows})


def get_one(
    connection: Connection, trace_id: UUID, run_id: UUID, name: str
) -> tuple[str, bytes] | None:
    """Return a file's MIME type and bytes; None if there is no such file."""
    row = connection.execute(
        select(ATTACHMENT.c.mime_type, ATTACHMENT.c.data).where(
            ATTACHMENT.c.trace_id == trace_id,
            ATTACHMENT.c.run_id == run_id,
            ATTACHMENT.c.name == name,
        )
    ).first()
    return None if row is None else (row.mime_type, row.data or b"")


@lru_cache
def _keep_greater(dialect: str) -> ClauseElement:
    insert = upsert(dialect, ATTACHMENT)
    new, old = insert.excluded, ATTACHMENT.c
    return insert.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: new[name] for name in _REST},
        where=tuple_(*[new[name] for name in _REST]) > tuple_(*[old[name] for name in _REST]),
    )
