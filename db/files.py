"""Files sent with runs, as they are read: found, then read a piece at a time."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, func, select

from db import attachments
from db.errors import ConflictError, InvalidError, UnavailableError
from db.store import Store
from db.tables import ATTACHMENT

PIECE = 1 << 20
"""Bytes that are read at a time."""

_ABOUT = [ATTACHMENT.c[each] for each in ("mime_type", "size", "digest", "object")]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file: `digest` tells its bytes from others, `object` is where they are, if outside."""

    trace_id: UUID
    run_id: UUID
    name: str
    mime_type: str
    size: int
    digest: UUID
    object: str | None


def find_one(connection: Connection, trace_id: UUID, run_id: UUID, name: str) -> StoredFile | None:
    """Return a file, without its bytes; None if there is no such file."""
    row = connection.execute(select(*_ABOUT).where(_is(trace_id, run_id, name))).first()
    if row is None:
        return None
    return StoredFile(trace_id, run_id, name, row.mime_type, row.size, row.digest, row.object)


async def pieces(
    store: Store, file: StoredFile, start: int = 0, end: int | None = None
) -> AsyncGenerator[bytes]:
    """Give the bytes of a file from `start` up to `end`, a piece at a time.

    Raises ConflictError where the file has become another meanwhile, and UnavailableError.
    """
    end = file.size if end is None else end
    while start < end:
        stop = min(start + PIECE, end)
        if file.object is None:
            piece = await store.read_with(_piece, file, start, stop - start)
        elif store.objects is None:
            raise UnavailableError(
                f"the bytes of {file.name!r} are not in the database, and RUNGRAPH_ATTACHMENTS,"
                " which says where they are, is not set"
            )
        else:
            piece = await store.objects.get(file.object, start, stop)
        yield piece
        start = stop


async def whole(store: Store, file: StoredFile) -> bytes:
    """Return all bytes of a file."""
    return b"".join([piece async for piece in pieces(store, file)])


async def nobodys_files(
    store: Store, before: datetime, looked: Callable[[int], None], *, delete: bool
) -> int:
    """Return how many objects that were written before a moment are no run's; delete them.

    Raises InvalidError where files go into the database.
    """
    if store.objects is None:
        raise InvalidError("files go into the database: RUNGRAPH_ATTACHMENTS is not set")
    count = 0
    async for keys in store.objects.older(before):
        owned = await store.read_with(attachments.owned, keys)
        gone = [key for key in keys if key not in owned]
        if delete:
            await store.objects.delete(gone)
        count += len(gone)
        looked(len(keys))
    return count


def _piece(connection: Connection, file: StoredFile, start: int, size: int) -> bytes:
    piece = func.substr(ATTACHMENT.c.data, start + 1, size)
    of = _is(file.trace_id, file.run_id, file.name)
    row = connection.execute(select(piece).where(of, ATTACHMENT.c.digest == file.digest)).first()
    if row is None:
        raise ConflictError(f"attachment {file.name!r} has changed")
    return bytes(row[0])


def _is(trace_id: UUID, run_id: UUID, name: str) -> Any:
    return and_(
        ATTACHMENT.c.trace_id == trace_id, ATTACHMENT.c.run_id == run_id, ATTACHMENT.c.name == name
    )
