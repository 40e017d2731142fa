"""Sums of usage: tokens as counts, costs in US dollars, and both by kind.

A usage maps each measure that somebody contributed to its sum; a measure nobody contributed is
not there, and its column is null. A measure is one of `MEASURES`, or (group, kind of token).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from db.dialects import MONEY_SCALE

Measure = str | tuple[str, str]
Usage = dict[Measure, int | Decimal]

MEASURES = (
    *("prompt_tokens", "completion_tokens", "total_tokens"),
    *("prompt_cost", "completion_cost", "total_cost"),
)
GROUPS = ("promptTokens", "completionTokens", "promptCost", "completionCost")
"""Names of the details, as they are stored and shown."""

MOST_TOKENS = 9 * 10**18
MOST_DOLLARS = Decimal(9_000_000)
"""The greatest sums a column holds; greater ones stay at that."""

_FEW = int(MOST_DOLLARS)
"""The same whole: numbers of one kind are compared faster."""

COLUMNS = {
    prefix: tuple(f"{prefix}_{name}" for name in (*MEASURES, "details"))
    for prefix in ("own", "total")
}
"""Those that hold a usage of a run itself, and that of all below it, by prefix."""
_UNIT = Decimal(1).scaleb(-MONEY_SCALE)


def rounded(cost: Decimal) -> Decimal:
    """Return a cost to the places that are kept."""
    return cost.quantize(_UNIT)


def add(into: Usage, usage: Mapping[Measure, int | Decimal]) -> None:
    """Add a usage to another, in place."""
    for measure, value in usage.items():
        into[measure] = into[measure] + value if measure in into else value  # type: ignore[operator]


def difference(new: Usage, old: Usage) -> Usage:
    """Return what to add to a sum that holds `old` so that it holds `new`.

    A measure that is only in `old` is not expressed: see `lost`.
    """
    if new == old:
        return {}
    return {
        measure: value - old.get(measure, 0)  # type: ignore[operator]
        for measure, value in new.items()
        if measure not in old or old[measure] != value
    }


def lost(new: Usage, old: Usage) -> bool:
    """Tell whether a measure was contributed and no longer is, which no addition can say."""
    return not old.keys() <= new.keys()


def is_full(usage: Usage) -> bool:
    """Tell whether a sum has reached what its column holds, so that it can only be counted anew."""
    return any(value >= _most(measure) for measure, value in usage.items())


def columns(prefix: str, usage: Usage) -> dict[str, Any]:
    """Return the columns that hold a usage: `own_...` or `total_...`."""
    return dict(zip(COLUMNS[prefix], stored(usage), strict=True))


def stored(usage: Usage) -> list[Any]:
    """Return a usage as it is stored: the values of `MEASURES`, then of the details."""
    if not usage:
        return [None] * (len(MEASURES) + 1)
    details: dict[str, dict[str, int | str]] = {}
    for measure, value in usage.items():
        if not isinstance(measure, str):
            details.setdefault(measure[0], {})[measure[1]] = _shown(_held(measure, value))
    text = orjson.dumps(details, option=orjson.OPT_SORT_KEYS).decode() if details else None
    return [*[_held(name, usage[name]) if name in usage else None for name in MEASURES], text]


def held_in(row: Mapping[Any, Any], prefix: str) -> Usage:
    """Return the usage that the columns of a row hold."""
    usage: Usage = {}
    for name in MEASURES:
        value = row[f"{prefix}_{name}"]
        if value is not None:
            usage[name] = value
    details = row[f"{prefix}_details"]
    if details is not None:
        for group, kinds in orjson.loads(details).items():
            for kind, value in kinds.items():
                usage[group, kind] = Decimal(value) if isinstance(value, str) else value
    return usage


def _most(measure: Measure) -> int | Decimal:
    name = measure if isinstance(measure, str) else measure[0]
    return MOST_DOLLARS if name.endswith(("cost", "Cost")) else MOST_TOKENS


def _held(measure: Measure, value: int | Decimal) -> int | Decimal:
    few = _FEW if isinstance(value, int) else MOST_DOLLARS
    return value if value < few else min(value, _most(measure))


def _shown(value: int | Decimal) -> int | str:
    return value if isinstance(value, int) else f"{value.normalize():f}"
