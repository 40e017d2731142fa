"""The index of words, kept a moment behind the runs: a queue of what has changed, and its reader.

A fold only puts the keys of runs whose words may have changed into `run_search_queue`, in its own
transaction, so that nothing is forgotten. `index_some` takes keys out and brings the index up to
the runs as they are then: new, changed or gone.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from time import perf_counter
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ClauseElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
)

from db.dialects import key_rows, only_writer, upsert
from db.full_text import FULL_TEXT, NUMBER_BITS, first_of
from db.merge import Account
from db.readers import Reading
from db.sending import send
from db.tables import RUN, RUN_PAYLOAD, RUN_SEARCH, RUN_SEARCH_QUEUE
from db.words import texts_of, words_of

BATCH = 500
"""How many runs are indexed in one transaction; folds wait for it."""

_SEARCHED = frozenset({"name", "error", "inputs", "outputs", "extra", "start_time", "session_id"})
"""What of a run decides its entry."""

_keys = key_rows("keys", ("trace_id", "id"))


def _beside_keys(table: Any) -> Any:
    return and_(table.c.trace_id == _keys.c.trace_id, table.c.id == _keys.c.id)


_RUNS = select(
    *(RUN.c.trace_id, RUN.c.id, RUN.c.session_id, RUN.c.start_time, RUN.c.name, RUN.c.error),
    *(RUN_PAYLOAD.c.inputs, RUN_PAYLOAD.c.outputs, RUN_PAYLOAD.c.extra),
).select_from(
    _keys.join(RUN, _beside_keys(RUN)).outerjoin(
        RUN_PAYLOAD, and_(RUN_PAYLOAD.c.trace_id == RUN.c.trace_id, RUN_PAYLOAD.c.id == RUN.c.id)
    )
)
_NUMBERS = (
    select(RUN_SEARCH.c.number)
    .select_from(_keys.join(RUN_SEARCH, _beside_keys(RUN_SEARCH)))
    .where(RUN_SEARCH.c.number.is_not(None))
    .order_by(RUN_SEARCH.c.number)
)
_NEW = insert(RUN_SEARCH)
_COLUMNS = tuple(RUN_SEARCH.c.keys())
_MOST_NUMBERS = 1 << NUMBER_BITS
_WAITING = select(RUN_SEARCH_QUEUE.c.trace_id, RUN_SEARCH_QUEUE.c.id)
_LAST_NUMBERS = text(
    "SELECT value, (SELECT max(number) FROM run_search"
    " WHERE number BETWEEN value AND value + :most) FROM json_each(:firsts)"
)


def enqueue_changed(connection: Connection, accounts: Iterable[Account]) -> None:
    """Have the runs indexed whose words may have changed."""
    changed = [each for each in accounts if not each.changed.isdisjoint(_SEARCHED)]
    enqueue(connection, [(each.trace_id, each.id) for each in changed])


def enqueue(connection: Connection, keys: Iterable[tuple[UUID, UUID]]) -> None:
    """Have runs indexed anew, or taken out of the index where they are gone."""
    rows = [{"trace_id": trace, "id": id} for trace, id in keys]
    send(connection, _into_queue(connection.dialect.name), rows, ("trace_id", "id"))


async def is_waiting(reading: Reading) -> bool:
    """Say whether there is anything in the queue."""
    return bool(await reading.rows("SELECT 1 FROM run_search_queue LIMIT 1", ()))


def index_some(connection: Connection, limit: int = BATCH) -> int:
    """Bring up to `limit` runs of the queue up to date; return how many there were."""
    only_writer(connection)
    waiting = connection.execute(_WAITING.limit(limit)).all()
    if not waiting:
        return 0
    keys = [(row.trace_id, row.id) for row in waiting]
    _remove(connection, keys)
    _put(connection, connection.execute(_RUNS, {"keys": keys}).all())
    _delete(connection, RUN_SEARCH_QUEUE, keys)
    return len(keys)


def index_timed(connection: Connection) -> tuple[int, float]:
    """Index some runs; return how many, and the seconds for which folds have waited."""
    begun = perf_counter()
    return index_some(connection), perf_counter() - begun


def start_anew(connection: Connection) -> int:
    """Empty the index and put every run into the queue; return how many there are."""
    only_writer(connection)
    empty = FULL_TEXT[connection.dialect.name].empty
    if empty is not None:
        connection.exec_driver_sql(empty)
    connection.execute(delete(RUN_SEARCH))
    connection.execute(delete(RUN_SEARCH_QUEUE))
    every = select(RUN.c.trace_id, RUN.c.id)
    connection.execute(insert(RUN_SEARCH_QUEUE).from_select(["trace_id", "id"], every))
    return connection.execute(select(func.count()).select_from(RUN_SEARCH_QUEUE)).scalar_one()


def _remove(connection: Connection, keys: Sequence[tuple[UUID, UUID]]) -> None:
    remove = FULL_TEXT[connection.dialect.name].remove
    if remove is not None:
        numbers = [(row.number,) for row in connection.execute(_NUMBERS, {"keys": keys})]
        if numbers:
            connection.exec_driver_sql(remove, numbers)
    _delete(connection, RUN_SEARCH, keys)


def _put(connection: Connection, runs: Sequence[Any]) -> None:
    """Write the entries of runs; in the order of their numbers, which FTS5 takes faster."""
    full_text = FULL_TEXT[connection.dialect.name]
    rows: list[dict[str, Any]] = [
        {
            "trace_id": run.trace_id,
            "id": run.id,
            "number": None,
            "words": full_text.stored(run.session_id, _words(run)),
        }
        for run in runs
    ]
    if full_text.put is None:
        send(connection, _NEW, rows, _COLUMNS)
        return
    rows = _numbered(connection, rows, [first_of(run.start_time) for run in runs])
    send(connection, _NEW, rows, _COLUMNS)
    if rows:
        connection.exec_driver_sql(full_text.put, [(row["number"], row["words"]) for row in rows])


def _words(run: Any) -> list[list[str]]:
    texts = texts_of(run.name, run.error, run.inputs, run.outputs, run.extra)
    return [words_of(each) for each in texts.values()]


def _numbered(
    connection: Connection, rows: list[dict[str, Any]], firsts: list[int]
) -> list[dict[str, Any]]:
    """Give each row the next number of its millisecond and sort them; drop those it is full for."""
    given = {"firsts": orjson.dumps(sorted(set(firsts))).decode(), "most": _MOST_NUMBERS - 1}
    found = connection.execute(_LAST_NUMBERS, given)
    following = {first: first if last is None else last + 1 for first, last in found}
    for row, first in zip(rows, firsts, strict=True):
        row["number"] = following[first]
        following[first] += following[first] < first + _MOST_NUMBERS
    kept = [
        each
        for each, first in zip(rows, firsts, strict=True)
        if each["number"] < first + _MOST_NUMBERS
    ]
    return sorted(kept, key=lambda row: row["number"])


def _delete(connection: Connection, table: Any, keys: Sequence[tuple[UUID, UUID]]) -> None:
    rows = [{"of_trace_id": trace, "of_id": id} for trace, id in keys]
    send(connection, _of_key(table), rows)


@lru_cache
def _of_key(table: Any) -> ClauseElement:
    return delete(table).where(
        table.c.trace_id == bindparam("of_trace_id"), table.c.id == bindparam("of_id")
    )


@lru_cache
def _into_queue(dialect: str) -> ClauseElement:
    return upsert(dialect, RUN_SEARCH_QUEUE).on_conflict_do_nothing()
