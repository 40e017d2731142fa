"""The fields of LangSmith's filter language that go in pairs: a key, and what stands there.

Keys of inputs and outputs are dotted paths, and lists are searched through up to their end; a key
of the metadata is a name first. A value without a key, or beside keys that must not be there only,
is looked for at all of them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from db import composed, paths
from db.errors import InvalidError
from db.filters import All, AnyOf, Not, Some, Where
from db.language_fields import BOTH, OPERATORS, column
from db.language_values import Asked, items_in, known, number_in, text_in, unfit
from db.paths import ANYWHERE


class Pair(NamedTuple):
    """A field that is one side of a pair: whose, and whether it is the key."""

    family: str
    is_key: bool


PAIRS: Mapping[str, Pair] = {
    **{f"{family}_key": Pair(family, True) for family in ("metadata", "input", "output")},
    **{f"{family}_value": Pair(family, False) for family in ("metadata", "input", "output")},
    "feedback_key": Pair("feedback", True),
    **{f"feedback_{name}": Pair("feedback", False) for name in ("score", "value", "comment")},
}

_JSON = ("eq", "neq", "in", "gt", "gte", "lt", "lte", "like", "notlike", "exists")


def pair(family: str, some: list[Asked]) -> Where:
    """Return the test that one pair of a family passes some comparisons."""
    if family == "feedback":
        return Some("feedback", All(tuple(_of_feedback(each) for each in some)))
    keys = [each for each in some if PAIRS[each.field].is_key]
    values = [each for each in some if not PAIRS[each.field].is_key]
    made: list[Where] = []
    if all(each.comparator == "neq" for each in keys):
        made += [_anywhere(family, each) for each in values]
    for each in keys:
        known(each, ("eq", "neq", "in", "exists"))
        names = items_in(each.literal.value) if each.comparator == "in" else [each.literal.value]
        if each.comparator == "neq":
            made.append(Not(AnyOf(tuple(_at(family, text_in(name), []) for name in names))))
        else:
            made.append(AnyOf(tuple(_at(family, text_in(name), values) for name in names)))
    return made[0] if len(made) == 1 else All(tuple(made))


def _anywhere(family: str, asked: Asked) -> Where:
    """Return the test of a value at whatever key; `neq` and `notlike`: it is at none."""
    source = family if family == "metadata" else f"{family}s"
    name, value = _json_test(asked)
    if name == "exists":
        raise InvalidError(f"{asked.field} stands without {family}_key; put both into one and(...)")
    positive = {"neq": "eq", "not_like": "like"}.get(name, name)
    found = composed.found(source, (ANYWHERE,), {positive: value}, flat=True)
    return found if positive == name else Not(found)


def _at(family: str, key: str, values: list[Asked]) -> Where:
    """Return the test of what stands at a key: of metadata its name, else a dotted path."""
    literal: paths.Path = (key,)
    try:
        path = paths.parse(key)
    except InvalidError:
        path = literal
    if family != "metadata":
        return _holds(f"{family}s", path, values, flat=True)
    found = _holds("metadata", literal, values, flat=False)
    return found if path == literal else AnyOf((found, _holds("metadata", path, values, flat=True)))


def _holds(source: str, path: paths.Path, values: list[Asked], *, flat: bool) -> Where:
    tests: dict[str, Any] = {}
    others: list[Where] = []
    for each in values:
        name, value = _json_test(each)
        if name == "exists":
            there = composed.found(source, path, {"exists": True}, flat=False)
            others.append(there if value else Not(there))
        elif name in tests:
            others.append(composed.found(source, path, {name: value}, flat=flat))
        else:
            tests[name] = value
    if not tests and not others:
        tests["exists"] = True
        flat = False
    found = [composed.found(source, path, tests, flat=flat)] if tests else []
    return All((*found, *others))


def _json_test(asked: Asked) -> tuple[str, Any]:
    """Return the operator and operand of a value; null asks whether it is there."""
    value, comparator = asked.literal.value, asked.comparator
    if comparator == "exists":
        return "exists", value is not False
    if value is None and comparator in BOTH:
        return "exists", comparator == "neq"
    known(asked, _JSON)
    if comparator in {"like", "notlike"}:
        return OPERATORS.get(comparator, comparator), text_in(value)
    if comparator == "in":
        return "in", items_in(value)
    if isinstance(value, list):
        raise unfit(value, "a text, a number, true or false")
    composed.check(f"{asked.field}.{comparator}", comparator, value)
    return comparator, value


def _of_feedback(asked: Asked) -> Where:
    match str(asked.field):
        case "feedback_key":
            return column("key", asked)
        case "feedback_score":
            return column("score", asked, _score)
        case "feedback_comment":
            return column("comment", asked)
        case _:
            name, value = _json_test(asked)
            there = name == "exists"
            found = composed.found("value", (), {name: True if there else value}, flat=True)
            return Not(found) if there and not value else found


def _score(value: Any) -> float:
    return float(value) if isinstance(value, bool) else number_in(value)
