"""Spans of time as a calendar has them: minutes to months, in any time zone, right across DST.

Minutes and hours go on without a gap or a repetition when clocks change; days, weeks (from Monday)
and months begin at local midnight, or where the day begins when there is no midnight.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db.errors import InvalidError

MOST_BUCKETS = 10_000
"""How many groups, empty ones included, one question answers."""

Span = tuple[datetime, datetime]


class TimeInterval(Enum):
    """How long a bucket is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_STEPS = {
    TimeInterval.MINUTE: timedelta(minutes=1),
    TimeInterval.HOUR: timedelta(hours=1),
}
_LEAST = {
    **_STEPS,
    TimeInterval.DAY: timedelta(days=1),
    TimeInterval.WEEK: timedelta(days=7),
    TimeInterval.MONTH: timedelta(days=31),
}


def zone(name: str) -> ZoneInfo:
    """Return a time zone. Raises InvalidError for a name the IANA database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"timeZone is {name[:80]!r}; a name of the IANA database is wanted, as Europe/Paris"
        raise InvalidError(msg) from None


def buckets(first: datetime, last: datetime, interval: TimeInterval, place: ZoneInfo) -> list[Span]:
    """Return the buckets from that of one moment to that of another, without gaps, in UTC.

    Raises InvalidError where there would be more than `MOST_BUCKETS`.
    """
    wanted = (last - first) / _LEAST[interval]
    if wanted > MOST_BUCKETS:
        raise too_many(int(wanted), interval)
    try:
        edges = sorted(
            {*_edges(first, last, interval, place)}
        )  # a day that never was has no length
    except OverflowError:
        msg = f"buckets of {first} to {last} leave the calendar; narrow `where` by startTime"
        raise InvalidError(msg) from None
    if len(edges) > MOST_BUCKETS + 1:
        raise too_many(len(edges) - 1, interval)
    return list(pairwise(edges))


def too_many(count: int, interval: TimeInterval | None) -> InvalidError:
    """Return the error of a question with too many groups."""
    how = f" by {interval.value}" if interval else ""
    return InvalidError(
        f"grouped{how} there are at least {count} groups, empty ones included; at most"
        f" {MOST_BUCKETS}: ask for a longer interval or narrow `where`, by startTime for one"
    )


def _edges(
    first: datetime, last: datetime, interval: TimeInterval, place: ZoneInfo
) -> Iterator[datetime]:
    """Yield where the buckets begin, and where the last one ends."""
    step = _STEPS.get(interval)
    if step is not None:
        yield from _even(first, last, step, place)
        return
    day = _first_day(first.astimezone(place), interval)
    while True:
        edge = _midnight(day, place)
        yield edge
        if edge > last:
            return
        day = _next_day(day, interval)


def _even(first: datetime, last: datetime, step: timedelta, place: ZoneInfo) -> Iterator[datetime]:
    """Yield even steps, aligned to the local clock that holds at each of them."""
    edge = _floored(first, step, place)
    while edge <= last:
        yield edge
        following = _floored(edge + step, step, place)
        edge = following if following > edge else edge + step
    yield edge


def _floored(at: datetime, step: timedelta, place: ZoneInfo) -> datetime:
    """Return the last even step of the local clock."""
    offset = at.astimezone(place).utcoffset() or timedelta()
    return at - (at.replace(tzinfo=None) + offset - _EVEN) % step


_EVEN = datetime(1, 1, 1)  # noqa: DTZ001 - a local clock


def _first_day(at: datetime, interval: TimeInterval) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    if interval is TimeInterval.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval is TimeInterval.MONTH else day


def _next_day(day: datetime, interval: TimeInterval) -> datetime:
    if interval is TimeInterval.WEEK:
        return day + timedelta(days=7)
    if interval is TimeInterval.DAY:
        return day + timedelta(days=1)
    return (day + timedelta(days=31)).replace(day=1)


def _midnight(day: datetime, place: ZoneInfo) -> datetime:
    """Return the moment a local day begins; a midnight that is skipped is when clocks change."""
    return day.replace(tzinfo=place).astimezone(UTC)
