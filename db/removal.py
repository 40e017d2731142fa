"""Taking runs away, with everything that belongs to them.

Their entries in the index of words go with the next turn of `db.search_index`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from db.attachments import discard_of_runs, discard_of_traces
from db.changes import ChangeKind, Noted, note
from db.dialects import key_rows
from db.merge import recalled
from db.recall import WHOLE, named
from db.search_index import enqueue
from db.sending import send
from db.tables import ATTACHMENT, FEEDBACK, RUN, RUN_PAYLOAD
from db.thread_index import forget
from db.tree_order import sorted_by_place
from db.writing import take_away_sides

Key = tuple[UUID, UUID]
"""A run: its trace, its id."""

CARRIED = ("inputs", "outputs", "events", "serialized")
"""Columns of a payload that are large, and that nothing is summed up or found by."""

_traces = key_rows("keys", ("trace_id",))
_BELOW_FIRST = (
    select(RUN.c.trace_id, RUN.c.id)
    .select_from(_traces.join(RUN, RUN.c.trace_id == _traces.c.trace_id))
    .order_by(RUN.c.trace_id, sorted_by_place(RUN.c.dotted_order, descending=True))
)
_OF_TRACES = {
    table: delete(table).where(table.c.trace_id.in_(select(_traces.c.trace_id).scalar_subquery()))
    for table in (FEEDBACK, ATTACHMENT)
}


def _of_key(table: Any) -> Any:
    return and_(table.c.trace_id == bindparam("of_trace"), table.c.id == bindparam("of_run"))


_GONE = {table: delete(table).where(_of_key(table)) for table in (RUN_PAYLOAD, RUN)}
_EMPTIED = update(RUN_PAYLOAD).where(_of_key(RUN_PAYLOAD))
_FILES_GONE = delete(ATTACHMENT).where(
    ATTACHMENT.c.trace_id == bindparam("of_trace"), ATTACHMENT.c.run_id == bindparam("of_run")
)


def runs_of(connection: Connection, traces: Collection[UUID], most: int) -> Sequence[Key]:
    """Return the keys of up to `most` runs of some traces; parents come after their children."""
    given = {"keys": [(trace,) for trace in traces]}
    return [(row.trace_id, row.id) for row in connection.execute(_BELOW_FIRST.limit(most), given)]


def remove_runs(connection: Connection, keys: Sequence[Key]) -> None:
    """Take runs away: rows, payloads, tags, metadata. What is summed up of them stays as it is."""
    rows = [named(row) for row in connection.execute(WHOLE, {"keys": keys}).mappings()]
    take_away_sides(connection, [recalled(row) for row in rows])
    for statement in _GONE.values():
        send(connection, statement, _bound(keys))
    enqueue(connection, keys)
    forget(connection, rows)
    note(connection, [_deleted(row) for row in rows])


def remove_what_is_of(connection: Connection, traces: Collection[UUID]) -> None:
    """Take away feedback and attachments of traces."""
    discard_of_traces(connection, traces)
    for statement in _OF_TRACES.values():
        connection.execute(statement, {"keys": [(trace,) for trace in traces]})


def empty_payloads(connection: Connection, keys: Sequence[Key]) -> None:
    """Take away what runs carried, files too; what they are listed and found by stays."""
    nothing = dict.fromkeys(CARRIED)
    send(connection, _EMPTIED, [{**nothing, **row} for row in _bound(keys)], CARRIED)
    discard_of_runs(connection, keys)
    send(connection, _FILES_GONE, _bound(keys))
    enqueue(connection, keys)


def _deleted(row: Mapping[str, Any]) -> Noted:
    key = row["id"], row["trace_id"], row["session_id"]
    return Noted(ChangeKind.DELETED, *key, row["run_type"], row["parent_run_id"] is None)


def _bound(keys: Iterable[Key]) -> list[dict[str, Any]]:
    return [{"of_trace": trace, "of_run": id} for trace, id in keys]
