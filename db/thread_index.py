"""What is known of threads without asking their runs: kept where runs are changed.

Runs that arrive only widen their thread, whatever the order. What a thread loses with runs that
leave it, by a change or a deletion, is asked of the runs that are left.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID, uuid5

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import Insert

from db.columns import Reading
from db.dialects import key_rows, upsert
from db.sending import send
from db.tables import RUN, THREAD, THREAD_TRACE

Place: TypeAlias = tuple[UUID, str]
"""A project and a thread id."""
Pair: TypeAlias = tuple[UUID, UUID]
"""A thread and a trace that has runs in it."""


class Share(NamedTuple):
    """What one run tells of its thread."""

    place: Place
    trace: UUID
    start: datetime
    end: datetime | None


@dataclass(slots=True)
class Span:
    """What some runs of a thread tell of it."""

    first: datetime
    last: datetime
    end: datetime | None
    traces: set[UUID]

    def widen(self, share: Share) -> None:
        """Take in another run."""
        self.first = min(self.first, share.start)
        self.last = max(self.last, share.start)
        self.end = _later(self.end, share.end)
        self.traces.add(share.trace)


_pairs = key_rows("keys", ("thread", "trace_id"))
_KNOWN = select(THREAD_TRACE.c.thread, THREAD_TRACE.c.trace_id).select_from(
    _pairs.join(
        THREAD_TRACE,
        and_(
            THREAD_TRACE.c.thread == _pairs.c.thread, THREAD_TRACE.c.trace_id == _pairs.c.trace_id
        ),
    )
)
_traces = key_rows("keys", ("trace_id",))
_STILL = (
    select(RUN.c.session_id, RUN.c.thread_id, RUN.c.trace_id)
    .select_from(_traces.join(RUN, RUN.c.trace_id == _traces.c.trace_id))
    .distinct()
)
_NO_PAIR = delete(THREAD_TRACE).where(
    THREAD_TRACE.c.thread == bindparam("of_thread"),
    THREAD_TRACE.c.trace_id == bindparam("of_trace_id"),
)
_NO_THREAD = delete(THREAD).where(THREAD.c.id == bindparam("of_id"))
_CHANGED = update(THREAD).where(THREAD.c.id == bindparam("of_id"))
_SPAN = ("start_time", "last_time", "end_time", "trace_count")


def widen(connection: Connection, readings: Iterable[Reading]) -> Mapping[Place, Span]:
    """Note what runs that are written tell of their threads; return what has left its thread.

    That is for `narrow`, once the runs are written.
    """
    wider: dict[Place, Span] = {}
    left: dict[Place, Span] = {}
    for reading in readings:
        now, before = _now(reading), _before(reading)
        if now == before:
            continue
        if now is not None:
            _take(wider, now)
        if before is not None and not _holds(now, before):
            _take(left, before)
    _widen(connection, wider)
    return left


def narrow(connection: Connection, spans: Mapping[Place, Span]) -> None:
    """Take from threads what runs told that are not there any more."""
    if not spans:
        return
    traces = {trace for span in spans.values() for trace in span.traces}
    found = connection.execute(_STILL, {"keys": [(trace,) for trace in traces]})
    still = {(row.session_id, row.thread_id, row.trace_id) for row in found}
    gone = {
        place: [trace for trace in span.traces if (*place, trace) not in still]
        for place, span in spans.items()
    }
    pairs = [
        {"of_thread": _id(place), "of_trace_id": trace} for place in gone for trace in gone[place]
    ]
    send(connection, _NO_PAIR, pairs)
    rows = [_narrowed(connection, place, spans[place], len(gone[place])) for place in spans]
    send(connection, _NO_THREAD, [row for row in rows if len(row) == 1])
    send(connection, _CHANGED, [row for row in rows if len(row) > 1], _SPAN)


def forget(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note that runs were taken away; threads without runs are gone."""
    left: dict[Place, Span] = {}
    for row in rows:
        share = _share(row)
        if share is not None:
            _take(left, share)
    narrow(connection, left)


def _now(reading: Reading) -> Share | None:
    if reading.thread is None:
        return None
    account = reading.account
    values = account.values
    place = values["session_id"], reading.thread
    return Share(place, account.trace_id, values["start_time"], values.get("end_time"))


def _before(reading: Reading) -> Share | None:
    stored = reading.account.stored
    return None if stored is None else _share(stored)


def _share(row: Mapping[str, Any]) -> Share | None:
    if row["thread_id"] is None:
        return None
    place = row["session_id"], row["thread_id"]
    return Share(place, row["trace_id"], row["start_time"], row["end_time"])


def _holds(now: Share | None, before: Share) -> bool:
    """Say whether a run still tells what it told before: an end may be new."""
    return now is not None and now[:3] == before[:3] and before.end in {None, now.end}


def _take(spans: dict[Place, Span], share: Share) -> None:
    span = spans.get(share.place)
    if span is None:
        spans[share.place] = Span(share.start, share.start, share.end, {share.trace})
    else:
        span.widen(share)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _widen(connection: Connection, spans: Mapping[Place, Span]) -> None:
    """Write what threads have more of."""
    if not spans:
        return
    pairs = {pair: place[0] for place, span in spans.items() for pair in _pairs_of(place, span)}
    known = {tuple(row) for row in connection.execute(_KNOWN, {"keys": list(pairs)})}
    fresh = [
        {"thread": thread, "trace_id": trace, "session_id": session}
        for (thread, trace), session in pairs.items()
        if (thread, trace) not in known
    ]
    send(connection, insert(THREAD_TRACE), fresh, tuple(THREAD_TRACE.c.keys()))
    rows = [
        {
            "id": _id(place),
            "session_id": place[0],
            "thread_id": place[1],
            "start_time": span.first,
            "last_time": span.last,
            "end_time": span.end,
            "trace_count": sum(pair not in known for pair in _pairs_of(place, span)),
        }
        for place, span in spans.items()
    ]
    send(connection, _upsert(connection.dialect.name), rows, tuple(THREAD.c.keys()))


def _narrowed(connection: Connection, place: Place, lost: Span, gone: int) -> dict[str, Any]:
    """Return what a thread is now, by the parameters of an update; only its id if it is no more.

    Its runs are asked for their ends only if the last of them may have gone.
    """
    id = _id(place)
    of_thread = RUN.c.session_id == place[0], RUN.c.thread_id == place[1]
    first = connection.scalar(select(func.min(RUN.c.start_time)).where(*of_thread))
    if first is None:
        return {"of_id": id}
    last = connection.scalar(select(func.max(RUN.c.start_time)).where(*of_thread))
    told = connection.execute(select(THREAD).where(THREAD.c.id == id)).one()
    end = told.end_time
    if lost.end is not None and end is not None and lost.end >= end:
        end = connection.scalar(select(func.max(RUN.c.end_time)).where(*of_thread))
    count = told.trace_count - gone
    return {"of_id": id, **dict(zip(_SPAN, (first, last, end, count), strict=True))}


def _pairs_of(place: Place, span: Span) -> Iterator[Pair]:
    thread = _id(place)
    return ((thread, trace) for trace in span.traces)


def _id(place: Place) -> UUID:
    session, thread = place
    return uuid5(session, thread)


@lru_cache
def _upsert(dialect: str) -> Insert:
    """Return the statement that writes a thread, or widens it."""
    made = upsert(dialect, THREAD)
    new, old = made.excluded, THREAD.c
    later_end = or_(old.end_time.is_(None), new.end_time > old.end_time)
    return made.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "start_time": case(
                (new.start_time < old.start_time, new.start_time), else_=old.start_time
            ),
            "last_time": case((new.last_time > old.last_time, new.last_time), else_=old.last_time),
            "end_time": case((later_end, new.end_time), else_=old.end_time),
            "trace_count": old.trace_count + new.trace_count,
        },
    )
