"""Two trees of runs side by side: who stands for whom, and what differs.

Under two runs that stand for each other, the n-th child of a name and type stands for the n-th of
the same name and type. What has no counterpart stands alone, with all that is below it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select

from db import filters, row_answers
from db.advice import advising
from db.compiler import Statement, compiled_of
from db.dialects import key_rows
from db.errors import InvalidError
from db.questions import DESCENDANTS, RUNS, Rows, Values, Window
from db.readers import Reading
from db.rows import Row
from db.tables import RUN_PAYLOAD
from db.values import PACK

MOST_RUNS = 50_000
"""How many runs both trees together may have."""

Differing: TypeAlias = dict[tuple[Any, ...], tuple[bool, bool]]
"""Pairs of keys, each with whether inputs and outputs differ; a pair that agrees is not there."""


class RunPair(NamedTuple):
    """Two runs that stand for each other, or one that stands alone; differences are b - a."""

    a: Row | None
    b: Row | None
    depth: int
    latency_delta: float | None
    total_tokens_delta: int | None
    total_cost_delta: str | None
    status_changed: bool
    inputs_differ: bool | None
    outputs_differ: bool | None


class RunComparison(NamedTuple):
    """Two runs, and all that is below them in pairs, each before what is below it."""

    a: Row
    b: Row
    pairs: list[RunPair]


@dataclass(frozen=True)
class Compared(Values):
    """Two trees aligned; None where one of the runs is not there."""

    a: UUID = field(kw_only=True)
    b: UUID = field(kw_only=True)

    async def answer(self, reading: Reading, keys: Sequence[tuple[Any, ...]]) -> dict[Any, Any]:
        """Return the comparison. Raises InvalidError for trees of too many runs."""
        with advising("compare runs further down"):
            return dict.fromkeys(keys, await self._compared(reading))

    async def _compared(self, reading: Reading) -> "RunComparison | None":
        question = Rows(RUNS, where=filters.test("id", "in", [self.a, self.b]))
        (roots,) = await row_answers.rows(reading, question, [None])
        by_id = {row.id: row for row in roots}
        a, b = by_id.get(str(self.a)), by_id.get(str(self.b))
        if a is None or b is None:
            return None
        below = Rows(DESCENDANTS, window=Window(MOST_RUNS))
        left, right = await row_answers.rows(reading, below, [a, b])
        if len(left.rows) + len(right.rows) + 2 > MOST_RUNS:
            msg = f"the two trees have more than {MOST_RUNS} runs; compare runs further down"
            raise InvalidError(msg)
        aligned = list(_aligned(_tree(a, left.rows), _tree(b, right.rows)))
        differing = await _differing(reading, aligned)
        pairs = [_pair(one, other, depth, differing) for one, other, depth in aligned]
        return RunComparison(a, b, pairs)


def compared(a: UUID, b: UUID) -> Compared:
    """Ask for two trees aligned."""
    return Compared(RUNS, a=a, b=b)


class _Node:
    """A run in its tree."""

    __slots__ = ("children", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.children: list[_Node] = []


def _tree(root: Row, rows: list[Row]) -> _Node:
    """Hang rows, which come in dotted order, below the nearest ancestor that is there."""
    top = _Node(root)
    above = [(root.dotted_order, top)]
    for row in rows:
        dotted = row.dotted_order
        while not dotted.startswith(f"{above[-1][0]}."):
            above.pop()
        node = _Node(row)
        above[-1][1].children.append(node)
        above.append((dotted, node))
    return top


def _aligned(a: _Node, b: _Node) -> Iterator[tuple[Row | None, Row | None, int]]:
    """Yield the pairs, each before what is below it."""
    waiting: list[tuple[_Node | None, _Node | None, int]] = [(a, b, 0)]
    while waiting:
        one, other, depth = waiting.pop()
        yield one and one.row, other and other.row, depth
        children = _matched(one.children if one else [], other.children if other else [])
        waiting.extend((left, right, depth + 1) for left, right in reversed(children))


def _matched(left: list[_Node], right: list[_Node]) -> list[tuple[_Node | None, _Node | None]]:
    """Return children in pairs, as the left has them; what only the right has stands between."""
    places = {key: at for at, key in enumerate(_keys(right))}
    taken = [places.get(key) for key in _keys(left)]
    alone = iter([at for at in range(len(right)) if at not in {*taken}])
    waiting = next(alone, None)
    pairs: list[tuple[_Node | None, _Node | None]] = []
    for node, at in zip(left, taken, strict=True):
        while at is not None and waiting is not None and waiting < at:
            pairs.append((None, right[waiting]))
            waiting = next(alone, None)
        pairs.append((node, None if at is None else right[at]))
    while waiting is not None:
        pairs.append((None, right[waiting]))
        waiting = next(alone, None)
    return pairs


def _keys(nodes: list[_Node]) -> list[tuple[str, str, int]]:
    """Return each node's name, type, and which of that name and type it is."""
    seen: Counter[tuple[str, str]] = Counter()
    keys: list[tuple[str, str, int]] = []
    for node in nodes:
        kind = node.row.name, node.row.run_type
        keys.append((*kind, seen[kind]))
        seen[kind] += 1
    return keys


def _pair(a: Row | None, b: Row | None, depth: int, differing: Differing) -> RunPair:
    if a is None or b is None:
        return RunPair(a, b, depth, None, None, None, False, None, None)
    inputs, outputs = differing.get((*_key(a), *_key(b)), (False, False))
    latency = None if None in (a.latency, b.latency) else round(b.latency - a.latency, 6)
    tokens = None if None in (a.total_tokens, b.total_tokens) else b.total_tokens - a.total_tokens
    cost = None if None in (a.total_cost, b.total_cost) else _less(b.total_cost, a.total_cost)
    return RunPair(a, b, depth, latency, tokens, cost, a.status != b.status, inputs, outputs)


def _less(cost: str, other: str) -> str:
    return f"{(Decimal(cost) - Decimal(other)).normalize():f}"


def _key(row: Row) -> tuple[Any, Any]:
    return row.stored("trace_id"), row.stored("id")


async def _differing(
    reading: Reading, aligned: list[tuple[Row | None, Row | None, int]]
) -> Differing:
    """Return what differs of the payloads of pairs; they are compared where they are stored."""
    keys = [(*_key(a), *_key(b)) for a, b, _ in aligned if a is not None and b is not None]
    statement = _differing_of_many(reading.dialect)
    values = {"keys": PACK[reading.dialect](keys)}
    found = await reading.rows(statement.sql, statement.placed(values))
    return {row[:4]: (bool(row[4]), bool(row[5])) for row in found}


@lru_cache
def _differing_of_many(dialect: str) -> Statement:
    keys = key_rows("keys", ("a_trace", "a_id", "b_trace", "b_id"))
    a, b = RUN_PAYLOAD.alias("a"), RUN_PAYLOAD.alias("b")
    inputs, outputs = (_told(a.c[name]) != _told(b.c[name]) for name in ("inputs", "outputs"))
    source = keys.outerjoin(a, and_(a.c.trace_id == keys.c.a_trace, a.c.id == keys.c.a_id))
    source = source.outerjoin(b, and_(b.c.trace_id == keys.c.b_trace, b.c.id == keys.c.b_id))
    query = select(*keys.c, inputs, outputs).select_from(source).where(or_(inputs, outputs))
    return compiled_of(dialect, query)


def _told(payload: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a payload's text, the same for all that say nothing."""
    for nothing in ("'{}'", "'null'"):
        payload = func.nullif(payload, literal_column(nothing))
    return func.coalesce(payload, literal_column("''"))
