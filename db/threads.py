"""Threads: the runs of a project with one thread id, newest activity first.

A page of threads reads the rows of `thread`; what it tells of their runs is asked only when it is
selected.
"""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select

from db.entities import RUN as RUN_ENTITY
from db.entity import Entity, plain
from db.filters import EVERYTHING
from db.pages import page
from db.questions import NEWEST_FIRST, Link, Page
from db.rows import Row
from db.stats import StatsOf
from db.tables import RUN
from db.tables import THREAD as THREAD_TABLE

_STORED = THREAD_TABLE.c
_OF_THREAD = RUN.c.session_id == _STORED.session_id, RUN.c.thread_id == _STORED.thread_id


def _of_runs(value: ColumnElement[Any]) -> ScalarSelect[Any]:
    return select(value).where(*_OF_THREAD).correlate(THREAD_TABLE).scalar_subquery()


THREAD = Entity(
    name="Thread",
    columns={
        **{name: _STORED[name] for name in ("id", "session_id", "thread_id", "last_time")},
        "start_time": _of_runs(func.min(RUN.c.start_time, type_=RUN.c.start_time.type)),
        "end_time": _of_runs(func.max(RUN.c.end_time, type_=RUN.c.end_time.type)),
        "trace_count": _of_runs(func.count(RUN.c.trace_id.distinct())),
    },
    attributes=plain("thread_id", "start_time", "end_time", "trace_count"),
    key=("id",),
    source=lambda _: THREAD_TABLE,
    lazy=frozenset({"start_time", "end_time", "trace_count"}),
)

THREADS_OF_PROJECT = Link(
    "threads of project", THREAD, (("id", "session_id"),), (("last_time", True), ("id", True))
)
RUNS_OF_THREAD = Link(
    "runs of thread",
    RUN_ENTITY,
    (("session_id", "session_id"), ("thread_id", "thread_id")),
    NEWEST_FIRST,
)


def threads_of(project: Row, first: int | None, after: str | None) -> Page:
    """Ask for a project's threads, newest activity first."""
    return page(THREADS_OF_PROJECT, parent=project, first=first, after=after)


def runs_of(thread: Row, first: int | None, after: str | None) -> Page:
    """Ask for a thread's runs, newest first."""
    return page(RUNS_OF_THREAD, parent=thread, first=first, after=after)


def stats_of(thread: Row) -> StatsOf:
    """Ask for a thread's runs, summed up."""
    return StatsOf(RUNS_OF_THREAD, thread, EVERYTHING)
