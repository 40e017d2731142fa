"""Orders: what rows are sorted by. Every order is total, for it ends in the id."""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from db.entity import Column, Score
from db.errors import InvalidError

MOST_KEYS = 8
"""How many keys an order may have before its id."""


class Term(NamedTuple):
    """A column to sort by; `nulls_first` is None where it never is NULL."""

    column: Column
    descending: bool
    nulls_first: bool | None = None


Order: TypeAlias = tuple[tuple[str, bool] | Term, ...]
"""Columns, each with whether it descends; always ends in the id, so that it is total."""

NEWEST_FIRST: Order = (Term("start_time", True), Term("id", True))


def terms(order: Order) -> list[Term]:
    """Return the terms of an order."""
    return [each if isinstance(each, Term) else Term(each[0], each[1]) for each in order]


def columns_of(order: Order) -> tuple[Column, ...]:
    """Return the columns of an order."""
    return tuple(each[0] for each in order)


def reversed_order(order: Order) -> Order:
    """Return the order that goes the other way."""
    return tuple(
        Term(column, not descending, None if nulls_first is None else not nulls_first)
        for column, descending, nulls_first in terms(order)
    )


class RunOrderField(Enum):
    """What runs can be sorted by; the value is the column."""

    START_TIME = "start_time"
    END_TIME = "end_time"
    LATENCY = "latency"
    TIME_TO_FIRST_TOKEN = "time_to_first_token"  # noqa: S105 - a column
    TOTAL_TOKENS = "total_total_tokens"
    TOTAL_COST = "total_total_cost"
    NAME = "name"
    FEEDBACK_SCORE = "feedback_score"


class Direction(Enum):
    """Which way."""

    ASC = "asc"
    DESC = "desc"


class NullsOrder(Enum):
    """Where missing values stand."""

    FIRST = "first"
    LAST = "last"


_NEVER_NULL = frozenset({RunOrderField.START_TIME, RunOrderField.NAME})


class Key(NamedTuple):
    """One key of an order of runs, as it is asked for."""

    field: RunOrderField
    direction: Direction
    nulls: NullsOrder
    feedback_key: str | None


def order_of(keys: Sequence[Key]) -> Order:
    """Return the order by keys, one at least, then by id in the direction of the last.

    Raises InvalidError for too many keys, and for a feedback key that is missing or out of place.
    """
    if len(keys) > MOST_KEYS:
        msg = f"orderBy has {len(keys)} keys; at most {MOST_KEYS}"
        raise InvalidError(msg)
    found = list(_distinct(map(_term, keys)))
    return (*found, Term("id", found[-1].descending))


def _term(key: Key) -> Term:
    column: Column = key.field.value
    if key.field is RunOrderField.FEEDBACK_SCORE:
        if key.feedback_key is None:
            msg = "orderBy by FEEDBACK_SCORE has no feedbackKey; the key of the feedback is wanted"
            raise InvalidError(msg)
        column = Score(key.feedback_key)
    elif key.feedback_key is not None:
        msg = f"orderBy by {key.field.name} has a feedbackKey; only FEEDBACK_SCORE takes one"
        raise InvalidError(msg)
    nulls_first = None if key.field in _NEVER_NULL else key.nulls is NullsOrder.FIRST
    return Term(column, key.direction is Direction.DESC, nulls_first)


def _distinct(found: Iterable[Term]) -> Iterable[Term]:
    """Yield each term whose column was not there before: it could not tell rows apart."""
    seen: set[Column] = set()
    for term in found:
        if term.column not in seen:
            seen.add(term.column)
            yield term
