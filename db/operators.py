"""What the operators of filters mean, by the kind of what they test.

Every test is true or false, never unknown: `neq`, `not_in` and `not_like` are true of missing
values, every other test is false of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, false, not_, or_

from db.full_text import Matches
from db.spellings import AsciiLower
from db.values import Kind

Operator = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]
"""Makes a condition of a column and a parameter (a list of them for `in` and `not_in`)."""

LISTS = frozenset({"in", "not_in"})
"""The operators that take a list."""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _whole(pattern: str) -> str:
    """Return a pattern whose last backslash, if it has nothing to escape, means itself."""
    ending = len(pattern) - len(pattern.rstrip("\\"))
    return pattern + "\\" if ending % 2 else pattern


def _is_null(column: ColumnElement[Any], wanted: bool) -> ColumnElement[bool]:
    return column.is_(None) if wanted else column.is_not(None)


def _in(column: ColumnElement[Any], values: list[Any]) -> ColumnElement[bool]:
    return column.in_(values) if values else false()


def _missing_or(test: Operator) -> Operator:
    return lambda column, value: or_(column.is_(None), test(column, value))


def _like(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.like(value, escape="\\")


_EQUALITY: dict[str, Operator] = {
    "eq": lambda column, value: column == value,
    "neq": lambda column, value: column.is_distinct_from(value),
    "in": _in,
    "not_in": _missing_or(lambda column, values: not_(_in(column, values))),
    "is_null": _is_null,
}
_ORDER: dict[str, Operator] = {
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}
_TEXT: dict[str, Operator] = {
    "contains": _like,
    "i_contains": lambda column, value: AsciiLower(column).like(AsciiLower(value), escape="\\"),
    "starts_with": _like,
    "ends_with": _like,
    "like": _like,
    "not_like": _missing_or(lambda column, value: not_(_like(column, value))),
}
PATTERNS: Mapping[str, Callable[[str], str]] = {
    "contains": lambda text: f"%{_escape(text)}%",
    "i_contains": lambda text: f"%{_escape(text)}%",
    "starts_with": lambda text: f"{_escape(text)}%",
    "ends_with": lambda text: f"%{_escape(text)}",
    "like": _whole,
    "not_like": _whole,
}
"""The patterns that operators make of their operands."""

OPERATORS: Mapping[Kind, Mapping[str, Operator]] = {
    Kind.ID: _EQUALITY,
    Kind.TEXT: _EQUALITY | _TEXT,
    Kind.TIME: _EQUALITY | _ORDER,
    Kind.INT: _EQUALITY | _ORDER,
    Kind.FLOAT: _EQUALITY | _ORDER,
    Kind.MONEY: _EQUALITY | _ORDER,
    Kind.BOOL: {"eq": lambda column, wanted: column if wanted else not_(column)},
    Kind.SEARCH: {"matches": lambda key, search: Matches(*key.clauses, search)},
}
