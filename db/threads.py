"""Threads: the runs of a project with one thread id, known by the newest of them.

A thread is the run that no run of its thread is newer than, so that a page of threads, newest
activity first, is a page of runs: it reads what has run since the last of its threads did, however
many threads there are.
"""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, literal_column, select, tuple_

from db.entities import RUN as RUN_ENTITY
from db.entity import Entity, plain
from db.filters import EVERYTHING
from db.pages import page
from db.questions import NEWEST_FIRST, Link, Page
from db.rows import Row
from db.stats import StatsOf
from db.tables import RUN

_OTHER = RUN.alias("of_thread")
_SAME_THREAD = and_(_OTHER.c.session_id == RUN.c.session_id, _OTHER.c.thread_id == RUN.c.thread_id)


def _of_thread(value: ColumnElement[Any]) -> ScalarSelect[Any]:
    return select(value).where(_SAME_THREAD).correlate(RUN).scalar_subquery()


def _is_newest() -> ColumnElement[bool]:
    mine, others = ((table.c.start_time, table.c.id) for table in (RUN, _OTHER))
    newer = _SAME_THREAD, tuple_(*others) > tuple_(*mine)
    one: ColumnElement[Any] = literal_column("1")
    later = select(one).select_from(_OTHER).where(*newer).correlate(RUN)
    return and_(RUN.c.thread_id.is_not(None), ~later.exists())


THREAD = Entity(
    name="Thread",
    columns={
        **{name: RUN.c[name] for name in ("trace_id", "id", "session_id", "thread_id")},
        "last_time": RUN.c.start_time,
        "start_time": _of_thread(func.min(_OTHER.c.start_time, type_=RUN.c.start_time.type)),
        "end_time": _of_thread(func.max(_OTHER.c.end_time, type_=RUN.c.end_time.type)),
        "trace_count": _of_thread(func.count(_OTHER.c.trace_id.distinct())),
    },
    attributes=plain("thread_id", "start_time", "end_time", "trace_count"),
    key=("trace_id", "id"),
    source=lambda _: RUN,
    only=_is_newest(),
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
