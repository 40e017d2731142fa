"""Feedback as the SDK asks for it: one by its id, and pages of those on some runs."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, cast
from uuid import UUID

import orjson
from sqlalchemy import Connection, Select, select
from sqlmodel import col

from db.models import Feedback, Run


def find(connection: Connection, id: UUID) -> Feedback | None:
    """Return the judgement with an id."""
    return next(_found(connection, select(Feedback).where(col(Feedback.id) == id)), None)


def listed(
    connection: Connection,
    *,
    run_ids: Collection[UUID] = (),
    session_ids: Collection[UUID] = (),
    keys: Collection[str] = (),
    sources: Collection[str] = (),
    limit: int,
    offset: int = 0,
) -> list[Feedback]:
    """Return judgements, newest first; every condition that is given must hold.

    `sources` are the types of their sources: "api", "model", ...
    """
    statement = select(Feedback)
    if run_ids:
        traces = _traces(connection, run_ids)
        on_runs = col(Feedback.trace_id).in_(traces), col(Feedback.run_id).in_(run_ids)
        statement = statement.where(*on_runs)
    if session_ids:
        statement = statement.where(col(Feedback.session_id).in_(session_ids))
    if keys:
        statement = statement.where(col(Feedback.key).in_(keys))
    newest_first = statement.order_by(col(Feedback.created_at).desc(), col(Feedback.id).desc())
    if not sources:
        return list(_found(connection, newest_first.limit(limit).offset(offset)))
    # The source is JSON text: few judgements share a run, so it is read here, not in SQL.
    found = (each for each in _found(connection, newest_first) if _source_type(each) in sources)
    return list(islice(found, offset, offset + limit))


def _traces(connection: Connection, run_ids: Collection[UUID]) -> set[UUID]:
    """Return the traces of runs; feedback on an unknown run has the run's id as its trace."""
    rows = connection.execute(select(col(Run.trace_id)).where(col(Run.id).in_(run_ids)))
    return {*rows.scalars(), *run_ids}


def _found(connection: Connection, statement: Select[Any]) -> Iterator[Feedback]:
    return (Feedback(**row) for row in connection.execute(statement).mappings())


def _source_type(feedback: Feedback) -> str | None:
    source: Any = orjson.loads(feedback.source or "null")
    return cast("dict[str, Any]", source).get("type") if isinstance(source, dict) else None
