"""Moments are kept in UTC, whatever zone they are told in."""

from datetime import UTC, datetime


def in_utc(at: datetime) -> datetime:
    """Return a moment in UTC; one that tells no zone is meant so."""
    if at.tzinfo is UTC:
        return at
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def stored_text(at: datetime) -> str:
    """Return a moment as SQLite's columns hold it: text that sorts as time goes."""
    return in_utc(at).isoformat(" ", "microseconds")[:26]
