"""One run as told by many arrivals: of each field, the value of the greatest rank.

Ranks are total, so any order and any repetition of the same arrivals end in the same account.
The rank of a value is: not empty; its weight; its length; the value itself. The weight of what a
run carries is (a patch beats a post, the end_time told along with it); that of its project says
how it was named, that of its place whether it was told or worked out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from db.arrivals import RunArrival

Weight = tuple[int, int]

NEVER = -(1 << 63)
"""The end_time, in microseconds, of an arrival that tells none."""

SENT = (
    *("name", "run_type", "start_time", "end_time", "error", "reference_example_id", "tags"),
    *("inputs", "outputs", "extra", "events", "serialized", "usage"),
    *("app_path", "manifest_id", "in_dataset"),
)
"""Fields of an arrival that are kept by rank."""

FIELDS = (*SENT, "dotted_order", "session_id")
"""Everything kept by rank, in the order of the bits in stored ranks: append only."""

_sent_in = attrgetter(*SENT)

_NEVER_EMPTY = frozenset(("name", "run_type"))
"""Fields whose column holds something else when they are not told."""

_SHORT = 16
"""Characters in which an empty value may be spaced out."""

_EMPTY = frozenset(("", "null", "{}", "[]", '""', ()))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime | None) -> int:
    """Return a moment as microseconds since 1970, `NEVER` for None."""
    if at is None:
        return NEVER
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class Account:
    """What is known of one run; `stored` is its row before this fold, None for a new run."""

    __slots__ = ("before", "changed", "id", "moved", "stored", "trace_id", "values", "weights")

    def __init__(self, trace_id: UUID, id: UUID) -> None:
        self.trace_id = trace_id
        self.id = id
        self.stored: Mapping[str, Any] | None = None
        self.values: dict[str, Any] = {}
        self.weights: dict[str, Weight] = {}
        self.before: Mapping[str, Any] = {}
        self.changed: set[str] = set()
        self.moved = False

    def tell(self, arrival: RunArrival) -> None:
        """Take in what an arrival carries."""
        if arrival.ranks is not None:
            self._tell_again(arrival, unpacked(arrival.ranks))
            return
        weight = _weight(arrival)
        told = {
            name: sent
            for name, sent in zip(SENT, _sent_in(arrival), strict=True)
            if sent is not None and (name not in _NEVER_EMPTY or sent != "")
        }
        if "tags" in told:
            told["tags"] = orjson.dumps(told["tags"]).decode()
        if self.values.keys().isdisjoint(told):
            self.values.update(told)
            self.weights.update(dict.fromkeys(told, weight))
            self.changed.update(told)
        else:
            for name, value in told.items():
                self.offer(name, value, weight)

    def _tell_again(self, arrival: RunArrival, ranks: Mapping[str, Weight]) -> None:
        """Take in what was stored before, with the ranks it had."""
        for name in SENT:
            value = getattr(arrival, name)
            if value is not None and name in ranks:
                told = orjson.dumps(value).decode() if name == "tags" else value
                self.offer(name, told, ranks[name])

    def tell_start(self, start: datetime | None, arrival: RunArrival) -> None:
        """Take in the start that an arrival's place tells."""
        if start is not None:
            self.offer("start_time", start, _weight(arrival))

    def offer(self, name: str, value: Any, weight: Weight) -> None:
        """Take a value if it ranks above the one that is held."""
        if name in self.values:
            held = self.values[name]
            if _rank(value, weight) <= _rank(held, self.weights[name]):
                return
            if name == "dotted_order" and held != value:
                self.moved = True
        self.values[name] = value
        self.weights[name] = weight
        self.changed.add(name)


def recalled(row: Mapping[str, Any]) -> Account:
    """Return the account of a stored run, from the columns of its run and payload rows."""
    account = Account(row["trace_id"], row["id"])
    account.stored = row
    account.weights = unpacked(row["ranks"])
    account.values = {name: row[name] for name in account.weights}
    account.before = dict(account.values)
    return account


def rank_of(arrival: RunArrival, name: str, otherwise: Weight) -> Weight:
    """Return the rank that a field had where its run was stored before, else another."""
    if arrival.ranks is None:
        return otherwise
    return unpacked(arrival.ranks).get(name, otherwise)


def packed(weights: Mapping[str, Weight]) -> str:
    """Return weights as compact text: `level[:end]=bits of fields`, joined by spaces."""
    groups: dict[Weight, int] = {}
    bits, same = 0, None
    for name, weight in weights.items():
        if weight is not same:  # most of what a run carries was told at once
            if same is not None:
                groups[same] = groups.get(same, 0) | bits
            bits, same = 0, weight
        bits |= _BITS[name]
    if same is not None:
        groups[same] = groups.get(same, 0) | bits
    return " ".join(
        f"{level}={bits:x}" if end == NEVER else f"{level}:{end}={bits:x}"
        for (level, end), bits in sorted(groups.items())
    )


def unpacked(ranks: str) -> dict[str, Weight]:
    """Return the weights that `packed` wrote."""
    weights: dict[str, Weight] = {}
    for group in ranks.split():
        weight, _, bits = group.partition("=")
        level, _, end = weight.partition(":")
        told = (int(level), int(end) if end else NEVER)
        mask = int(bits, 16)
        weights.update((name, told) for name, bit in _BITS.items() if mask & bit)
    return weights


def is_empty(value: Any) -> bool:
    """Tell whether a value says nothing: null, {}, [] or "", spaces aside."""
    if value in _EMPTY:
        return True
    return isinstance(value, str) and len(value) < _SHORT and "".join(value.split()) in _EMPTY


def _weight(arrival: RunArrival) -> Weight:
    return (0 if arrival.post else 1, microseconds(arrival.end_time))


def _rank(value: Any, weight: Weight) -> tuple[Any, ...]:
    size = len(value) if isinstance(value, str) else 0
    return (not is_empty(value), weight, size, value)


_BITS = {name: 1 << place for place, name in enumerate(FIELDS)}
