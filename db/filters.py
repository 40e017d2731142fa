"""What may be asked of runs: a tree of tests.

The tree is frozen and hashable; its values are kept apart from its form, so that questions of one
form share a statement. Every test is true or false, never unknown. What the names mean stands in
`db.clauses`, what the operators mean in `db.operators` and `db.json_tests`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    false,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.elements import AsBoolean, False_, True_

from db.clauses import CLAUSES, JSON_SOURCES, RELATIONS
from db.errors import InvalidError
from db.frozen import frozen
from db.json_tests import JsonTest
from db.models import RunStatus
from db.operators import LISTS, OPERATORS, PATTERNS
from db.spellings import JsonHolds, JsonIs
from db.values import Kind

LONGEST_LIST = 1000
"""How many values `in` and `not_in` take."""

MOST_TESTS = 250
"""How many tests one filter may hold."""

DEEPEST = 72
"""How deep one filter may nest: SQLite's parser has a stack of a hundred entries."""

_RELATION, _JSON, _OR, _AND, _NOT = 9, 9, 3, 2, 1
"""How many entries each node of a filter takes there."""


@frozen
class Test:
    """One comparison: a clause of `CLAUSES`, an operator of its kind, a value."""

    clause: str
    operator: str
    value: Any


@frozen
class Json:
    """What a test finds in one of `JSON_SOURCES`; `structure`: the list or object it must equal."""

    source: str
    test: JsonTest
    structure: str | None = None


@frozen
class Some:
    """At least one row of `RELATIONS` passes the part."""

    relation: str
    part: "Where"


@frozen
class All:
    """Every part holds; true when there is none."""

    parts: tuple["Where", ...]


@frozen
class AnyOf:
    """At least one part holds; false when there is none."""

    parts: tuple["Where", ...]


@frozen
class Not:
    """The part does not hold."""

    part: "Where"


Where: TypeAlias = Test | Json | Some | All | AnyOf | Not

EVERYTHING = All(())
NOTHING = AnyOf(())

_SIZES = (1, 4, 16, 64, 256, LONGEST_LIST)
"""Lists are padded to one of these lengths, so that few forms exist."""


def _is_literal(clause: str, operator: str) -> bool:
    return CLAUSES[clause].literal or operator == "is_null"


def _padded(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        return values
    size = next(size for size in _SIZES if size >= len(values))
    return values + values[-1:] * (size - len(values))


Form: TypeAlias = tuple[Any, ...]
"""A tree without its values: ("all", ...), ("any", ...), ("not", form), ("some", relation, form),
("json", source, whether it has a structure) or (clause, operator, what is literal: its value, or
for a list its length)."""


def form(where: Where) -> Form:  # noqa: PLR0911 - a case for each kind of node
    """Return the tree without its values: equal forms share a statement."""
    match where:
        case All():
            return ("all", *map(form, where.parts))
        case Test():
            if _is_literal(where.clause, where.operator):
                return (where.clause, where.operator, where.value)
            length = len(_padded(where.value)) if where.operator in LISTS else None
            return (where.clause, where.operator, length)
        case Json():
            return ("json", where.source, where.structure is not None)
        case Some():
            return ("some", where.relation, form(where.part))
        case AnyOf():
            return ("any", *map(form, where.parts))
        case Not():
            return ("not", form(where.part))


def values(where: Where) -> list[tuple[Kind, Any]]:
    """Return the kind and value of each parameter, in the order in which `clause_of` takes them."""
    found: list[tuple[Kind, Any]] = []
    _take_values(where, found)
    return found


def _take_values(where: Where, found: list[tuple[Kind, Any]]) -> None:
    match where:
        case All() | AnyOf():
            for part in where.parts:
                _take_values(part, found)
        case Test():
            if _is_literal(where.clause, where.operator):
                return
            kind = CLAUSES[where.clause].kind
            if where.operator in LISTS:
                found += [(kind, value) for value in _padded(where.value)]
            else:
                pattern = PATTERNS.get(where.operator)
                found.append((kind, pattern(where.value) if pattern else where.value))
        case Json():
            found.append((Kind.JSON_TEST, where.test))
            if where.structure is not None:
                found.append((Kind.JSON, where.structure))
        case Not() | Some():
            _take_values(where.part, found)


def parameters(form: Form) -> int:
    """Return how many parameters `clause_of` takes for a form."""
    head: str = form[0]
    match head:
        case "all" | "any":
            return sum(map(parameters, form[1:]))
        case "not" | "some":
            return parameters(form[-1])
        case "json":
            return 2 if form[2] else 1
        case _:
            if _is_literal(head, form[1]):
                return 0
            return form[2] if form[1] in LISTS else 1


def clause_of(  # noqa: PLR0911 - as above
    form: Form, table: FromClause, bind: Iterator[Any]
) -> ColumnElement[bool]:
    """Return the condition on a table, taking a parameter from `bind` for each value."""
    head: str = form[0]
    parts: list[Any] = [*form[1:]]
    match head:
        case "all":
            return _bare(and_(true(), *(clause_of(part, table, bind) for part in parts)))
        case "any":
            return _bare(or_(false(), *(clause_of(part, table, bind) for part in parts)))
        case "not":
            return _not(clause_of(parts[0], table, bind))
        case "some":
            return _some(parts[0], parts[1], table, bind)
        case "json":
            source = JSON_SOURCES[parts[0]].text(table)
            if parts[1]:
                return JsonIs(source, next(bind), next(bind))
            return JsonHolds(source, next(bind))
        case _:
            return _test(head, parts, table, bind)


def _bare(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a constant as such: SQLAlchemy wraps one that is all that is left of several."""
    inner = condition.element if isinstance(condition, AsBoolean) else condition
    return inner if isinstance(inner, True_ | False_) else condition


def _not(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return what is so where a condition is false or unknown; of a constant, the other one."""
    match condition:
        case True_():
            return false()
        case False_():
            return true()
        case _:
            return condition.is_not(true())


def _some(relation: str, part: Form, table: FromClause, bind: Iterator[Any]) -> ColumnElement[bool]:
    found = RELATIONS[relation]
    others = found.table.alias()
    inner = clause_of(part, others, bind)
    if isinstance(inner, False_):
        return inner  # Citus would not see any more that both are of one trace
    # what nests comes first: SQLite's parser then holds less while it reads it
    condition = and_(inner, found.on(table, others))
    return select(others.c.trace_id).where(condition).correlate(table).exists()


def _test(
    name: str, rest: list[Any], table: FromClause, bind: Iterator[Any]
) -> ColumnElement[bool]:
    operator, literal = rest
    clause = CLAUSES[name]
    operand = _operand(name, operator, literal, bind)
    condition = OPERATORS[clause.kind][operator](clause.column(table), operand)
    return condition if clause.within is None else clause.within(table, operator, condition)


def _operand(clause: str, operator: str, literal: Any, bind: Iterator[Any]) -> Any:
    if not _is_literal(clause, operator):
        return [next(bind) for _ in range(literal)] if operator in LISTS else next(bind)
    if isinstance(literal, bool):
        return literal
    return [_literal(value) for value in literal] if operator in LISTS else _literal(literal)


def _literal(value: str) -> ColumnElement[Any]:
    return literal_column(f"'{RunStatus(value).value}'")


def test(clause: str, operator: str, value: Any) -> Test:
    """Return a checked test.

    Raises InvalidError for a null operand, too long a list or an operator of another kind.
    """
    allowed = OPERATORS[CLAUSES[clause].kind]
    if operator not in allowed:
        msg = f"{clause} does not know {operator}; it knows {', '.join(allowed)}"
        raise InvalidError(msg)
    if value is None:
        msg = f"{clause}.{operator} is null; use isNull to ask for missing values"
        raise InvalidError(msg)
    if operator in LISTS:
        value = tuple(dict.fromkeys(checked_list(f"{clause}.{operator}", value)))
    return Test(clause, operator, value)


def checked_list(name: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a list. Raises InvalidError, by name, if they are too many."""
    if len(values) > LONGEST_LIST:
        msg = f"{name} has {len(values)} values; at most {LONGEST_LIST}"
        raise InvalidError(msg)
    return tuple(values)


def bounded(where: Where) -> Where:
    """Return a filter. Raises InvalidError if it holds too many tests or nests too deep."""
    tests, depth = _size(where)
    if tests > MOST_TESTS:
        msg = f"where has {tests} tests; at most {MOST_TESTS}"
        raise InvalidError(msg)
    if depth > DEEPEST:
        msg = f"where nests {depth} deep, a relation counting {_RELATION}; at most {DEEPEST}"
        raise InvalidError(msg)
    return where


def _size(where: Where) -> tuple[int, int]:
    """Return how many tests there are, and how deep they nest."""
    match where:
        case All() | AnyOf():
            tests = deepest = 0
            for part in where.parts:
                some, depth = _size(part)
                tests, deepest = tests + some, max(deepest, depth)
            several = (_AND if isinstance(where, All) else _OR) if len(where.parts) > 1 else 0
            return tests, deepest + several
        case Test():
            return 1 + (len(where.value) // 50 if where.operator in LISTS else 0), 0
        case Json():
            return 1, _JSON
        case Not():
            tests, depth = _size(where.part)
            return tests, depth + _NOT
        case Some():
            tests, depth = _size(where.part)
            return tests + 1, depth + _RELATION


def ids_are(ids: Sequence[UUID]) -> Test:
    """Return the test for these rows."""
    return test("id", "in", ids)
