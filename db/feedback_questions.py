"""The questions about feedback, and what is summed up of it."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from db import filters
from db.derivations import decode, encode
from db.filters import EVERYTHING
from db.pages import page
from db.questions import FEEDBACK_OF_RUN, Page, Rows, Then
from db.rows import Row


class ValueCount(NamedTuple):
    """How often a value was given."""

    value: str
    n: int


class FeedbackStats(NamedTuple):
    """One key's judgements: how many, their scores, their values."""

    key: str
    n: int
    avg: float | None
    min: float | None
    max: float | None
    stdev: float | None
    values: list[ValueCount] | None


def of_run(run: Row, keys: list[str] | None, first: int | None, after: str | None) -> Page:
    """Ask for a run's feedback, oldest first."""
    where = EVERYTHING if keys is None else filters.test("key", "in", keys)
    return page(FEEDBACK_OF_RUN, parent=run, where=where, first=first, after=after)


def stats_of(run: Row) -> Then:
    """Ask for a run's feedback, summed up by key; None when there is none."""
    return Then(Rows(FEEDBACK_OF_RUN, run), summed_up, ("key", "score", "value"))


def summed_up(rows: list[Row]) -> list[FeedbackStats] | None:
    """Return the statistics of each key, by name; `stdev` is that of the population."""
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    return [_stats(key, by_key[key]) for key in sorted(by_key)] or None


def _stats(key: str, rows: list[Row]) -> FeedbackStats:
    scores = [score for row in rows if (score := row.score) is not None]
    mean = math.fsum(scores) / len(scores) if scores else None
    spread = mean is not None and math.fsum((score - mean) ** 2 for score in scores) / len(scores)
    values = Counter(text for row in rows if (text := _value_text(row.ready("value"))) is not None)
    return FeedbackStats(
        key=key,
        n=len(rows),
        avg=mean,
        min=min(scores, default=None),
        max=max(scores, default=None),
        stdev=math.sqrt(spread) if scores else None,
        values=[ValueCount(value, n) for value, n in sorted(values.items())] or None,
    )


def summed_up_values(rows: Iterable[tuple[Any, ...]]) -> list[FeedbackStats] | None:
    """Return the statistics of each key, by name, of rows that were summed up by key and value.

    A row is a key, a value's JSON text, how many; of the scores the count, the sum, the sum of
    their squares, the least and the greatest.
    """
    by_key: dict[str, list[tuple[Any, ...]]] = {}
    for key, *row in rows:
        by_key.setdefault(key, []).append(tuple(row))
    return [_stats_of_sums(key, by_key[key]) for key in sorted(by_key)] or None


def _stats_of_sums(key: str, rows: list[tuple[Any, ...]]) -> FeedbackStats:
    values: Counter[str] = Counter()
    for value, n, *_ in rows:
        text = None if value is None else _value_text(value.encode())
        if text is not None:
            values[text] += n
    scored = [row[2:] for row in rows if row[2]]
    count = sum(n for n, *_ in scored)
    mean = math.fsum(row[1] for row in scored) / count if count else None
    squares = math.fsum(row[2] for row in scored)
    spread = 0.0 if mean is None else max(squares / count - mean * mean, 0.0)
    return FeedbackStats(
        key=key,
        n=sum(row[1] for row in rows),
        avg=mean,
        min=min((row[3] for row in scored), default=None),
        max=max((row[4] for row in scored), default=None),
        stdev=math.sqrt(spread) if scored else None,
        values=[ValueCount(value, n) for value, n in sorted(values.items())] or None,
    )


def _value_text(stored: bytes | None) -> str | None:
    """Return a value as text: a string as it is, anything else as JSON."""
    if stored is None or stored == b"null":
        return None
    value = decode(stored)
    return value if isinstance(value, str) else encode(value).decode()
