"""Tests composed of others: tags, JSON by path, feedback.

A tag and a scalar of the metadata have an index each; what is too long for it is looked for in the
JSON text instead.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from db import paths
from db.clauses import JSON_SOURCES
from db.derivations import decode, encode
from db.derive import LARGEST_EXACT, LONGEST_INDEXED, is_indexed, one_number
from db.errors import InvalidError
from db.filters import All, AnyOf, Json, Not, Some, Where, checked_list, test
from db.json_tests import JsonTest, kind_of

_ORDERED = frozenset({"gt", "gte", "lt", "lte"})


def tags(operator: str, wanted: Sequence[str]) -> Where:
    """Ask for runs that have all, any or none of these tags."""
    return _TAGS[operator](checked_list(f"tags.{operator}", wanted))


def _any_tag(wanted: tuple[str, ...]) -> Where:
    indexed = [tag for tag in wanted if is_indexed(tag)]
    operator = ("eq", indexed[0]) if len(indexed) == 1 else ("in", indexed)
    parts: list[Where] = [Some("tags", test("tag", *operator))] if indexed else []
    others = [tag for tag in wanted if not is_indexed(tag)]
    if others:
        parts.append(_json("tags", (), {"in": others}, flat=True))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


_TAGS: Mapping[str, Callable[[tuple[str, ...]], Where]] = {
    "has_all": lambda wanted: All(tuple(_any_tag((tag,)) for tag in dict.fromkeys(wanted))),
    "has_any": _any_tag,
    "has_none": lambda wanted: Not(_any_tag(wanted)),
}


def by_path(source: str, path: str, given: Mapping[str, Any], *, flat: bool = False) -> Where:
    """Ask what stands at a path of a JSON text; one value must pass all that is given but `neq`.

    `source` is one of `db.clauses.JSON_SOURCES`. `neq` is true where nothing equals it. Raises
    InvalidError for a path that is none, and for operands that nothing could compare with.
    """
    return by_steps(source, paths.parse(path), given, flat=flat)


def by_steps(
    source: str, path: paths.Path, given: Mapping[str, Any], *, flat: bool = False
) -> Where:
    """Ask the same of a path that is parsed."""
    for operator, operand in given.items():
        check(f"{source}.{operator}", operator, operand)
    together = {name: operand for name, operand in given.items() if name not in {"neq", "exists"}}
    parts = [found(source, path, together, flat=flat)] if together else []
    if "neq" in given:
        parts.append(Not(found(source, path, {"eq": given["neq"]}, flat=flat)))
    if "exists" in given:
        there = _json(source, path, {"exists": True}, flat=False)
        parts.append(there if given["exists"] else Not(there))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def check(name: str, operator: str, operand: Any) -> None:
    """Raise InvalidError for an operand of JSON that nothing could compare with."""
    if operand is None:
        msg = f"{name} is null; use exists to ask for what is not there"
        raise InvalidError(msg)
    if operator == "in":
        checked_list(name, operand)
    if isinstance(operand, float) and not math.isfinite(operand):
        msg = f"{name} is {operand}; a number that JSON can write is wanted"
        raise InvalidError(msg)
    if operator in _ORDERED and kind_of(operand) not in {"number", "string"}:
        msg = f"{name} is {kind_of(operand)}; a number or a text is wanted"
        raise InvalidError(msg)


def found(source: str, path: paths.Path, tests: Mapping[str, Any], *, flat: bool) -> Where:
    """Return the test that one value passes all of `tests`, by the index where it can help."""
    if source == "metadata" and len(path) == 1 and isinstance(path[0], str) and not flat:
        wanted = [tests["eq"]] if "eq" in tests else list(tests.get("in", ()))
        indexed = _pair(path[0], wanted) if wanted else None
        if indexed is not None:
            exact = tests.keys() <= {"eq", "in"} and not any(_is_number(value) for value in wanted)
            return indexed if exact else All((indexed, _json(source, path, tests, flat=flat)))
    return _json(source, path, tests, flat=flat)


def _is_number(value: Any) -> bool:
    return kind_of(value) == "number"


def _is_structure(value: Any) -> bool:
    return isinstance(value, list | dict)


def _pair(key: str, wanted: list[Any]) -> Where | None:
    """Return the test of the index of metadata; None where it does not hold what is wanted."""
    if not is_indexed(key) or not all(map(_is_in_index, wanted)):
        return None
    texts = list(dict.fromkeys(encode(one_number(value)).decode() for value in wanted))
    value = ("eq", texts[0]) if len(texts) == 1 else ("in", texts)
    return Some("pairs", All((test("metadata_key", "eq", key), test("metadata_value", *value))))


def _is_in_index(value: Any) -> bool:
    if _is_structure(value) or (_is_number(value) and abs(value) >= LARGEST_EXACT):
        return False
    return len(encode(value)) <= LONGEST_INDEXED


def _json(source: str, path: paths.Path, tests: Mapping[str, Any], *, flat: bool) -> Where:
    """Return the test of the JSON text itself."""
    path = (*JSON_SOURCES[source].prefix, *path)
    wanted: list[Any] = list(tests.get("in", ()))
    structures = [value for value in wanted if _is_structure(value)]
    if structures:
        others = [value for value in wanted if not _is_structure(value)]
        rest: dict[str, Any] = {name: operand for name, operand in tests.items() if name != "in"}
        choices = [rest | {"eq": value} for value in structures] + [rest | {"in": others}]
        return AnyOf(tuple(_json_of(source, path, choice, flat=flat) for choice in choices))
    return _json_of(source, path, tests, flat=flat)


def _json_of(source: str, path: paths.Path, tests: Mapping[str, Any], *, flat: bool) -> Json:
    equal = tests.get("eq")
    structure = encode(equal).decode() if _is_structure(equal) else None
    text = encode([[name, operand] for name, operand in tests.items()]).decode()
    return Json(source, JsonTest(path, text, flat=flat), structure)


def object_of(text: str) -> list[tuple[str, Any]] | None:
    """Return the members of a JSON object; None where the text is none."""
    try:
        found = decode(text.encode())
    except (ValueError, RecursionError):
        return None
    return list(cast("dict[str, Any]", found).items()) if isinstance(found, dict) else None


def feedback(key: str, part: Where, *, exists: bool) -> Where:
    """Ask for runs with feedback of a key that passes the part; or for those without any such."""
    found = Some("feedback", All((test("key", "eq", key), part)))
    return found if exists else Not(found)
