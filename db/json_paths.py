"""JSON tests as PostgreSQL takes them: a path of SQL/JSON with the comparisons in it.

The document stands under "v" of an object (`db.spellings`), so that every place in a list comes
after a key. Source: https://www.postgresql.org/docs/current/functions-json.html, lax mode: `[*]`
opens a list and leaves anything else as it is.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from db.json_tests import JsonTest, kind_of, like_pattern
from db.paths import ANYWHERE, Path

_OPEN = "[*]" * 8
"""Opens lists within lists."""


def path_text(test: JsonTest) -> str:
    """Return the path that finds something exactly where the test holds."""
    anywhere = test.path[-1:] == (ANYWHERE,)
    *before, last = _segments(("v", *(test.path[:-1] if anywhere else test.path)))
    path = "$"
    for key, places in before:
        path += f"{_inside(key, places)}.{_quoted(key)}{_places(places)}{_OPEN}"
    key, places = last
    value = f"@.{_quoted(key)}{_places(places)}"
    conditions = _lists(key, places)
    tests: list[tuple[str, Any]] = json.loads(test.tests, parse_float=_Number)
    if test.flat or anywhere:
        item = " && ".join(_CONDITIONS[name]("@", operand) for name, operand in tests)
        inner = ".**" if anywhere else _OPEN
        return f"{path}{_only(conditions)}.{_quoted(key)}{_places(places)}{inner} ? ({item})"
    made = [_CONDITIONS[name](value, operand) for name, operand in tests]
    found = f"{path}{_only(conditions + made)}"
    return f"{found}.{_quoted(key)}{_places(places)}" if _is_structure(tests) else found


class _Number(str):
    """A number that stays as it is written."""

    __slots__ = ()


def _segments(path: Path) -> list[tuple[str, list[int]]]:
    """Return the keys of a path, each with the places in lists that follow it."""
    segments: list[tuple[str, list[int]]] = []
    for step in path:
        if isinstance(step, str):
            segments.append((step, []))
        else:
            segments[-1][1].append(step)
    return segments


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _places(places: list[int]) -> str:
    return "".join(f"[{place}]" for place in places)


def _lists(key: str, places: list[int]) -> list[str]:
    """Return the conditions that places are looked for in lists only."""
    return [
        f'@.{_quoted(key)}{_places(places[:at])}.type() == "array"' for at in range(len(places))
    ]


def _inside(key: str, places: list[int]) -> str:
    return _only(_lists(key, places)) if places else ""


def _only(conditions: list[str]) -> str:
    return f" ? ({' && '.join(conditions)})" if conditions else ""


def _is_structure(tests: list[tuple[str, Any]]) -> bool:
    return any(name == "eq" and isinstance(operand, list | dict) for name, operand in tests)


def _operand(value: Any) -> tuple[str, str]:
    """Return the type and the text of an operand."""
    if isinstance(value, _Number):
        return "number", value
    return kind_of(value), json.dumps(value, ensure_ascii=False)


def _compared(sign: str) -> Callable[[str, Any], str]:
    def condition(value: str, operand: Any) -> str:
        kind, text = _operand(operand)
        if kind in {"array", "object"}:
            return f'{value}.type() == "{kind}"'  # compared outside the path
        return f'({value}.type() == "{kind}" && {value} {sign} {text})'

    return condition


def _one_of(value: str, operands: list[Any]) -> str:
    equal = _CONDITIONS["eq"]
    return f"({' || '.join(equal(value, operand) for operand in operands)})" if operands else _NEVER


def _fits(flags: str, pattern: Callable[[str], str]) -> Callable[[str, Any], str]:
    def condition(value: str, operand: str) -> str:
        regular = f"{value} like_regex {_quoted(pattern(operand))} flag {_quoted(flags)}"
        return f'({value}.type() == "string" && {regular})'

    return condition


_IS_TEXT = '(@.type() == "string")'
_NEVER = "(1 == 2)"
_CONDITIONS: Mapping[str, Callable[[str, Any], str]] = {
    "eq": _compared("=="),
    "neq": lambda value, operand: f"(exists ({value}) && !({_CONDITIONS['eq'](value, operand)}))",
    "in": _one_of,
    "gt": _compared(">"),
    "gte": _compared(">="),
    "lt": _compared("<"),
    "lte": _compared("<="),
    "contains": lambda value, operand: (
        f"exists ({value}{_OPEN} ? {_fits('q', str)('@', operand) if operand else _IS_TEXT})"
    ),
    "like": _fits("s", like_pattern),
    "not_like": lambda value, operand: (
        f'({value}.type() == "string" && !{_fits("s", like_pattern)(value, operand)})'
    ),
    "exists": lambda value, _: f"exists ({value})",
}
