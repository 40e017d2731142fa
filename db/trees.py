"""Whole trees of runs by one statement, however deep.

Children are whose `parent_run_id` says so. A trace is read in one piece where it starts at its
root: there everything down to a depth is wanted, and whatever else hangs on it would show as a
row that is not one level below its parent. From any other run the tree is followed downwards.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias

from sqlalchemy import Integer, and_, bindparam, exists, literal_column, or_, select

from db.advice import advising
from db.compiler import CACHED_STATEMENTS, Statement, compiled_of, ordering, selected, table_of
from db.dialects import beside_keys, key_rows
from db.entities import RUN
from db.entity import Column
from db.errors import UnsupportedError
from db.questions import IN_TREE
from db.readers import Reading
from db.values import PACK

Stored: TypeAlias = tuple[Any, ...]

_MANY = 2000
"""For more rows than these, to look at all of them takes noticeable time."""


async def subtrees(
    reading: Reading,
    keys: Sequence[tuple[Any, ...]],
    columns: tuple[Column, ...],
    levels: int,
) -> dict[Any, list[Stored]] | None:
    """Return the children of runs, their children and so on, by their parent's id.

    A key is (trace_id, id, depth); `columns` hold trace_id, id, parent_run_id and depth. None
    where rows contradict each other, or an id is that of two runs: then it has to be done level by
    level.
    """
    place = {column: at for at, column in enumerate(columns)}
    if any(depth for *_, depth in keys):
        runs = {key[:2] for key in keys}
        try:
            found = await _below(reading, sorted(runs), columns, levels)
        except UnsupportedError:  # a cluster follows what is of one trace
            return None
        are_clear = partial(_are_unique, runs)
    else:
        traces = sorted({trace for trace, *_ in keys})
        found = await _traces(reading, traces, columns, levels)
        are_clear = _are_in_step if len(traces) == 1 else _are_all_in_step

    def grouped() -> dict[Any, list[Stored]] | None:
        return _by_parent(found, place["parent_run_id"]) if are_clear(found, place) else None

    if len(found) > _MANY:
        return await asyncio.to_thread(grouped)  # others need the loop meanwhile
    return grouped()


async def _below(
    reading: Reading, runs: list[tuple[Any, ...]], columns: tuple[Column, ...], levels: int
) -> list[Stored]:
    traces = {trace for trace, _ in runs}
    one = len(traces) == 1
    values = {"keys": PACK[reading.dialect](runs), **({"k0": traces.pop()} if one else {})}
    return await _fetch(reading, rows_below(reading.dialect, columns, one), values, levels)


async def _traces(
    reading: Reading, traces: list[Any], columns: tuple[Column, ...], levels: int
) -> list[Stored]:
    one = len(traces) == 1
    values = {"k0": traces[0]} if one else {"keys": PACK[reading.dialect]([(t,) for t in traces])}
    return await _fetch(reading, whole_traces(reading.dialect, columns, one), values, levels)


async def _fetch(
    reading: Reading, statement: Statement, values: Mapping[str, Any], levels: int
) -> list[Stored]:
    with advising("ask for pages of Trace.runs or descendants, or for fewer levels of childRuns"):
        return await reading.rows(statement.sql, statement.placed({**values, "levels": levels}))


@lru_cache(maxsize=CACHED_STATEMENTS)
def whole_traces(dialect: str, columns: tuple[Column, ...], one: bool) -> Statement:
    """Return the statement for whole traces down to a depth, `levels`, and what is out of step.

    The trace is `k0`, or those in `keys`.
    """
    run = table_of(RUN)
    above = run.alias("above")
    is_parent = and_(above.c.trace_id == run.c.trace_id, above.c.id == run.c.parent_run_id)
    is_near = above.c.depth + literal_column("1") == run.c.depth
    strange = exists(select(above.c.id).where(is_parent, ~is_near).correlate(run))
    wanted = or_(run.c.depth <= bindparam("levels"), strange)
    if one:
        query = selected(dialect, RUN, columns).where(run.c.trace_id == bindparam("k0"), wanted)
    else:
        keys = key_rows("keys", ("trace_id",))
        query = selected(dialect, RUN, columns, keys).where(beside_keys(dialect, keys, wanted))
    return compiled_of(dialect, query.order_by(*ordering(RUN, IN_TREE)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def rows_below(dialect: str, columns: tuple[Column, ...], same_trace: bool) -> Statement:
    """Return the statement for what is at most `levels` below the runs in `keys`.

    They are of the `same_trace`, `k0`, or of several, which is more than a cluster does.
    """
    run = table_of(RUN)
    keys = key_rows("keys", ("trace_id", "id"))
    zero, one = literal_column("0", type_=Integer()), literal_column("1", type_=Integer())
    first = select(keys.c.trace_id, keys.c.id, zero.label("level"))
    tree = first.cte("tree", recursive=True)
    is_child = and_(run.c.trace_id == tree.c.trace_id, run.c.parent_run_id == tree.c.id)
    step = select(run.c.trace_id, run.c.id, tree.c.level + one)
    step = step.select_from(tree.join(run, is_child)).where(tree.c.level < bindparam("levels"))
    if same_trace:
        step = step.where(run.c.trace_id == bindparam("k0"))
    tree = tree.union_all(step)
    below = select(tree.c.trace_id, tree.c.id).where(tree.c.level > zero).distinct()
    query = selected(dialect, RUN, columns, below.subquery("below"))
    if same_trace:
        query = query.where(run.c.trace_id == bindparam("k0"))
    return compiled_of(dialect, query.order_by(*ordering(RUN, IN_TREE)))


def _are_in_step(rows: list[Stored], place: Mapping[Column, int]) -> bool:
    """Say whether each row of a trace is one level below its parent."""
    own, parent, depth = place["id"], place["parent_run_id"], place["depth"]
    known = {row[own]: row[depth] for row in rows}.get
    for row in rows:
        above = row[depth] - 1
        if known(row[parent], above) != above:
            return False
    return True


def _are_all_in_step(rows: list[Stored], place: Mapping[Column, int]) -> bool:
    """Say whether each row is one level below its parent, in its trace, and no two have one id."""
    trace, depth = place["trace_id"], place["depth"]
    own, parent = place["id"], place["parent_run_id"]
    known = {row[own]: (row[trace], row[depth]) for row in rows}
    if len(known) != len(rows):
        return False
    for row in rows:
        above = (row[trace], row[depth] - 1)
        if known.get(row[parent], above) != above:
            return False
    return True


def _are_unique(runs: set[Any], rows: list[Stored], place: Mapping[Column, int]) -> bool:
    """Say whether no two of some runs (trace_id, id) and those below them have one id."""
    trace, own = place["trace_id"], place["id"]
    found = {*runs, *((row[trace], row[own]) for row in rows)}
    return len({id for _, id in found}) == len(found)


def _by_parent(rows: list[Stored], parent: int) -> dict[Any, list[Stored]]:
    grouped: dict[Any, list[Stored]] = {}
    for row in rows:
        key = row[parent]
        if key in grouped:
            grouped[key].append(row)
        else:
            grouped[key] = [row]
    return grouped
