"""Threads: the runs of a project with one thread id, newest activity first.

A page of threads reads the rows of `thread`; what it tells of their runs is asked only when it is
selected.
"""

from functools import partial
from typing import Any

from sqlalchemy import func

from db.entities import RUN as RUN_ENTITY
from db.entity import Entity, plain
from db.filters import EVERYTHING
from db.pages import page
from db.questions import NEWEST_FIRST, Link, Page, Rows, Then
from db.rows import Row
from db.stats import StatsOf
from db.tables import RUN
from db.tables import THREAD as THREAD_TABLE

THREAD = Entity(
    name="Thread",
    columns=dict(THREAD_TABLE.c),
    attributes=plain("thread_id"),
    key=("id",),
    source=lambda _: THREAD_TABLE,
)

_SPAN = Entity(
    name="ThreadSpan",
    columns={
        **{name: RUN.c[name] for name in ("session_id", "thread_id")},
        "start_time": func.min(RUN.c.start_time, type_=RUN.c.start_time.type),
        "end_time": func.max(RUN.c.end_time, type_=RUN.c.end_time.type),
        "trace_count": func.count(RUN.c.trace_id.distinct()),
    },
    attributes=plain("start_time", "end_time", "trace_count"),
    key=("session_id", "thread_id"),
    source=lambda _: RUN,
    group_by=("session_id", "thread_id"),
)
"""What the runs of a thread come to: summed up from them, which every database can do."""

_KEY = (("session_id", "session_id"), ("thread_id", "thread_id"))
THREADS_OF_PROJECT = Link(
    "threads of project", THREAD, (("id", "session_id"),), (("last_time", True), ("id", True))
)
_SPAN_OF_THREAD = Link("span of thread", _SPAN, _KEY)
RUNS_OF_THREAD = Link(
    "runs of thread",
    RUN_ENTITY,
    _KEY,
    NEWEST_FIRST,
)


def threads_of(project: Row, first: int | None, after: str | None) -> Page:
    """Ask for a project's threads, newest activity first."""
    return page(THREADS_OF_PROJECT, parent=project, first=first, after=after)


def runs_of(thread: Row, first: int | None, after: str | None) -> Page:
    """Ask for a thread's runs, newest first."""
    return page(RUNS_OF_THREAD, parent=thread, first=first, after=after)


def span_of(thread: Row, part: str) -> Then:
    """Ask for the `start_time`, the `end_time` or the `trace_count` of a thread's runs."""
    return Then(Rows(_SPAN_OF_THREAD, thread), partial(_first, part), (part,))


def _first(part: str, rows: list[Row]) -> Any:
    return rows[0].ready(part) if rows else None


def stats_of(thread: Row) -> StatsOf:
    """Ask for a thread's runs, summed up."""
    return StatsOf(RUNS_OF_THREAD, thread, EVERYTHING)
