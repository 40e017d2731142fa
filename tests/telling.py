"""Arrivals for tests: runs that stand in one another, told by posts and patches."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db.arrivals import Batch, FeedbackArrival, Outcome, RunArrival
from db.dotted import segment, trace_of, under
from db.ingest import fold
from db.models import SQLModel

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=1)


def id_of(number: int) -> UUID:
    return UUID(int=0x0192_0000_0000_7000_8000_0000_0000_0000 + number)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def post(number: int, parent: RunArrival | None = None, **fields: Any) -> RunArrival:
    """Return a post, whole in its place: a root, or a child of another post."""
    id = id_of(number)
    start = fields.pop("start_time", at(number))
    above = parent and parent.dotted_order
    dotted = under(above, start, id) if above else segment(start, id)
    told: dict[str, Any] = {
        "trace_id": trace_of(dotted),
        "parent_run_id": parent and parent.id,
        "dotted_order": dotted,
        "start_time": start,
        "name": f"run {number}",
        "run_type": "chain",
        "session_name": "project",
    }
    return RunArrival(id=id, post=True, **{**told, **fields})


def bare(run: RunArrival, **fields: Any) -> RunArrival:
    """Return a post without a place: neither trace_id nor dotted_order."""
    return replace(run, trace_id=None, dotted_order=None, **fields)


def patch(run: RunArrival, **fields: Any) -> RunArrival:
    """Return a patch of a run that tells where it stands."""
    return RunArrival(
        id=run.id, post=False, trace_id=run.trace_id, dotted_order=run.dotted_order, **fields
    )


def used(prompt: int, completion: int, **more: Any) -> str:
    """Return outputs that tell a language model's usage."""
    tokens = {"input_tokens": prompt, "output_tokens": completion, **more}
    return json.dumps({"text": "hello", "usage_metadata": tokens})


def chain(length: int, first: int = 0, **fields: Any) -> list[RunArrival]:
    """Return posts, each the child of the one before."""
    posts = [post(first, **fields)]
    while len(posts) < length:
        posts.append(post(first + len(posts), posts[-1], **fields))
    return posts


def judged(number: int, **fields: Any) -> FeedbackArrival:
    told: dict[str, Any] = {"key": "good", "created_at": at(number), "modified_at": at(number)}
    return FeedbackArrival(id=id_of(number), **{**told, **fields})


class Book:
    """A database in a test: folds arrivals in, and shows rows."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def fold(self, *batches: Batch, now: datetime = NOW) -> list[Outcome]:
        return fold(self.connection, batches, now)

    def tell(self, *runs: RunArrival, **others: Any) -> Outcome:
        return self.fold(Batch(runs=runs, **others))[0]

    def rows(self, table: str) -> list[dict[str, Any]]:
        held = SQLModel.metadata.tables[table]
        query = select(held).order_by(*held.primary_key)
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def run(self, run: RunArrival) -> dict[str, Any]:
        return next(row for row in self.rows("run") if row["id"] == run.id)

    def payload(self, run: RunArrival) -> dict[str, Any]:
        return next(row for row in self.rows("run_payload") if row["id"] == run.id)

    def names(self) -> list[str]:
        return sorted(row["name"] for row in self.rows("run"))

    def everything(self) -> dict[str, Any]:
        """Return all rows without the server's clock."""
        clocks = {"project": "created_at", "parked": "arrival"}
        return {
            table: [
                {name: value for name, value in row.items() if name != clocks.get(table)}
                for row in self.rows(table)
            ]
            for table in SQLModel.metadata.tables
            if table != "run_rollup_dirty"  # says which hours were touched, not how they are
        }


OpenBook = Callable[[], AbstractContextManager[Book]]
"""Give an empty database; what is folded into it is taken back in the end."""
