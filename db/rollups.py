"""Rollups: what the runs of a project come to in each hour and each day, in UTC.

An hour is marked in the very transaction that changes one of its runs (`db.marks`). `keep` sums
marked hours up anew from their runs, so that it does not matter what came how often and in which
order; until then the hour is read from its runs (`db.rollup_reads`). A mark is taken away together
with writing the row that answers it, and only if it is still the same mark.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Table, and_, delete, select

from db import histograms, stats_statements, sums
from db.constructs import packed_spans
from db.dialects import MONEY_SCALE, only_writer, upsert
from db.measures import MEASURES, MOST_TOKENS
from db.questions import RUNS_OF_PROJECT
from db.readers import Reading
from db.rollup_reads import CELLS, DAY, HOUR, ROLLED
from db.stats import StatsOf
from db.stats_asking import Asking
from db.stats_statements import DURATIONS, Scope
from db.store import Store
from db.sums import Duration, Sums
from db.tables import PROJECT, RUN_ROLLUP_DAY, RUN_ROLLUP_DIRTY, RUN_ROLLUP_HOUR
from db.values import ASKED, Kind

MOST_HOURS = 200
"""How many marked hours are summed up and written at once."""

Cells: TypeAlias = tuple[Counter[int], ...]
Rollup: TypeAlias = tuple[Sums, Cells]
"""What some runs come to, and the histogram of each of `DURATIONS`."""


class Mark(NamedTuple):
    """A marked hour of a project."""

    session_id: UUID
    since: datetime
    mark: UUID


async def keep(store: Store, ended: datetime, most: int = MOST_HOURS) -> int:
    """Sum marked hours up that ended before a moment; return how many, 0 when none is left.

    Hours in which runs still begin are better left alone: they would be marked again at once.
    """
    marks = await store.read_with(_marked, ended, most)
    by_project: dict[UUID, list[Mark]] = defaultdict(list)
    for each in marks:
        by_project[each.session_id].append(each)
    for session, some in by_project.items():
        reading = store.reading(newest=True)
        try:
            rollups = await _of_runs(reading, session, [each.since for each in some])
        finally:
            await reading.close()
        await store.write(_settle, some, rollups)
    return len(marks)


def _marked(connection: Connection, ended: datetime, most: int) -> list[Mark]:
    dirty = RUN_ROLLUP_DIRTY.c
    oldest = select(dirty.session_id, dirty.since, dirty.mark).where(dirty.since <= ended - HOUR)
    rows = connection.execute(oldest.order_by(dirty.since, dirty.session_id).limit(most))
    return [Mark(*row) for row in rows]


async def _of_runs(
    reading: Reading, session: UUID, hours: Sequence[datetime]
) -> dict[datetime, Rollup]:
    """Return what the runs of some hours come to; an hour without runs is not there."""
    convert = ASKED[reading.dialect].get(Kind.ID)
    asking = Asking(
        reading, StatsOf(RUNS_OF_PROJECT), [(convert(session) if convert else session,)]
    )
    asking.more["spans"] = packed_spans(reading.dialect, [(at, at + HOUR) for at in hours])
    scope = Scope(RUNS_OF_PROJECT, asking.scope.where, spans=True)
    found: dict[datetime, Rollup] = {}
    for (_, at), row in await asking.found(stats_statements.sums, scope):
        found[hours[at]] = sums.of_row(reading.dialect, row), _no_cells()
    for (_, at), (duration, cell, count) in await asking.found(stats_statements.cells, scope):
        found[hours[at]][1][duration][cell] = count
    return found


def _settle(
    connection: Connection, marks: Sequence[Mark], rollups: Mapping[datetime, Rollup]
) -> None:
    """Write the hours whose marks are still the same, then the days they belong to."""
    only_writer(connection)  # two that write hours of one day would each miss the other's
    dirty = RUN_ROLLUP_DIRTY
    frozen = _frozen(connection, {each.session_id for each in marks})
    days: set[tuple[UUID, datetime]] = set()
    for each in marks:
        same = and_(*(dirty.c[name] == value for name, value in each._asdict().items()))
        done = connection.execute(delete(dirty).where(same)).rowcount
        if done and not (each.session_id in frozen and each.since < frozen[each.session_id]):
            _write(
                connection, RUN_ROLLUP_HOUR, each.session_id, each.since, rollups.get(each.since)
            )
            days.add((each.session_id, each.since - timedelta(hours=each.since.hour)))
    for session, day in days:
        _write(connection, RUN_ROLLUP_DAY, session, day, _of_hours(connection, session, day))


def _frozen(connection: Connection, projects: Collection[UUID]) -> dict[UUID, datetime]:
    """Return for projects whose old runs may be gone, before when: those hours stay as they are."""
    found = select(PROJECT.c.id, PROJECT.c.frozen_before).where(
        PROJECT.c.id.in_(projects), PROJECT.c.frozen_before.is_not(None)
    )
    return {row.id: row.frozen_before for row in connection.execute(found)}


def _of_hours(connection: Connection, session: UUID, day: datetime) -> Rollup | None:
    """Return what the hours of a day come to; None when there are none."""
    hour = RUN_ROLLUP_HOUR
    within = and_(hour.c.session_id == session, hour.c.since >= day, hour.c.since < day + DAY)
    whole, cells = Sums(), _no_cells()
    for row in connection.execute(select(hour).where(within)).mappings():
        whole = whole.plus(_read(row))
        for into, name in zip(cells, CELLS, strict=True):
            histograms.add(into, row[name])
    return (whole, cells) if whole.runs else None


def _write(
    connection: Connection, table: Table, session: UUID, since: datetime, rollup: Rollup | None
) -> None:
    """Put a rollup in the place of the one that is there; None takes it away."""
    if rollup is None:
        key = and_(table.c.session_id == session, table.c.since == since)
        connection.execute(delete(table).where(key))
        return
    row = {"session_id": session, "since": since, **_columns(*rollup)}
    made = upsert(connection.dialect.name, table).values(row)
    others = {name: made.excluded[name] for name in (*ROLLED, *CELLS)}
    connection.execute(
        made.on_conflict_do_update(index_elements=["session_id", "since"], set_=others)
    )


def _columns(whole: Sums, cells: Cells) -> dict[str, Any]:
    usage = [n if n is None else min(n, MOST_TOKENS) for n in whole.usage]
    values = (
        *(whole.runs, whole.errors),
        *(part for duration in whole.durations for part in duration),
        *(
            Decimal(n).scaleb(-MONEY_SCALE) if is_cost and n is not None else n
            for is_cost, n in zip(sums.COSTS, usage, strict=True)
        ),
        *map(histograms.pack, cells),
    )
    return dict(zip((*ROLLED, *CELLS), values, strict=True))


def _read(row: Mapping[Any, Any]) -> Sums:
    durations = (
        Duration(*(row[f"{name}_{part}"] for part in Duration._fields)) for name in DURATIONS
    )
    usage = (row[name] for name in MEASURES)
    units = (
        int(n.scaleb(MONEY_SCALE)) if is_cost and n is not None else n
        for is_cost, n in zip(sums.COSTS, usage, strict=True)
    )
    return Sums(row["runs"], row["errors"], tuple(durations), tuple(units))


def _no_cells() -> Cells:
    return tuple(Counter[int]() for _ in DURATIONS)
