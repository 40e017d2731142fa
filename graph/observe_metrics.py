"""Numbers of what was served, in the text format of Prometheus.

Counting is a look into a mapping and some additions, under a microsecond; the text is made when it
is asked for. Each server process counts for itself. Only so many operations have a row of their
own, for their names come from clients.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan

from graph.observe import Seen

MOST_OPERATIONS = 100
OTHER = "other"

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which durations are counted."""

_SUMS: Mapping[str, tuple[str, Callable[["_Row"], float]]] = {
    "statements_total": ("Statements that were sent for queries.", lambda row: row.statements),
    "database_seconds_total": (
        "Seconds for which queries waited for their statements.",
        lambda row: round(row.database, 6),
    ),
    "cost_total": ("What queries were estimated to cost.", lambda row: row.cost),
}
"""By name, what each row sums up beside its durations."""

Gauges = Mapping[str, tuple[str, Callable[[], float]]]
"""By name, what it says and what gives its value now."""


@dataclass(slots=True)
class _Row:
    seconds: float = 0.0
    statements: int = 0
    database: float = 0.0
    cost: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))


@dataclass(slots=True)
class Metrics:
    """What was counted since the process began."""

    gauges: Gauges = field(default_factory=dict[str, tuple[str, Callable[[], float]]])
    counters: Gauges = field(default_factory=dict[str, tuple[str, Callable[[], float]]])
    runs: int = 0
    bytes: int = 0
    _rows: dict[tuple[str, str], _Row] = field(default_factory=dict[tuple[str, str], _Row])
    _operations: set[str] = field(default_factory=set[str])

    def count(self, operation: str, status: int, seconds: float, seen: Seen) -> None:
        """Take in one request."""
        key = operation, outcome_of(status, seen)
        row = self._rows.get(key) or self._new(operation, key[1])
        row.seconds += seconds
        row.statements += seen.statements
        row.database += seen.database
        row.cost += seen.cost
        row.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.runs += seen.runs
        self.bytes += seen.bytes

    def _new(self, operation: str, outcome: str) -> _Row:
        known = operation in self._operations
        if not known and len(self._operations) >= MOST_OPERATIONS:
            operation = OTHER
        self._operations.add(operation)
        return self._rows.setdefault((operation, outcome), _Row())

    def text(self) -> str:
        """Return all numbers."""
        return "\n".join([*self._requests(), *self._totals(), ""])

    def _requests(self) -> Iterator[str]:
        name = "rungraph_request_seconds"
        yield f"# HELP {name} Requests by operation and outcome, and how long they took."
        yield f"# TYPE {name} histogram"
        rows = sorted(self._rows.items())
        for (operation, outcome), row in rows:
            labels = f'operation="{_escaped(operation)}",outcome="{outcome}"'
            count = 0
            for bound, some in zip((*BUCKETS, "+Inf"), row.buckets, strict=True):
                count += some
                yield f'{name}_bucket{{{labels},le="{bound}"}} {count}'
            yield f"{name}_sum{{{labels}}} {row.seconds:.6f}"
            yield f"{name}_count{{{labels}}} {count}"
        for name, (about, value) in _SUMS.items():
            yield f"# HELP rungraph_{name} {about}"
            yield f"# TYPE rungraph_{name} counter"
            for (operation, outcome), row in rows:
                labels = f'operation="{_escaped(operation)}",outcome="{outcome}"'
                yield f"rungraph_{name}{{{labels}}} {value(row)}"

    def _totals(self) -> Iterable[str]:
        yield from _number("rungraph_ingest_items_total", "counter", INGESTED, self.runs)
        yield from _number("rungraph_ingest_bytes_total", "counter", RECEIVED, self.bytes)
        for kind, numbers in (("counter", self.counters), ("gauge", self.gauges)):
            for name, (about, value) in numbers.items():
                yield from _number(f"rungraph_{name}", kind, about, value())


INGESTED = "Runs, feedback and files that were sent and could be read."
RECEIVED = "Bytes of the bodies that brought them, as they were sent."


def outcome_of(status: int, seen: Seen) -> str:
    """Return how a request ended: ok, errors (beside data, or of a document), refused or failed."""
    if status >= 500:  # noqa: PLR2004 - HTTP's
        return "failed"
    if status >= 400:  # noqa: PLR2004
        return "refused"
    return "errors" if seen.errors else "ok"


def _number(name: str, kind: str, about: str, value: float) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    yield f"{name} {'NaN' if isnan(value) else value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
