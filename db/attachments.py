"""Files sent with runs, as they are written. Their bytes are in the table, or in `db.objects`."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import ClauseElement, Connection, and_, delete, select, tuple_

from db.arrivals import AttachmentArrival
from db.changes import note_touched
from db.dialects import key_rows, upsert
from db.sending import send
from db.tables import ATTACHMENT, DISCARDED_OBJECT

DIGEST_BYTES = 16

_KEY = ("trace_id", "run_id", "name")
_RANK = ("size", "digest", "mime_type")
_REST = (*_RANK, "data", "object")

_of = key_rows("keys", ("trace_id", "run_id"))
_OBJECTS = (
    select(ATTACHMENT.c.object)
    .select_from(
        _of.join(
            ATTACHMENT,
            and_(ATTACHMENT.c.trace_id == _of.c.trace_id, ATTACHMENT.c.run_id == _of.c.run_id),
        )
    )
    .where(ATTACHMENT.c.object.is_not(None))
)
_traces = key_rows("keys", ("trace_id",))
_OBJECTS_OF_TRACES = (
    select(ATTACHMENT.c.object)
    .select_from(_traces.join(ATTACHMENT, ATTACHMENT.c.trace_id == _traces.c.trace_id))
    .where(ATTACHMENT.c.object.is_not(None))
)


def digest_of(data: bytes) -> UUID:
    """Return what tells these bytes from others."""
    return UUID(bytes=blake2b(data, digest_size=DIGEST_BYTES).digest())


def put_many(connection: Connection, files: Iterable[tuple[UUID, AttachmentArrival]]) -> None:
    """Store files, each with its trace; of two of the same name the greater is kept."""
    rows: list[dict[str, Any]] = [
        {
            "trace_id": trace,
            "run_id": file.run_id,
            "name": file.name,
            "mime_type": file.mime_type,
            "size": len(file.data) if file.size is None else file.size,
            "digest": file.digest or digest_of(file.data),
            "data": None if file.object else file.data,
            "object": file.object,
        }
        for trace, file in files
    ]
    if not rows:
        return
    runs = {(row["trace_id"], row["run_id"]) for row in rows}
    sent = {row["object"] for row in rows} - {None}
    held = sent | _objects(connection, runs)
    send(connection, _keep_greater(connection.dialect.name), rows, (*_KEY, *_REST))
    if held:
        discard(connection, held - _objects(connection, runs))
    note_touched(connection, runs)


def discard_of_traces(connection: Connection, traces: Collection[UUID]) -> None:
    """Note that what is outside of the database of some traces is nobody's."""
    keys = {"keys": [(trace,) for trace in traces]}
    discard(connection, set(connection.scalars(_OBJECTS_OF_TRACES, keys)))


def discard_of_runs(connection: Connection, runs: Collection[tuple[UUID, UUID]]) -> None:
    """Note the same of some runs, by trace and id."""
    discard(connection, _objects(connection, runs))


def discard(connection: Connection, objects: Collection[str]) -> None:
    """Note that objects are nobody's, so that they are deleted once this is committed."""
    send(
        connection, _discarded(connection.dialect.name), [{"key": key} for key in objects], ("key",)
    )


def discarded(connection: Connection, most: int) -> list[str]:
    """Return objects that are nobody's."""
    return list(connection.scalars(select(DISCARDED_OBJECT.c.key).limit(most)))


def forget_discarded(connection: Connection, objects: Collection[str]) -> None:
    """Note that objects are deleted."""
    connection.execute(delete(DISCARDED_OBJECT).where(DISCARDED_OBJECT.c.key.in_(objects)))


def owned(connection: Connection, objects: Collection[str]) -> set[str]:
    """Return those objects that are somebody's."""
    query = select(ATTACHMENT.c.object).where(ATTACHMENT.c.object.in_(objects))
    return set(connection.scalars(query))


def _objects(connection: Connection, runs: Collection[tuple[UUID, UUID]]) -> set[str]:
    return set(connection.scalars(_OBJECTS, {"keys": list(runs)}))


@lru_cache
def _keep_greater(dialect: str) -> ClauseElement:
    insert = upsert(dialect, ATTACHMENT)
    new, old = insert.excluded, ATTACHMENT.c
    return insert.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: new[name] for name in _REST},
        where=tuple_(*[new[name] for name in _RANK]) > tuple_(*[old[name] for name in _RANK]),
    )


@lru_cache
def _discarded(dialect: str) -> ClauseElement:
    return upsert(dialect, DISCARDED_OBJECT).on_conflict_do_nothing()
