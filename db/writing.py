"""Runs into their rows: run, payload, and the side tables that find them by tag and metadata."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, bindparam, delete, insert, update
from sqlalchemy.sql.dml import Delete, Update

from db.behind import sent_behind
from db.changes import ChangeKind, Noted, note
from db.columns import RUN_COLUMNS, RUN_TYPE, Reading, pairs_in, payload_row, read, run_row, tags_in
from db.derive import Extra, status_of
from db.dialects import as_sent
from db.marks import Touched, mark
from db.measures import columns
from db.merge import Account
from db.models import RunStatus
from db.recount import recount
from db.search_index import enqueue_changed
from db.sending import send, send_packed, send_rows
from db.tables import RUN, RUN_METADATA, RUN_PAYLOAD, RUN_TAG
from db.thread_index import narrow, widen
from db.totals import Tally, settle

Packed = tuple[Any, ...]
"""A row as it is sent."""

_INDEXED = (
    *("session_id", "parent_run_id", "start_time", "run_type", "thread_id", "dotted_order"),
)
"""Columns that several indexes hold, left alone by an update that does not change them."""

_KEY = ("trace_id", "id")
_ALL = RUN_COLUMNS
_CHANGING = tuple(name for name in _ALL if name not in _KEY)
_LIGHT = tuple(name for name in _CHANGING if name not in _INDEXED)
_SUMS = ("llm_descendants", *(name for name in _ALL if name.startswith("total_")))
_ALL_PAYLOAD = tuple(RUN_PAYLOAD.c.keys())
_PAYLOAD = tuple(column.name for column in RUN_PAYLOAD.c if column.name not in _KEY)
_SIDE_VALUES = {"tags", "extra", "session_id", "start_time"}
_PENDING = RunStatus.PENDING.value


def _of_run(table: Table) -> Update:
    key = {name: table.c[name] for name in _KEY}
    return update(table).where(and_(*[key[name] == bindparam(f"of_{name}") for name in _KEY]))


def _of_row(table: Table) -> Delete:
    key = [column == bindparam(f"of_{column.name}") for column in table.primary_key]
    return delete(table).where(and_(*key))


_NEW_RUN, _CHANGED_RUN = insert(RUN), _of_run(RUN)
_NEW_PAYLOAD, _CHANGED_PAYLOAD = insert(RUN_PAYLOAD), _of_run(RUN_PAYLOAD)
_NEW_TAG, _OLD_TAG = insert(RUN_TAG), _of_row(RUN_TAG)
_NEW_PAIR, _OLD_PAIR = insert(RUN_METADATA), _of_row(RUN_METADATA)


def write_runs(connection: Connection, accounts: Iterable[Account]) -> Collection[UUID]:
    """Write what has changed of runs, and their share in their ancestors; return changed ids."""
    changed = [account for account in accounts if account.changed]
    if not changed:
        return ()
    with sent_behind(connection):
        told = _write(connection, changed)
    note(connection, told)
    return {each.id for each in told}


def _write(connection: Connection, accounts: Sequence[Account]) -> list[Noted]:
    """Write what has changed of runs; return what is to be told.

    New rows, which are many, go behind the sender's back, so what has to wait for an answer comes
    first: a statement after them waits for them as well.
    """
    new = [each for each in accounts if each.stored is None]
    send_rows(connection, _NEW_PAYLOAD, [payload_row(each) for each in new], _ALL_PAYLOAD)
    readings = [read(account) for account in accounts]
    settlement = settle(connection, [reading.tally for reading in readings])
    left = widen(connection, readings)
    send(connection, _CHANGED_RUN, [_sums(each) for each in settlement.ancestors], _SUMS)
    _write_changed([each for each in readings if each.account.stored is not None], connection)
    _write_sides(readings, connection)
    fresh = [run_row(each) for each in readings if each.account.stored is None]
    send_rows(connection, _NEW_RUN, fresh, _ALL)
    told = [*map(_change, readings), *map(_of_ancestor, settlement.ancestors)]
    moved = {reading.account.trace_id for reading in readings if reading.account.moved}
    touched = {each for reading in readings for each in _touched(reading)}
    enqueue_changed(connection, accounts)
    mark(connection, touched)
    narrow(connection, left)
    return [*told, *recount(connection, settlement.recount | moved)]


def _change(reading: Reading) -> Noted:
    """Return what has happened to a run that arrivals were about."""
    account = reading.account
    values, stored = account.values, account.stored
    kind = ChangeKind.CREATED if stored is None else ChangeKind.UPDATED
    if stored is None or stored["status"] == _PENDING:
        status = status_of(values.get("error"), values.get("end_time"))
        kind = kind if status == _PENDING else ChangeKind.FINISHED
    run_type = values.get("run_type") or RUN_TYPE
    is_root = "." not in values["dotted_order"]
    return Noted(kind, account.id, account.trace_id, values["session_id"], run_type, is_root)


def _of_ancestor(ancestor: Tally) -> Noted:
    row = ancestor.row or {}
    is_root = "." not in ancestor.dotted_order
    told = row["session_id"], row["run_type"], is_root
    return Noted(ChangeKind.UPDATED, ancestor.id, ancestor.trace_id, *told)


def _touched(reading: Reading) -> Iterator[Touched]:
    """Yield where a run is summed up, and where it was."""
    for row in (reading.account.values, reading.account.stored):
        if row is not None:
            yield row["session_id"], row["start_time"]


def _write_changed(readings: Sequence[Reading], connection: Connection) -> None:
    light: list[dict[str, Any]] = []
    whole: list[dict[str, Any]] = []
    for reading in readings:
        row = _keyed(dict(zip(_ALL, run_row(reading), strict=True)))
        stored = reading.account.stored or {}
        same = all(row[name] == stored[name] for name in _INDEXED)
        (light if same else whole).append(row)
    send(connection, _CHANGED_RUN, light, _LIGHT)
    send(connection, _CHANGED_RUN, whole, _CHANGING)
    payloads = [
        _keyed(dict(zip(_ALL_PAYLOAD, payload_row(each.account), strict=True))) for each in readings
    ]
    send(connection, _CHANGED_PAYLOAD, payloads, _PAYLOAD)


def _write_sides(readings: Iterable[Reading], connection: Connection) -> None:
    """Write what differs of tags and metadata; `new` and `old` hold rows of either table."""
    dialect = connection.dialect.name
    new: tuple[list[Packed], list[Packed]] = ([], [])
    old: tuple[list[Packed], list[Packed]] = ([], [])
    for account, extra, *_ in readings:
        if account.changed.isdisjoint(_SIDE_VALUES):
            continue
        now = _side_rows(dialect, account, account.values, extra)
        before: tuple[list[Packed], list[Packed]] = ([], [])
        if account.stored is not None:
            before = _side_rows(dialect, account, account.before, None)
        for place in (0, 1):
            if before[place]:
                old[place].extend(set(before[place]).difference(now[place]))
                now[place][:] = set(now[place]).difference(before[place])
            new[place].extend(now[place])
    send_packed(connection, _OLD_TAG, old[0])
    send_packed(connection, _OLD_PAIR, old[1])
    send_packed(connection, _NEW_TAG, new[0], tuple(RUN_TAG.c.keys()))
    send_packed(connection, _NEW_PAIR, new[1], tuple(RUN_METADATA.c.keys()))


def take_away_sides(connection: Connection, accounts: Iterable[Account]) -> None:
    """Take the tags and metadata of stored runs away."""
    dialect = connection.dialect.name
    old: tuple[list[Packed], list[Packed]] = ([], [])
    for account in accounts:
        for rows, some in zip(old, _side_rows(dialect, account, account.before, None), strict=True):
            rows.extend(some)
    send_packed(connection, _OLD_TAG, old[0])
    send_packed(connection, _OLD_PAIR, old[1])


def _side_rows(
    dialect: str, account: Account, values: Mapping[str, Any], extra: Extra | None
) -> tuple[list[Packed], list[Packed]]:
    """Return the rows of the side tables, as they are sent, in the order of their columns."""
    told = (values["session_id"], values["start_time"], account.trace_id, account.id)
    session, *run = as_sent(dialect, told)
    return (
        [(session, tag, *run) for tag in tags_in(values)],
        [(session, key, value, *run) for key, value in pairs_in(values, extra).items()],
    )


def _sums(ancestor: Tally) -> dict[str, Any]:
    return {
        "of_trace_id": ancestor.trace_id,
        "of_id": ancestor.id,
        "llm_descendants": ancestor.llm_descendants,
        **columns("total", ancestor.total),
    }


def _keyed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "of_trace_id": row["trace_id"], "of_id": row["id"]}
