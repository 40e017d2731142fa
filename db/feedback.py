"""Judgements as they are written: told whole, changed, deleted.

Of one told twice the later modified_at is kept. A change makes it later than what it changes, so
that the same judgement sent again does not undo it.
"""

import dataclasses
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ClauseElement, Connection, delete, select

from db import parking
from db.admission import Admission
from db.arrivals import FeedbackArrival, FeedbackPatch, Refusal
from db.changes import note_touched
from db.dialects import key_rows, upsert
from db.parking import Change
from db.sending import send
from db.tables import FEEDBACK

log = logging.getLogger(__name__)

_COLUMNS = tuple(FEEDBACK.c.keys())
_PATCHED = ("score", "value", "comment", "correction")
_TICK = timedelta(microseconds=1)

_wanted = key_rows("keys", ("id",))
_STORED = select(FEEDBACK).select_from(_wanted.join(FEEDBACK, FEEDBACK.c.id == _wanted.c.id))
_DELETE = delete(FEEDBACK).where(FEEDBACK.c.id.in_(select(_wanted.c.id).scalar_subquery()))


@dataclasses.dataclass(slots=True)
class Folded:
    """What became of judgements: who was refused, which changes wait; both with their batch."""

    refused: list[tuple[int, Refusal]]
    waiting: list[tuple[UUID, Change[FeedbackPatch]]]


def fold_feedback(
    connection: Connection,
    told: Sequence[tuple[UUID, Change[FeedbackArrival]]],
    patches: Sequence[Change[FeedbackPatch]],
    now: datetime,
    admission: Admission,
) -> Folded:
    """Store judgements, each with its trace, and then the changes to them."""
    folded = Folded([], [])
    ids = {change.arrival.id for _, change in told} | {change.arrival.id for change in patches}
    if not ids:
        return folded
    stored = _stored(connection, ids)
    rows = dict(stored)
    for trace, change in told:
        refusal = _tell(rows, trace, change.arrival)
        if refusal is not None:
            folded.refused.append((change.batch, refusal))
    for change in [*patches, *_woken(connection, told, admission)]:
        if change.arrival.id in rows:
            _overlay(rows, change.arrival, now)
        else:
            folded.waiting.append((change.arrival.id, change))
    changed = [row for id, row in rows.items() if row != stored.get(id)]
    send(connection, _replace(connection.dialect.name), changed, _COLUMNS)
    note_touched(connection, _judged(changed))
    return folded


def delete_feedback(connection: Connection, ids: Collection[UUID]) -> list[UUID]:
    """Delete judgements; return the ids of those that were there."""
    there = _stored(connection, ids)
    connection.execute(_DELETE, {"keys": [(id,) for id in there]})
    note_touched(connection, _judged(there.values()))
    return list(there)


def _judged(rows: Iterable[Mapping[str, Any]]) -> set[tuple[UUID, UUID]]:
    """Return the traces and ids of the runs that judgements are about."""
    return {(row["trace_id"], row["run_id"]) for row in rows if row["run_id"] is not None}


def _stored(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Mapping[str, Any]]:
    keys = {"keys": [(id,) for id in ids]}
    rows = connection.execute(_STORED, keys).mappings()
    return {row["id"]: {name: row[name] for name in _COLUMNS} for row in rows}


def _woken(
    connection: Connection,
    told: Sequence[tuple[UUID, Change[FeedbackArrival]]],
    admission: Admission,
) -> list[Change[FeedbackPatch]]:
    """Return the changes that waited for judgements, of senders that may change them."""
    judged = {change.arrival.id: (trace, change) for trace, change in told}
    woken: list[Change[FeedbackPatch]] = []
    for id, arrival in parking.take(connection, judged):
        if not isinstance(arrival, FeedbackPatch):
            continue
        trace, change = judged[id]
        told_so = Change(dataclasses.replace(change.arrival, projects=arrival.projects), 0)
        admission.look_up([told_so])
        if (fault := admission.fault(told_so.arrival, trace)) is not None:
            log.warning("dropped what waited: %s", fault)
        else:
            woken.append(Change(arrival, change.batch))
    return woken


def _tell(
    rows: dict[UUID, Mapping[str, Any]], trace: UUID, arrival: FeedbackArrival
) -> Refusal | None:
    row = {name: getattr(arrival, name) for name in _COLUMNS}
    row |= {
        "trace_id": trace,
        "score": None if arrival.score is None else float(arrival.score),
        "created_at": arrival.created_at.astimezone(UTC),
        "modified_at": arrival.modified_at.astimezone(UTC),
    }
    held = rows.get(arrival.id)
    if held is not None and held["trace_id"] != trace:
        return Refusal(
            arrival.id,
            "CONFLICT",
            f"feedback {arrival.id} is in trace {held['trace_id']}; trace {trace} was given",
        )
    if held is None or _age(row) > _age(held):
        rows[arrival.id] = row
    return None


def _overlay(rows: dict[UUID, Mapping[str, Any]], patch: FeedbackPatch, now: datetime) -> None:
    held = rows[patch.id]
    told = {name: value for name in _PATCHED if (value := getattr(patch, name)) is not None}
    if any(held[name] != value for name, value in told.items()):
        rows[patch.id] = {**held, **told, "modified_at": max(now, held["modified_at"] + _TICK)}


def _age(row: Mapping[str, Any]) -> tuple[datetime, bytes]:
    return row["modified_at"], orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


@lru_cache
def _replace(dialect: str) -> ClauseElement:
    insert = upsert(dialect, FEEDBACK)
    return insert.on_conflict_do_update(
        index_elements=["trace_id", "id"],
        set_={name: insert.excluded[name] for name in _COLUMNS if name not in ("trace_id", "id")},
    )
