"""Which threads a project has, and when each was last active: kept where runs are changed.

A run that arrives can only make its thread's last activity later, whatever the order; where one
leaves a thread, by a change or a deletion, that is asked of the runs that are left.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.sql.dml import Insert

from db.columns import Reading
from db.derive import thread_of
from db.dialects import upsert
from db.sending import send
from db.tables import RUN, THREAD

Place: TypeAlias = tuple[UUID, str]
"""A project and a thread id."""


def follow(connection: Connection, readings: Iterable[Reading]) -> None:
    """Note the activity of threads, of runs that were just written."""
    newest: dict[Place, datetime] = {}
    left: set[Place] = set()
    for reading in readings:
        now, before = _now(reading), _before(reading)
        if now == before:
            continue
        if now is not None:
            place, start = now
            newest[place] = max(start, newest.get(place, start))
        if before is not None:
            left.add(before[0])
    _write(connection, newest.items(), later=True)
    renew(connection, left)


def renew(connection: Connection, places: Collection[Place]) -> None:
    """Ask the runs again when these threads were last active; without runs they are gone."""
    known: list[tuple[Place, datetime]] = []
    for place in places:
        session, thread = place
        of_thread = RUN.c.session_id == session, RUN.c.thread_id == thread
        last = connection.scalar(select(func.max(RUN.c.start_time)).where(*of_thread))
        if last is None:
            connection.execute(delete(THREAD).where(THREAD.c.id == _id(place)))
        else:
            known.append((place, last))
    _write(connection, known, later=False)


def _now(reading: Reading) -> tuple[Place, datetime] | None:
    thread = thread_of(reading.extra.metadata)
    if thread is None:
        return None
    values = reading.account.values
    return (values["session_id"], thread), values["start_time"]


def _before(reading: Reading) -> tuple[Place, datetime] | None:
    stored = reading.account.stored
    if stored is None or stored["thread_id"] is None:
        return None
    return (stored["session_id"], stored["thread_id"]), stored["start_time"]


def _write(connection: Connection, known: Iterable[tuple[Place, datetime]], *, later: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"id": _id(place), "session_id": place[0], "thread_id": place[1], "last_time": last}
        for place, last in known
    ]
    send(connection, _upsert(connection.dialect.name, later), rows, tuple(THREAD.c.keys()))


def _id(place: Place) -> UUID:
    session, thread = place
    return uuid5(session, thread)


@lru_cache
def _upsert(dialect: str, later: bool) -> Insert:
    """Return the statement that writes a thread; `later`: if it is not more active already."""
    made = upsert(dialect, THREAD)
    last = made.excluded.last_time
    return made.on_conflict_do_update(
        index_elements=["id"],
        set_={"last_time": last},
        where=last > THREAD.c.last_time if later else None,
    )
