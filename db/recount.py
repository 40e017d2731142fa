"""A trace's usage, worked out from its rows anew: for what no addition can express.

Derived places are worked out anew with it: children that told no dotted order follow when their
parent moves.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, select, update

from db.changes import ChangeKind, Noted
from db.dialects import key_rows
from db.dotted import depth_of, parent_id_of, parent_of
from db.marks import mark
from db.measures import MEASURES, Usage, add, columns, held_in
from db.merge import unpacked
from db.sending import send
from db.tables import RUN, RUN_PAYLOAD
from db.totals import LLM
from db.usage import given_usage

_SUMS = (
    "llm_descendants",
    *(f"{sort}_{name}" for sort in ("own", "total") for name in (*MEASURES, "details")),
)
_PLACE = ("dotted_order", "parent_run_id", "depth")
_ROW = ("trace_id", "id", "session_id", "start_time", "run_type", *_PLACE, *_SUMS)

_wanted = key_rows("keys", ("trace_id",))
_TRACES = select(
    *[RUN.c[name] for name in _ROW], RUN_PAYLOAD.c.usage, RUN_PAYLOAD.c.ranks
).select_from(
    _wanted.join(RUN, RUN.c.trace_id == _wanted.c.trace_id).join(
        RUN_PAYLOAD,
        and_(RUN_PAYLOAD.c.trace_id == RUN.c.trace_id, RUN_PAYLOAD.c.id == RUN.c.id),
    )
)
_UPDATE = update(RUN).where(
    RUN.c.trace_id == bindparam("of_trace_id"), RUN.c.id == bindparam("of_id")
)


def recount(connection: Connection, traces: Collection[UUID]) -> list[Noted]:
    """Put traces right; return the runs whose rows changed."""
    if not traces:
        return []
    by_trace: dict[UUID, list[dict[str, Any]]] = {}
    keys = [(trace,) for trace in traces]
    for row in connection.execute(_TRACES, {"keys": keys}).mappings():
        by_trace.setdefault(row["trace_id"], []).append({str(key): row[key] for key in row})
    changed = [row for rows in by_trace.values() for row in _put_right(rows)]
    send(connection, _UPDATE, changed, (*_PLACE, *_SUMS))
    mark(connection, {(row["session_id"], row["start_time"]) for row in changed})
    return [_noted(row) for row in changed]


def _noted(row: dict[str, Any]) -> Noted:
    key = row["of_id"], row["of_trace_id"]
    told = row["session_id"], row["run_type"], row["parent_run_id"] is None
    return Noted(ChangeKind.UPDATED, *key, *told)


def _put_right(rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Give the rows of one trace that differ from what they should be, as they should be."""
    places = _places(rows)
    by_place = {places[row["id"]]: row for row in rows}
    below: dict[str, Usage] = {}
    llm_below: dict[str, int] = {}
    for place in sorted(by_place, key=len, reverse=True):
        row = by_place[place]
        llm = llm_below.get(place, 0)
        own = held_in(row, "own") if row["run_type"] == LLM else {}
        if row["run_type"] != LLM and not llm:
            own = given_usage(row["usage"])
        total = below.get(place, {})
        add(total, own)
        _lift(by_place, place, total, llm + (row["run_type"] == LLM), below, llm_below)
        right = {
            "dotted_order": place,
            "parent_run_id": parent_id_of(place),
            "depth": depth_of(place),
            "llm_descendants": llm,
            **columns("own", own),
            **columns("total", total),
        }
        if any(row[name] != value for name, value in right.items()):
            known = {name: row[name] for name in ("session_id", "start_time", "run_type")}
            yield {**right, **known, "of_trace_id": row["trace_id"], "of_id": row["id"]}


def _lift(
    by_place: dict[str, dict[str, Any]],
    place: str,
    total: Usage,
    llm: int,
    below: dict[str, Usage],
    llm_below: dict[str, int],
) -> None:
    """Hand a run's sums to the nearest ancestor that is there."""
    above = parent_of(place)
    while above is not None and above not in by_place:
        above = parent_of(above)
    if above is not None:
        add(below.setdefault(above, {}), total)
        llm_below[above] = llm_below.get(above, 0) + llm


def _places(rows: list[dict[str, Any]]) -> dict[UUID, str]:
    """Return each run's dotted order; those worked out from a parent's follow it."""
    places: dict[UUID, str] = {}
    followers: dict[UUID, list[dict[str, Any]]] = {}
    ids = {row["id"] for row in rows}
    for row in rows:
        worked_out = unpacked(row["ranks"])["dotted_order"][0] == 0
        if worked_out and row["parent_run_id"] in ids:
            followers.setdefault(row["parent_run_id"], []).append(row)
        else:
            places[row["id"]] = row["dotted_order"]
    found = list(places)
    for id in found:
        for row in followers.get(id, ()):
            _, _, own = row["dotted_order"].rpartition(".")
            places[row["id"]] = f"{places[id]}.{own}"
            found.append(row["id"])
    return {row["id"]: row["dotted_order"] for row in rows} | places
