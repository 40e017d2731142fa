"""Keeping runs for so many days: which traces are too old, and taking them away bit by bit.

A trace goes whole, once each of its runs is older than its own project keeps runs. What its runs
came to stays in the rollups: before anything goes, the hours of a project are summed up and frozen
(`Project.frozen_before`), so that nothing sums them up again from runs that are no longer there.
A run that comes for a frozen hour is stored, but in no sum of it.

Each bit is one short transaction in the writing lane, and after each the lane is left to the
others for as long as the bit took.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, func, or_, select, tuple_, update

from db import rollups
from db.dialects import Id, key_rows, only_writer
from db.errors import NotFoundError
from db.removal import CARRIED, Key, empty_payloads, remove_runs, remove_what_is_of, runs_of
from db.store import Store
from db.tables import PROJECT, RUN, RUN_PAYLOAD, RUN_ROLLUP_DIRTY

BATCH = 500
"""How many runs go in one transaction, if nothing else is said."""

FOREVER = 0
"""Days to keep runs: this many means that none is ever too old."""

_LEAST_ID = UUID(int=0)
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)

Cutoffs = Mapping[UUID, datetime]
"""For each project that does not keep runs for ever, the moment before which they are too old."""


class Place(NamedTuple):
    """How far the walk over a project's runs has come."""

    start: datetime
    id: UUID


class Found(NamedTuple):
    """A bit of the walk: runs that are to go, and where to go on (None: it is over)."""

    keys: Sequence[Key]
    go_on: Place | None

    @property
    def traces(self) -> set[UUID]:
        """The traces of the runs."""
        return {trace for trace, _ in self.keys}


@dataclass(slots=True)
class Pruned:
    """How many runs went, by the project in which they were found, and how many roots of traces."""

    runs: Counter[UUID] = field(default_factory=Counter[UUID])
    roots: Counter[UUID] = field(default_factory=Counter[UUID])


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to go and how: whole traces or payloads alone, so many runs at once, or none."""

    cutoffs: Cutoffs
    payloads_only: bool = False
    dry_run: bool = False
    batch: int = BATCH


_after = tuple_(RUN.c.start_time, RUN.c.id) > tuple_(
    bindparam("after", type_=RUN.c.start_time.type), bindparam("after_id", type_=Id())
)
_OLD = (
    select(RUN.c.trace_id, RUN.c.id, RUN.c.start_time)
    .where(RUN.c.session_id == bindparam("project", type_=Id()))
    .where(RUN.c.start_time < bindparam("before", type_=RUN.c.start_time.type), _after)
    .order_by(RUN.c.start_time, RUN.c.id)
    .limit(bindparam("most"))
)
_LOADED = _OLD.join(
    RUN_PAYLOAD, and_(RUN_PAYLOAD.c.trace_id == RUN.c.trace_id, RUN_PAYLOAD.c.id == RUN.c.id)
).where(or_(*[RUN_PAYLOAD.c[name].is_not(None) for name in CARRIED]))
_traces = key_rows("keys", ("trace_id",))
_ENDS = (
    select(
        *(RUN.c.trace_id, RUN.c.session_id),
        func.max(RUN.c.start_time, type_=RUN.c.start_time.type).label("last"),
    )
    .select_from(_traces.join(RUN, RUN.c.trace_id == _traces.c.trace_id))
    .group_by(RUN.c.trace_id, RUN.c.session_id)
)
_UNSUMMED = select(RUN_ROLLUP_DIRTY.c.since).where(
    RUN_ROLLUP_DIRTY.c.session_id == bindparam("project", type_=Id()),
    RUN_ROLLUP_DIRTY.c.since < bindparam("before", type_=RUN_ROLLUP_DIRTY.c.since.type),
)


def keep_for(connection: Connection, name: str, days: int | None) -> None:
    """Set for how many days a project keeps runs; None leaves it to the default.

    Raises NotFoundError where there is no project of that name.
    """
    changed = update(PROJECT).where(PROJECT.c.name == name).values(retention_days=days)
    if not connection.execute(changed).rowcount:
        raise NotFoundError(f"there is no project named {name!r}")


def kept_for(connection: Connection) -> list[tuple[str, int | None]]:
    """Return every project's name, and for how many days it keeps runs, by name."""
    rows = connection.execute(select(PROJECT.c.name, PROJECT.c.retention_days))
    return sorted((row.name, row.retention_days) for row in rows)


def cutoffs(connection: Connection, default: int, now: datetime) -> Cutoffs:
    """Return what is too old now; whole hours, so that none is half summed up, half gone."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found: dict[UUID, datetime] = {}
    for id, own in connection.execute(select(PROJECT.c.id, PROJECT.c.retention_days)):
        days = default if own is None else own
        if FOREVER < days < (hour - _EARLIEST).days:
            found[id] = hour - timedelta(days=days)
    return found


def _told_nobody(_project: UUID, _runs: int) -> None:
    pass


async def prune(
    store: Store, pruning: Pruning, told: Callable[[UUID, int], None] = _told_nobody
) -> Pruned:
    """Take away what is too old; `told` hears of each bit: the project, and how many runs."""
    gone = Pruned()
    if not pruning.payloads_only and not pruning.dry_run:
        await _freeze(store, pruning.cutoffs)
    for project, before in pruning.cutoffs.items():
        place: Place | None = Place(_EARLIEST, _LEAST_ID)
        while place is not None:
            found = await store.read_with(_find, pruning, project, before, place)
            place = found.go_on
            count = await _take_away(store, pruning, found)
            gone.runs[project] += count
            gone.roots[project] += sum(trace == id for trace, id in found.keys)
            told(project, count)
    return gone


async def _freeze(store: Store, cutoffs: Cutoffs) -> None:
    """See that each project's hours are summed up, then forbid to do so again."""
    left = list(cutoffs)
    while left:
        while await rollups.keep(store, max(cutoffs[id] for id in left)):
            pass
        left = await store.write(freeze, {id: cutoffs[id] for id in left})


def freeze(connection: Connection, cutoffs: Cutoffs) -> list[UUID]:
    """Freeze the hours of projects; return those that have hours which are not summed up."""
    only_writer(connection)
    left: list[UUID] = []
    for project, before in cutoffs.items():
        asked = {"project": project, "before": before}
        if connection.execute(_UNSUMMED.limit(1), asked).first():
            left.append(project)
            continue
        frozen = PROJECT.c.frozen_before
        later = and_(PROJECT.c.id == project, or_(frozen.is_(None), frozen < before))
        connection.execute(update(PROJECT).where(later).values(frozen_before=before))
    return left


def _find(
    connection: Connection, pruning: Pruning, project: UUID, before: datetime, place: Place
) -> Found:
    """Return the next runs of a project that are too old."""
    query = _LOADED if pruning.payloads_only else _OLD
    asked = {"project": project, "before": before, "after": place.start, "after_id": place.id}
    rows = connection.execute(query, {**asked, "most": pruning.batch}).all()
    go_on = Place(rows[-1].start_time, rows[-1].id) if len(rows) == pruning.batch else None
    keys = [(row.trace_id, row.id) for row in rows]
    if not pruning.payloads_only:
        old = _too_old(connection, {trace for trace, _ in keys}, pruning.cutoffs)
        keys = [(trace, id) for trace, id in keys if trace in old]
    return Found(keys, go_on)


def _too_old(connection: Connection, traces: Collection[UUID], cutoffs: Cutoffs) -> set[UUID]:
    """Return those of some traces of which no project keeps any run."""
    given = {"keys": [(trace,) for trace in traces]}
    ends: list[Any] = list(connection.execute(_ENDS, given)) if traces else []
    kept = {
        row.trace_id
        for row in ends
        if row.session_id not in cutoffs or row.last >= cutoffs[row.session_id]
    }
    return {row.trace_id for row in ends} - kept


async def _take_away(store: Store, pruning: Pruning, found: Found) -> int:
    if pruning.dry_run:
        return len(found.keys)
    if pruning.payloads_only:
        return await _giving_way(store, _empty, found.keys)
    count = 0
    while some := await _giving_way(store, _remove, found.traces, pruning):
        count += some
    return count


async def _giving_way(store: Store, do: Callable[..., int], *given: Any) -> int:
    """Do one bit in the writing lane, then leave the lane to others for as long."""
    if not given[0]:
        return 0
    begun = time.perf_counter()
    done = await store.write(do, *given)
    await asyncio.sleep(time.perf_counter() - begun)
    return done


def _empty(connection: Connection, keys: Sequence[Key]) -> int:
    only_writer(connection)
    empty_payloads(connection, keys)
    return len(keys)


def _remove(connection: Connection, traces: Collection[UUID], pruning: Pruning) -> int:
    """Take some runs of traces away, unless one came meanwhile that is kept; return how many."""
    only_writer(connection)
    old = _too_old(connection, traces, pruning.cutoffs)
    keys = runs_of(connection, old, pruning.batch)
    if keys:
        remove_what_is_of(connection, {trace for trace, _ in keys})
        remove_runs(connection, keys)
    return len(keys)
