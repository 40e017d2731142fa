"""The fields of LangSmith's filter language that stand alone, and what they mean."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from db import composed, filters
from db.errors import InvalidError
from db.filters import All, Not, Where
from db.language_values import TAKES, Asked, items_in, known, status_in, text_in, unfit
from db.values import Kind

SEARCHED = ("name", "error", "run_type", "model", "thread_id")
"""The fields that `search` takes."""

OPERATORS = {"notlike": "not_like"}
BOTH = ("eq", "neq")
_LISTED = (*BOTH, "in", "exists")
_ORDERED = (*_LISTED, "gt", "gte", "lt", "lte")
_COMPARATORS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ID: _LISTED,
    Kind.TEXT: (*_ORDERED, "like", "notlike"),
    Kind.TIME: _ORDERED,
    Kind.INT: _ORDERED,
    Kind.FLOAT: _ORDERED,
    Kind.MONEY: _ORDERED,
}


def column(clause: str, asked: Asked, take: Callable[[Any], Any] | None = None) -> Where:
    """Return the test of a column; null asks whether it is there."""
    kind = filters.CLAUSES[clause].kind
    known(asked, _COMPARATORS[kind])
    value, comparator = asked.literal.value, asked.comparator
    if comparator == "exists":
        return filters.test(clause, "is_null", value is False)
    if value is None and comparator in BOTH:
        return filters.test(clause, "is_null", comparator == "eq")
    take = take or TAKES[kind]
    if comparator == "in":
        return filters.test(clause, "in", [take(each) for each in items_in(value)])
    return filters.test(clause, OPERATORS.get(comparator, comparator), take(value))


def _error(asked: Asked) -> Where:
    """Return the test of the error; true and false ask whether there is one."""
    value = asked.literal.value
    if isinstance(value, bool) and asked.comparator in BOTH:
        return filters.test("error", "is_null", value != (asked.comparator == "eq"))
    return column("error", asked)


def _state(asked: Asked) -> Where:
    known(asked, ("eq", "neq", "in"))
    return column("status", asked, status_in)


def _root(asked: Asked) -> Where:
    known(asked, BOTH)
    value = asked.literal.value
    if not isinstance(value, bool):
        raise unfit(value, "true or false")
    return filters.test("is_root", "eq", value == (asked.comparator == "eq"))


def _execution_order(asked: Asked) -> Where:
    """Return the test that a run is the first of its trace; no other place is known."""
    known(asked, BOTH)
    if asked.literal.value != 1:
        raise unfit(asked.literal.value, "1")
    return filters.test("is_root", "eq", asked.comparator == "eq")


def searched_in(field: str, text: str) -> Where:
    """Return the test that a field of text has a text in it, whatever the case of A to Z."""
    if field not in SEARCHED:
        msg = f"search does not take {field}; it takes {', '.join(SEARCHED)}, or no field at all"
        raise InvalidError(msg)
    return filters.test(field, "i_contains", text)


def _tags(asked: Asked) -> Where:
    known(asked, ("has", "in", "exists"))
    value = asked.literal.value
    match asked.comparator:
        case "has":
            return composed.tags("has_all", [text_in(value)])
        case "in":
            return composed.tags("has_any", [text_in(each) for each in items_in(value)])
        case _:
            some = composed.found("tags", (), {"neq": ""}, flat=True)
            return Not(some) if value is False else some


def _metadata(asked: Asked) -> Where:
    """Return the test that the metadata has the members of an object, as JSON text, or a key."""
    known(asked, ("has", "exists"))
    if asked.comparator == "exists":
        return composed.found(
            "metadata", (text_in(asked.literal.value),), {"exists": True}, flat=False
        )
    given = composed.object_of(text_in(asked.literal.value))
    if given is None:
        raise unfit(asked.literal.value, "a JSON object in quotes")
    return All(
        tuple(composed.found("metadata", (key,), {"eq": each}, flat=False) for key, each in given)
    )


FIELDS: Mapping[str, Callable[[Asked], Where]] = {
    **{
        name: partial(column, name)
        for name in (
            *("id", "name", "run_type", "start_time", "end_time", "latency"),
            *("trace_id", "parent_run_id", "thread_id", "session_id", "reference_example_id"),
            *("first_token_time", "time_to_first_token", "model"),
            *("prompt_tokens", "completion_tokens", "total_tokens"),
            *("prompt_cost", "completion_cost", "total_cost"),
        )
    },
    "status": _state,
    "error": _error,
    "is_root": _root,
    "execution_order": _execution_order,
    "tags": _tags,
    "metadata": _metadata,
}
