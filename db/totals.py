"""Usage summed up the tree: what a run and all its descendants used, kept by adding differences.

`settle` costs O(runs of the fold x depth), whatever the size of their traces. Each run's
difference goes to every ancestor; a parent that comes late takes what stands below it. What no
addition can express, a measure that is gone or a given usage that no longer counts, names the
trace for `db.recount`.

Who is below whom is read from the dotted orders alone, so runs without their parents still count
for the ancestors that are there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select

from db.dialects import key_rows, label_rows
from db.dotted import id_of, parent_of, trace_of
from db.measures import MEASURES, Usage, add, difference, held_in, is_full, lost
from db.tables import RUN
from db.tree_order import beyond_place

LLM = "llm"
"""The run type whose own usage counts."""

_TOTALS = (*(f"total_{name}" for name in MEASURES), "total_details")
_OWN = (*(f"own_{name}" for name in MEASURES), "own_details")

_below = label_rows("above")
_STORED_BELOW = (
    select(*[RUN.c[name] for name in ("dotted_order", "run_type", *_OWN)])
    .select_from(
        _below.join(
            RUN,
            and_(
                RUN.c.trace_id == _below.c.id,
                beyond_place(RUN.c.dotted_order, _below.c.label + ".", after=True),
                beyond_place(RUN.c.dotted_order, _below.c.label + "/", after=False),
            ),
        )
    )
    .where(
        or_(
            RUN.c.run_type == LLM,
            RUN.c.own_total_tokens.is_not(None),
            RUN.c.own_total_cost.is_not(None),
        )
    )
)
_wanted = key_rows("keys", ("trace_id", "id"))
_ANCESTOR = (
    *("trace_id", "id", "session_id", "dotted_order", "run_type", "llm_descendants"),
    *("own_total_tokens", "own_total_cost"),
    *_TOTALS,
)
_ANCESTORS = select(*[RUN.c[name] for name in _ANCESTOR]).select_from(
    _wanted.join(RUN, and_(RUN.c.trace_id == _wanted.c.trace_id, RUN.c.id == _wanted.c.id))
)


@dataclass(slots=True)
class Tally:
    """A run's usage: what goes in, and, once settled, what its columns hold.

    `usage` is a language model's own, or what was given with any other run; `row` is the run as
    it is stored, None for a new one.
    """

    trace_id: UUID
    id: UUID
    dotted_order: str
    is_llm: bool
    usage: Usage
    row: Mapping[Any, Any] | None
    own: Usage = field(default_factory=dict[Any, Any])
    total: Usage = field(default_factory=dict[Any, Any])
    llm_descendants: int = 0


@dataclass(slots=True)
class Settlement:
    """What else follows: new totals of other stored runs, and traces to count anew."""

    ancestors: list[Tally] = field(default_factory=list[Tally])
    recount: set[UUID] = field(default_factory=set[UUID])


class _Node:
    """A place in the tree: `below` is to be added to it and above, `found` stood there before."""

    __slots__ = ("below", "dotted", "found", "found_llm", "llm", "parent", "tally")

    def __init__(self, dotted: str) -> None:
        self.dotted = dotted
        self.parent: _Node | None = None
        self.tally: Tally | None = None
        self.below: Usage = {}
        self.llm = 0
        self.found: Usage = {}
        self.found_llm = 0


def settle(connection: Connection, tallies: Sequence[Tally]) -> Settlement:
    """Work out own usage and totals of runs; before any of them is written."""
    nodes: dict[str, _Node] = {}
    for tally in tallies:
        _place(nodes, tally.dotted_order).tally = tally
    _find_below(connection, nodes)
    settlement = Settlement()
    for node in sorted(nodes.values(), key=lambda each: len(each.dotted), reverse=True):
        if node.tally is not None:
            _count(node, node.tally, settlement)
        _raise(node)
    _count_ancestors(connection, nodes, settlement)
    return settlement


def _place(nodes: dict[str, _Node], dotted: str) -> _Node:
    """Return the node of a dotted order, made together with all above it."""
    above: str | None = dotted
    child: _Node | None = None
    while above is not None and above not in nodes:
        node = nodes[above] = _Node(above)
        if child is not None:
            child.parent = node
        child, above = node, parent_of(above)
    if child is not None and above is not None:
        child.parent = nodes[above]
    return nodes[dotted]


def _find_below(connection: Connection, nodes: dict[str, _Node]) -> None:
    """Let new runs find what stands below them already; each stored run is read once."""
    outermost: list[tuple[UUID, str]] = []
    covered: set[str] = set()
    for node in sorted(nodes.values(), key=lambda each: len(each.dotted)):
        if node.parent is not None and node.parent.dotted in covered:
            covered.add(node.dotted)
        elif node.tally is not None and node.tally.row is None:
            covered.add(node.dotted)
            outermost.append((node.tally.trace_id, node.dotted))
    if not outermost:
        return
    given = {"above": outermost, "above_labels": outermost}
    for row in connection.execute(_STORED_BELOW, given).mappings():
        node = _place(nodes, row["dotted_order"])
        add(node.found, held_in(row, "own"))
        node.found_llm += row["run_type"] == LLM


def _count(node: _Node, tally: Tally, settlement: Settlement) -> None:
    row = tally.row
    old: Usage = {}
    if row is None:
        tally.total = dict(node.found)
        tally.llm_descendants = node.found_llm + node.llm
        was_llm = False
    else:
        old = held_in(row, "own")
        tally.total = held_in(row, "total")
        tally.llm_descendants = row["llm_descendants"] + node.llm
        was_llm = row["run_type"] == LLM
    tally.own = tally.usage if tally.is_llm or not tally.llm_descendants else {}
    if lost(tally.own, old) or (was_llm and not tally.is_llm):
        settlement.recount.add(tally.trace_id)
    if row is None or tally.own or node.below:
        add(node.below, difference(tally.own, old))
    if node.below and is_full(tally.total):
        settlement.recount.add(tally.trace_id)
    add(tally.total, node.below)
    node.llm += tally.is_llm - was_llm


def _raise(node: _Node) -> None:
    parent = node.parent
    if parent is None:
        return
    if node.below:
        add(parent.below, node.below)
    if node.found:
        add(parent.found, node.found)
    parent.llm += node.llm
    parent.found_llm += node.found_llm


def _count_ancestors(
    connection: Connection, nodes: Mapping[str, _Node], settlement: Settlement
) -> None:
    """Add to stored ancestors that this fold brought nothing of their own for."""
    touched = [node for node in nodes.values() if node.tally is None and (node.below or node.llm)]
    if not touched:
        return
    keys = [(trace_of(node.dotted), id_of(node.dotted)) for node in touched]
    for row in connection.execute(_ANCESTORS, {"keys": keys}).mappings():
        node = nodes.get(row["dotted_order"])
        if node is not None and node.tally is None:
            settlement.ancestors.append(_ancestor(row, node, settlement))


def _ancestor(row: Mapping[Any, Any], node: _Node, settlement: Settlement) -> Tally:
    tally = Tally(row["trace_id"], row["id"], row["dotted_order"], row["run_type"] == LLM, {}, row)
    tally.total = held_in(row, "total")
    tally.llm_descendants = row["llm_descendants"] + node.llm
    has_own = row["own_total_tokens"] is not None or row["own_total_cost"] is not None
    switched = bool(row["llm_descendants"]) != bool(tally.llm_descendants)
    if not tally.is_llm and switched and (has_own or not tally.llm_descendants):
        settlement.recount.add(tally.trace_id)
    if node.below and is_full(tally.total):
        settlement.recount.add(tally.trace_id)
    add(tally.total, node.below)
    return tally
