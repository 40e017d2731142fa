"""Where in its trace a post puts its run."""

from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

from db.arrivals import RunArrival
from db.derive import LONGEST_INDEXED, LONGEST_NAME
from db.dotted import check_place, segment, under
from db.merge import NEVER, Weight, rank_of

TOLD: Weight = (1, NEVER)
WORKED_OUT: Weight = (0, NEVER)
"""How a place is known. A told one outranks any that was worked out."""

_LONGEST = {"run_type": LONGEST_INDEXED, "session_name": LONGEST_NAME}


@dataclass(frozen=True, slots=True)
class Place:
    """A dotted order, and how it is known."""

    dotted_order: str
    weight: Weight


def fault_of(arrival: RunArrival) -> str | None:
    """Return what keeps an arrival from ever being stored; None if nothing does."""
    for name, most in _LONGEST.items():
        text = getattr(arrival, name)
        if text is not None and len(text) > most:
            return f"{name} is {len(text)} characters long; at most {most}"
    for name in ("start_time", "end_time"):
        at = getattr(arrival, name)
        if at is not None and at.tzinfo is not UTC:
            try:
                at.astimezone(UTC)
            except OverflowError:
                return f"{name} is {at}, which is out of range in UTC"
    return check_place(arrival) if arrival.post and arrival.dotted_order is None else None


def told_place(arrival: RunArrival) -> Place | None:
    """Return the place that a post tells, or that a root without one takes; None for children."""
    if arrival.dotted_order is not None:
        return Place(arrival.dotted_order, rank_of(arrival, "dotted_order", TOLD))
    if arrival.parent_run_id is None and arrival.start_time is not None:
        return Place(segment(arrival.start_time, arrival.id), WORKED_OUT)
    return None


def place_under(parent: str, arrival: RunArrival) -> Place | None:
    """Return the place of a child that tells none; None if it would stand below itself."""
    if arrival.start_time is None or str(arrival.id) in parent:
        return None
    return Place(under(parent, arrival.start_time, arrival.id), WORKED_OUT)


def awaited_parent(arrival: RunArrival) -> UUID | None:
    """Return the parent without which a post has no place."""
    return arrival.parent_run_id if arrival.post and arrival.dotted_order is None else None
