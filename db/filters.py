"""What may be asked of runs: a tree of tests, and the one table that says what each test means.

The tree is frozen and hashable; its values are kept apart from its form, so that questions of one
form share a statement. Every test is true or false, never unknown: `neq`, `not_in`, `not_like`
and `Not` are true of missing values, every other test is false of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.schema import Table

from db.errors import InvalidError
from db.models import Project, Run, RunStatus
from db.values import Kind, kind_of

LONGEST_LIST = 1000
"""How many values `in` and `not_in` take."""


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison: a clause of `CLAUSES`, an operator of its kind, a value."""

    clause: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; true when there is none."""

    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; false when there is none."""

    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Where"


Where: TypeAlias = Test | All | AnyOf | Not

EVERYTHING = All(())

Operator = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]
"""Makes a condition of a column and a parameter (a list of them for `in` and `not_in`)."""

_LISTS = frozenset({"in", "not_in"})
_SIZES = (1, 4, 16, 64, 256, LONGEST_LIST)
"""Lists are padded to one of these lengths, so that few forms exist."""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _is_null(column: ColumnElement[Any], wanted: bool) -> ColumnElement[bool]:
    return column.is_(None) if wanted else column.is_not(None)


def _in(column: ColumnElement[Any], values: list[Any]) -> ColumnElement[bool]:
    return column.in_(values) if values else false()


def _missing_or(test: Operator) -> Operator:
    return lambda column, value: or_(column.is_(None), test(column, value))


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


def _like(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.like(value, escape="\\")


_TEXT: dict[str, Operator] = {
    "contains": _like,
    "i_contains": lambda column, value: func.lower(column).like(func.lower(value), escape="\\"),
    "starts_with": _like,
    "ends_with": _like,
    "like": _like,
    "not_like": _missing_or(lambda column, value: not_(_like(column, value))),
}
_PATTERNS: Mapping[str, Callable[[str], str]] = {
    "contains": lambda text: f"%{_escape(text)}%",
    "i_contains": lambda text: f"%{_escape(text)}%",
    "starts_with": lambda text: f"{_escape(text)}%",
    "ends_with": lambda text: f"%{_escape(text)}",
}

OPERATORS: Mapping[Kind, Mapping[str, Operator]] = {
    Kind.ID: _EQUALITY,
    Kind.TEXT: _EQUALITY | _TEXT,
    Kind.TIME: {"eq": _EQUALITY["eq"], "is_null": _is_null} | _ORDER,
    Kind.INT: _EQUALITY | _ORDER,
    Kind.FLOAT: _EQUALITY | _ORDER,
    Kind.MONEY: _EQUALITY | _ORDER,
    Kind.BOOL: {"eq": lambda column, wanted: column if wanted else not_(column)},
}


@dataclass(frozen=True, slots=True)
class Clause:
    """What a name in a filter means: a column of the run's table, or a test of its own.

    `literal`: its values are few and belong to the form, so that partial indexes serve them.
    """

    kind: Kind
    column: Callable[[Table], ColumnElement[Any]]
    within: Callable[[Table, str, ColumnElement[bool]], ColumnElement[bool]] | None = None
    literal: bool = False


def _table(model: Any) -> Table:
    return model.__table__


def _stored(column: str) -> Clause:
    return Clause(kind_of(_table(Run).c[column].type), lambda table: table.c[column])


def _in_project(run: Table, operator: str, test: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the test of a run's project; equality finds one, so that a page keeps its index."""
    project = _table(Project)
    ids = select(project.c.id).where(test)
    if operator == "eq":
        return run.c.session_id == ids.scalar_subquery()
    return run.c.session_id.in_(ids)


CLAUSES: Mapping[str, Clause] = {
    **{
        name: _stored(name)
        for name in (
            *("id", "trace_id", "parent_run_id", "session_id", "reference_example_id"),
            *("name", "run_type", "error", "model", "thread_id"),
            *("start_time", "end_time", "first_token_time", "latency", "time_to_first_token"),
        )
    },
    **{
        name: _stored(f"total_{name}")
        for name in (
            *("prompt_tokens", "completion_tokens", "total_tokens"),
            *("prompt_cost", "completion_cost", "total_cost"),
        )
    },
    "status": Clause(Kind.TEXT, lambda run: run.c.status, literal=True),
    "is_root": Clause(Kind.BOOL, lambda run: run.c.parent_run_id.is_(None), literal=True),
    "project_name": Clause(Kind.TEXT, lambda _: _table(Project).c.name, within=_in_project),
    "key": Clause(Kind.TEXT, lambda feedback: feedback.c.key),
}


def _is_literal(clause: str, operator: str) -> bool:
    return CLAUSES[clause].literal or operator == "is_null"


def _padded(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        return values
    size = next(size for size in _SIZES if size >= len(values))
    return values + values[-1:] * (size - len(values))


Form: TypeAlias = tuple[Any, ...]
"""A tree without its values: ("all", ...), ("any", ...), ("not", form) or (clause, operator, what
is literal: its value, or for a list its length)."""


def form(where: Where) -> Form:
    """Return the tree without its values: equal forms share a statement."""
    match where:
        case Test():
            if _is_literal(where.clause, where.operator):
                return (where.clause, where.operator, where.value)
            length = len(_padded(where.value)) if where.operator in _LISTS else None
            return (where.clause, where.operator, length)
        case All():
            return ("all", *map(form, where.parts))
        case AnyOf():
            return ("any", *map(form, where.parts))
        case Not():
            return ("not", form(where.part))


def values(where: Where) -> Iterator[tuple[Kind, Any]]:
    """Yield the kind and value of each parameter, in the order in which `clause_of` takes them."""
    match where:
        case Test():
            if _is_literal(where.clause, where.operator):
                return
            kind = CLAUSES[where.clause].kind
            if where.operator in _LISTS:
                yield from ((kind, value) for value in _padded(where.value))
            else:
                pattern = _PATTERNS.get(where.operator)
                yield kind, (pattern(where.value) if pattern else where.value)
        case All() | AnyOf():
            for part in where.parts:
                yield from values(part)
        case Not():
            yield from values(where.part)


def clause_of(form: Form, table: Table, bind: Iterator[Any]) -> ColumnElement[bool]:
    """Return the condition on a table, taking a parameter from `bind` for each value."""
    head, *parts = form
    if head == "all":
        return and_(true(), *(clause_of(part, table, bind) for part in parts))
    if head == "any":
        return or_(false(), *(clause_of(part, table, bind) for part in parts))
    if head == "not":
        return clause_of(parts[0], table, bind).is_not(true())
    operator, literal = parts
    clause = CLAUSES[head]
    operand = _operand(head, operator, literal, bind)
    condition = OPERATORS[clause.kind][operator](clause.column(table), operand)
    return condition if clause.within is None else clause.within(table, operator, condition)


def _operand(clause: str, operator: str, literal: Any, bind: Iterator[Any]) -> Any:
    if not _is_literal(clause, operator):
        return [next(bind) for _ in range(literal)] if operator in _LISTS else next(bind)
    if isinstance(literal, bool):
        return literal
    return [_literal(value) for value in literal] if operator in _LISTS else _literal(literal)


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
    if operator in {"in", "not_in"}:
        if len(value) > LONGEST_LIST:
            msg = f"{clause}.{operator} has {len(value)} values; at most {LONGEST_LIST}"
            raise InvalidError(msg)
        value = tuple(value)
    return Test(clause, operator, value)


def ids_are(ids: Sequence[UUID]) -> Test:
    """Return the test for these rows."""
    return test("id", "in", ids)
