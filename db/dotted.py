"""Dotted orders: where a run stands in its trace, and how that sorts.

A dotted order is one segment for each run from the root down to the run itself, joined by dots.
A segment is the run's start as `%Y%m%dT%H%M%S%fZ` with six digits of a second, then its id; so
every segment is equally long, and the text sorts parents before children, siblings by start.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from db.arrivals import RunArrival

_ID = 36
"""Characters of an id."""

_REMEMBERED = 4096
"""Ids: the runs of a batch name each other, and their trace, again and again."""

_STEP = 22 + _ID + 1
"""Characters of a segment and its dot."""

_SEGMENT = r"\d{8}T\d{12}Z[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DOTTED = re.compile(rf"{_SEGMENT}(?:\.{_SEGMENT})*")


def segment(start: datetime, id: UUID) -> str:
    """Return a run's own segment; `start` has a zone."""
    at = start.astimezone(UTC)
    return f"{at.year:04d}{at:%m%dT%H%M%S%f}Z{id}"


def under(parent: str, start: datetime, id: UUID) -> str:
    """Return the dotted order of a child, from its parent's."""
    return f"{parent}.{segment(start, id)}"


def is_dotted(dotted: str) -> bool:
    """Tell whether a text has the form of a dotted order (ids in lower case)."""
    return _DOTTED.fullmatch(dotted) is not None


def parent_of(dotted: str) -> str | None:
    """Return the dotted order of the parent that this one names; None for a root."""
    return dotted[:-_STEP] or None


def id_of(dotted: str) -> UUID:
    """Return the id in the last segment."""
    return id_in(dotted[-_ID:])


def trace_of(dotted: str) -> UUID:
    """Return the id in the first segment."""
    return id_in(dotted[_STEP - 1 - _ID : _STEP - 1])


def parent_id_of(dotted: str) -> UUID | None:
    """Return the id in the last segment but one; None for a root."""
    return id_in(dotted[-_STEP - _ID : -_STEP]) if len(dotted) > _STEP else None


@lru_cache(maxsize=_REMEMBERED)
def id_in(text: str) -> UUID:
    """Return the id that a text is."""
    return UUID(text)


def depth_of(dotted: str) -> int:
    """Return how many parents a dotted order names: 0 for a root."""
    return len(dotted) // _STEP


def start_of(dotted: str) -> datetime | None:
    """Return the start in the last segment; None if there is no such moment."""
    text = dotted[1 - _STEP : -_ID - 1]
    try:
        at = datetime.fromisoformat(f"{text[:15]}.{text[15:]}")
    except ValueError:
        return None
    return at.replace(tzinfo=UTC)


def check_place(arrival: RunArrival) -> str | None:
    """Return what is wrong with the place in a trace that an arrival names; None if nothing."""
    dotted = arrival.dotted_order
    if dotted is None:
        return _check_bare(arrival) if arrival.post else None
    if not is_dotted(dotted):
        return (
            f"dotted_order is {_shown(dotted)}; "
            "it must be segments of YYYYmmddTHHMMSSffffffZ and an id, joined by dots"
        )
    if start_of(dotted) is None:
        return f"dotted_order ends in {dotted[1 - _STEP :]}, which names no moment"
    return _check_ids(arrival, dotted)


def _check_ids(arrival: RunArrival, dotted: str) -> str | None:
    last, first, parent = id_of(dotted), trace_of(dotted), parent_id_of(dotted)
    if last != arrival.id:
        return f"dotted_order ends in {last}, which is not the run's id {arrival.id}"
    if arrival.trace_id not in (None, first):
        return f"dotted_order begins with {first}, not the trace_id {arrival.trace_id}"
    if arrival.parent_run_id not in (None, parent):
        return (
            f"dotted_order names {parent or 'no run'} as the parent, "
            f"but parent_run_id is {arrival.parent_run_id}"
        )
    if parent == arrival.id:
        return f"dotted_order names {parent}, the run itself, as the parent"
    return None


def _check_bare(arrival: RunArrival) -> str | None:
    if arrival.start_time is None:
        return f"run {arrival.id} has neither a start_time nor a dotted_order; one is needed"
    if arrival.parent_run_id == arrival.id:
        return f"parent_run_id is {arrival.id}, the run itself"
    if arrival.parent_run_id is None and arrival.trace_id not in (None, arrival.id):
        return (
            f"trace_id is {arrival.trace_id}, but run {arrival.id} has neither a parent_run_id "
            "nor a dotted_order to stand in it"
        )
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 2 * _STEP else f"{text[: 2 * _STEP]}...")
