"""Threads: conversations of many traces."""

from typing import Any

import strawberry

from db import threads
from db.questions import Page, Question
from db.rows import Row
from db.threads import THREAD
from graph.types.declare import object_type
from graph.types.paging import After, Connection, First, given
from graph.types.run import RunConnection
from graph.types.scalars import DateTime
from graph.types.stats import RunStats


@object_type(
    "All runs of a project with one thread id: a conversation. The id is metadata session_id,"
    " conversation_id or thread_id."
)
class Thread:
    """Backed by rows of `db.threads.THREAD`."""

    thread_id: str = strawberry.field(description="The id, as its runs have it.")

    start_time: DateTime = strawberry.field(description="When its first run began.")
    end_time: DateTime | None = strawberry.field(
        description="When the last of its runs to end did; null when none has."
    )
    trace_count: int | None = strawberry.field(description="How many traces have a run in it.")

    @strawberry.field(
        graphql_type=RunStats | None, description="Its runs, summed up; null if that fails."
    )
    @staticmethod
    def stats(thread: strawberry.Parent[Row]) -> Question:
        return threads.stats_of(thread)

    @strawberry.field(graphql_type=RunConnection | None, description="Its runs, newest first.")
    @staticmethod
    def runs(
        thread: strawberry.Parent[Row],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Page:
        return threads.runs_of(thread, given(first), given(after))

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        return isinstance(obj, Row) and obj.entity is THREAD


@object_type(
    "A page of threads. Each part is worked out only when it is selected.",
    name="ThreadConnection",
)
class ThreadConnection(Connection[Thread]):
    """Backed by `db.questions.Page`."""
