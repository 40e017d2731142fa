"""Tests of JSON values: what stands at a path, compared within one JSON type.

Lists on the way to a key are searched through, however deep they nest; a place in a list is that
place only. Numbers compare by the number that is written, of any length. What is not there passes
no test. PostgreSQL is asked the same by `db.json_paths`; SQLite calls `holds`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, cast

import orjson

from db.paths import ANYWHERE, Path

_INEXACT = re.compile(rb"[0-9.]{17}|[eE][-+]?[0-9]{3}")
"""What might be a number that a double does not hold as it is written."""

Meaning = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class JsonTest:
    """One value at `path` passes all of `tests`.

    `tests` is the JSON text of pairs of an operator and its operand. `flat`: if what stands at
    the path is a list, its items are meant.
    """

    path: Path
    tests: str
    flat: bool = False


class _Asked(NamedTuple):
    path: list[str | int]
    tests: list[tuple[str, Any]]
    flat: bool


def asked_text(test: JsonTest) -> str:
    """Return a test as the text that `holds` takes."""
    return f"[{orjson.dumps(list(test.path)).decode()},{test.tests},{str(test.flat).lower()}]"


def holds(text: bytes | None, asked: str) -> bool:
    """Say whether a JSON text passes a test."""
    if text is None:
        return False
    path, tests, flat = _asked(asked)
    try:
        value = _decoded(text)
    except (ValueError, RecursionError):
        return False
    found = _found(value, path, 0)
    if flat:
        found = (item for each in found for item in opened(each))
    return any(all(_MEANINGS[name](each, operand) for name, operand in tests) for each in found)


def kind_of(value: Any) -> str:
    """Return the JSON type of a decoded value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "number"


def opened(value: Any) -> Iterator[Any]:
    """Yield a value, or the items of a list and of the lists in it."""
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from opened(item)
    else:
        yield value


def like_pattern(pattern: str) -> str:
    """Return a LIKE pattern as a regular expression for the whole text."""
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    made = [{"%": ".*", "_": "."}.get(each) or _literal(each[-1]) for each in pieces]
    return f"^{''.join(made)}$"


def _literal(character: str) -> str:
    plain = character.isalnum() or not character.isascii()
    return character if plain else f"\\{character}"


def like(text: str, pattern: str) -> bool:
    """Say whether a text is like a pattern.

    What stands between two `%` is looked for once, from left to right: no pattern makes this try
    more than each place of the text, as a regular expression with many `.*` would.
    """
    first, *rest = _segments(pattern)
    found = first.match(text)
    if found is None:
        return False
    if not rest:
        return found.end() == len(text)
    at = found.end()
    for segment in rest[:-1]:
        found = segment.search(text, at)
        if found is None:
            return False
        at = found.end()
    last = len(text) - _length(rest[-1].pattern)
    return last >= at and rest[-1].match(text, last) is not None


@lru_cache(maxsize=256)
def _segments(pattern: str) -> list[re.Pattern[str]]:
    """Return what stands between the `%` of a LIKE pattern, each of a fixed length."""
    made: list[list[str]] = [[]]
    for piece in re.findall(r"\\.|.", pattern, re.DOTALL):
        if piece == "%":
            made.append([])
        else:
            made[-1].append("." if piece == "_" else _literal(piece[-1]))
    return [re.compile("".join(each), re.DOTALL) for each in made]


def _length(segment: str) -> int:
    return len(re.findall(r"\\.|.", segment, re.DOTALL))


@lru_cache(maxsize=1024)
def _asked(text: str) -> _Asked:
    return _Asked(*_decoded(text.encode()))


def _decoded(text: bytes) -> Any:
    """Return JSON with its numbers as they are written."""
    if _INEXACT.search(text) is None:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
    return json.loads(text, parse_float=Decimal)


def _found(value: Any, path: list[str | int], at: int) -> Iterator[Any]:
    if at == len(path):
        yield value
        return
    step = path[at]
    if step == ANYWHERE:
        yield from _all_in(value)
    elif isinstance(step, str):
        for each in opened(value):
            known = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
            if step in known:
                yield from _found(known[step], path, at + 1)
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        if step < len(items):
            yield from _found(items[step], path, at + 1)


def _all_in(value: Any) -> Iterator[Any]:
    """Yield a value, and all that is in it, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, dict):
            waiting.extend(cast("dict[str, Any]", each).values())
        elif isinstance(each, list):
            waiting.extend(cast("list[Any]", each))


def _exact(number: Any) -> Any:
    return Decimal(repr(number)) if isinstance(number, float) else number


def same(left: Any, right: Any) -> bool:
    """Say whether two decoded values are equal JSON."""
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "number":
        return _exact(left) == _exact(right)
    if kind == "array":
        return len(left) == len(right) and all(map(same, left, right))
    if kind == "object":
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def _ordered(test: Meaning) -> Meaning:
    def meaning(value: Any, operand: Any) -> bool:
        if kind_of(value) != kind_of(operand):
            return False
        return test(_exact(value), _exact(operand))

    return meaning


_MEANINGS: Mapping[str, Meaning] = {
    "eq": same,
    "neq": lambda value, operand: not same(value, operand),
    "in": lambda value, operands: any(same(value, operand) for operand in operands),
    "gt": _ordered(lambda value, operand: value > operand),
    "gte": _ordered(lambda value, operand: value >= operand),
    "lt": _ordered(lambda value, operand: value < operand),
    "lte": _ordered(lambda value, operand: value <= operand),
    "contains": lambda value, operand: any(
        isinstance(item, str) and operand in item for item in opened(value)
    ),
    "like": lambda value, operand: isinstance(value, str) and like(value, operand),
    "not_like": lambda value, operand: isinstance(value, str) and not like(value, operand),
    "exists": lambda _value, _operand: True,
}
