"""Deleting what users name: traces, or projects with all their traces.

Unlike what retention takes away, statistics forget these too: the hours of their runs are summed
up again. Each bit is a transaction of its own; a deletion that was cut short is taken up again by
asking for it once more.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, and_, delete, select

from db.dialects import key_rows, only_writer
from db.errors import ForbiddenError
from db.marks import mark
from db.reach import OPTION, reach_of
from db.removal import Key, remove_runs, remove_what_is_of, runs_of
from db.tables import (
    FEEDBACK,
    PROJECT,
    RUN,
    RUN_ROLLUP_DAY,
    RUN_ROLLUP_DIRTY,
    RUN_ROLLUP_HOUR,
    THREAD,
    THREAD_TRACE,
)
from db.within import OpenStore

BATCH = 500
"""How many runs go in one transaction."""

_keys = key_rows("keys", ("trace_id", "id"))
_BEGAN = select(RUN.c.session_id, RUN.c.start_time).select_from(
    _keys.join(RUN, and_(RUN.c.trace_id == _keys.c.trace_id, RUN.c.id == _keys.c.id))
)
_traces = key_rows("keys", ("trace_id",))
_PROJECTS = (
    select(RUN.c.trace_id, RUN.c.session_id)
    .select_from(_traces.join(RUN, RUN.c.trace_id == _traces.c.trace_id))
    .distinct()
)
_OF_PROJECT = (FEEDBACK, THREAD, THREAD_TRACE, RUN_ROLLUP_HOUR, RUN_ROLLUP_DAY, RUN_ROLLUP_DIRTY)


async def delete_traces(store: OpenStore, traces: Collection[UUID]) -> list[UUID]:
    """Delete whole traces; return those that were there, in the order given."""
    gone: set[UUID] = set()
    while keys := await store.write(_some, traces):
        gone.update(trace for trace, _ in keys)
    return [trace for trace in traces if trace in gone]


async def delete_projects(store: OpenStore, projects: Collection[UUID]) -> list[UUID]:
    """Delete projects and the traces that have runs in them; return those that were there."""
    gone: list[UUID] = []
    for project in projects:
        while traces := await store.read_with(_traces_of, project):
            await delete_traces(store, traces)
        if await store.write(_project, project):
            gone.append(project)
    return gone


def _some(connection: Connection, traces: Collection[UUID]) -> Sequence[Key]:
    """Delete some runs of traces; return their keys."""
    only_writer(connection)
    keys = runs_of(connection, traces, BATCH)
    if keys:
        _check(connection, {trace for trace, _ in keys})
        began = connection.execute(_BEGAN, {"keys": keys}).all()
        remove_what_is_of(connection, {trace for trace, _ in keys})
        remove_runs(connection, keys)
        mark(connection, {(row.session_id, row.start_time) for row in began})
    return keys


def _check(connection: Connection, traces: Collection[UUID]) -> None:
    """Refuse to take away what is partly beyond the reach of who asks. Raises ForbiddenError."""
    reach = reach_of(connection)
    if reach is None:
        return
    connection.execution_options(**{OPTION: None})  # in place, for what is asked next
    found = connection.execute(_PROJECTS, {"keys": [(each,) for each in traces]}).all()
    connection.execution_options(**{OPTION: reach})
    for trace, project in found:
        if not reach.holds([project]):
            raise ForbiddenError(f"trace {trace} has runs of a project that this key is not for")


def _traces_of(connection: Connection, project: UUID) -> list[UUID]:
    """Return the traces of some runs of a project."""
    some = select(RUN.c.trace_id).where(RUN.c.session_id == project).limit(BATCH)
    return list(dict.fromkeys(connection.scalars(some)))


def _project(connection: Connection, project: UUID) -> bool:
    """Delete a project that has no runs, and what is known of it; say whether it was there."""
    only_writer(connection)
    there = connection.scalar(select(PROJECT.c.id).where(PROJECT.c.id == project))
    if there is None or _traces_of(connection, project):  # what came meanwhile keeps it
        return False
    for table in _OF_PROJECT:
        connection.execute(delete(table).where(table.c.session_id == project))
    connection.execute(delete(PROJECT).where(PROJECT.c.id == project))
    return True
