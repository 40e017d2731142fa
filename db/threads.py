"""Threads: the runs of a project with one thread id, newest activity first.

A page of threads reads the rows of `thread`; their runs are asked only when they are selected.
"""

from db.entities import RUN
from db.entity import Entity, plain
from db.filters import EVERYTHING
from db.pages import page
from db.questions import NEWEST_FIRST, Link, Page
from db.rows import Row
from db.stats import StatsOf
from db.tables import THREAD as THREAD_TABLE

THREAD = Entity(
    name="Thread",
    columns=dict(THREAD_TABLE.c),
    attributes=plain("thread_id", "start_time", "end_time", "trace_count"),
    key=("id",),
    source=lambda _: THREAD_TABLE,
)

THREADS_OF_PROJECT = Link(
    "threads of project", THREAD, (("id", "session_id"),), (("last_time", True), ("id", True))
)
RUNS_OF_THREAD = Link(
    "runs of thread",
    RUN,
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
