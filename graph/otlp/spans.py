"""What a span is, whichever way it was encoded: validated once, then frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from db.arrivals import Refusal
from graph.ingest.problems import ItemProblem

Values = Mapping[str, Any]
"""Attributes by name: text, numbers, true and false, lists and objects of them."""

DEEPEST = 100
"""Levels an attribute's value may nest; what protobuf itself reads."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class Outcome(IntEnum):
    """How a span ended, by the codes of its status."""

    UNSET = 0
    OK = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span; `time` is in nanoseconds since 1970."""

    name: str
    time: int
    attributes: Values


@dataclass(frozen=True, slots=True)
class Scope:
    """Who made a span: the process it comes from, and the library in it."""

    resource: Values
    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span. Ids are hexadecimal, in lower case; times are nanoseconds since 1970, 0 for none.

    `links` are the attributes of its links, each with its trace_id and span_id.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start: int
    end: int
    attributes: Values
    events: Sequence[Event]
    links: Sequence[Values]
    outcome: int
    message: str
    scope: Scope


@dataclass(slots=True)
class Decoded:
    """The spans of a request, and what of it are none."""

    spans: list[Span] = field(default_factory=list[Span])
    refused: list[Refusal] = field(default_factory=list[Refusal])

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.spans) + len(self.refused)

    def refuse(self, problem: ItemProblem) -> None:
        """Name a span that can not be kept."""
        self.refused.append(Refusal(problem.id, problem.code, problem.message))


def check(span: Span) -> Span:
    """Return a span whose ids and start are what they must be. Raises ItemProblem."""
    if len(span.trace_id) != len(_NO_TRACE) or span.trace_id == _NO_TRACE:
        raise _fault(span, f"traceId is {span.trace_id!r}; it must be 16 bytes, not all zero")
    if len(span.span_id) != len(_NO_SPAN) or span.span_id == _NO_SPAN:
        raise _fault(span, f"spanId is {span.span_id!r}; it must be 8 bytes, not all zero")
    if len(span.parent_id) not in {0, len(_NO_SPAN)}:
        raise _fault(span, f"parentSpanId is {span.parent_id!r}; it must be 8 bytes, or none")
    if not span.start:
        raise _fault(span, "startTimeUnixNano is missing")
    return span


def parent_of(span: Span) -> str | None:
    """Return the id of the parent span, None where there is none."""
    return span.parent_id if span.parent_id and span.parent_id != _NO_SPAN else None


def moment(nanoseconds: int) -> datetime:
    """Return a time to the nearest microsecond, which is what the store keeps.

    Some SDKs work nanoseconds out of a float, and end a little before the microsecond meant.
    """
    return _EPOCH + timedelta(microseconds=(nanoseconds + 500) // 1000)


def _fault(span: Span, how: str) -> ItemProblem:
    return ItemProblem("INVALID_SPAN", f"span {span.name[:80]!r}: {how}")
