"""Filters as the API spells them; `db.filters` says what they mean."""

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, TypeAlias, cast

import strawberry

from db import filters
from db.errors import InvalidError
from db.filters import EVERYTHING, All, AnyOf, Not, Where
from db.values import Kind
from graph.types.declare import optional
from graph.types.operators import (
    BigIntFilter,
    DateTimeFilter,
    DecimalFilter,
    FloatFilter,
    IDFilter,
    RunStatusFilter,
    StringFilter,
)
from graph.types.scalars import parse_id

_AND_OR_NOT = {"and_", "or_", "not_"}


@strawberry.input(
    description=(
        "Which runs. Fields are ANDed; {} and an empty `and` match all, an empty `or` none. neq,"
        " notIn, notLike and `not` match missing values, every other comparison is false of them;"
        " a null operand is refused (use isNull)."
    )
)
class RunFilter:
    """The clauses of `db.filters.CLAUSES`, each with the operators of its kind."""

    and_: list["RunFilter"] | None = optional("All of these hold.", name="and")
    or_: list["RunFilter"] | None = optional("At least one of these holds.", name="or")
    not_: "RunFilter | None" = optional("This does not hold.", name="not")
    id: IDFilter | None = optional("The run's id.")
    trace_id: IDFilter | None = optional("The trace's id.")
    parent_run_id: IDFilter | None = optional("The parent's id.")
    session_id: IDFilter | None = optional("The project's id.")
    project_name: StringFilter | None = optional("The project's name.")
    reference_example_id: IDFilter | None = optional("The dataset example's id.")
    is_root: bool | None = optional("true: only runs that began a trace; false: only the others.")
    name: StringFilter | None = optional("The run's name.")
    run_type: StringFilter | None = optional("The run's type, as sent.")
    status: RunStatusFilter | None = optional("How far the run has come.")
    error: StringFilter | None = optional("What went wrong.")
    model: StringFilter | None = optional("The language model's name.")
    thread_id: StringFilter | None = optional("The conversation.")
    start_time: DateTimeFilter | None = optional("When the run began.")
    end_time: DateTimeFilter | None = optional("When the run ended.")
    first_token_time: DateTimeFilter | None = optional("When the first token was streamed.")
    latency: FloatFilter | None = optional("Seconds from start to end.")
    time_to_first_token: FloatFilter | None = optional("Seconds from start to the first token.")
    prompt_tokens: BigIntFilter | None = optional("Input tokens of the run and its descendants.")
    completion_tokens: BigIntFilter | None = optional(
        "Output tokens of the run and its descendants."
    )
    total_tokens: BigIntFilter | None = optional("Tokens of the run and its descendants.")
    prompt_cost: DecimalFilter | None = optional(
        "US dollars for input tokens, descendants included."
    )
    completion_cost: DecimalFilter | None = optional(
        "US dollars for output tokens, descendants included."
    )
    total_cost: DecimalFilter | None = optional("US dollars, descendants included.")


@strawberry.input(description="Which projects. All that is given must hold.")
class ProjectFilter:
    """Tests of projects."""

    name: StringFilter | None = optional("The project's name.")


MaybeWhere: TypeAlias = Annotated[
    RunFilter | None, strawberry.argument(description="Only runs for which all of this holds.")
]


def asked(where: RunFilter | ProjectFilter | None) -> Where:
    """Return what a filter asks; everything when there is none.

    Raises InvalidError for a null operand or an id that is no UUID.
    """
    return All(tuple(_parts(where))) if where else EVERYTHING


def _parts(where: RunFilter | ProjectFilter) -> Iterator[Where]:
    for name, value in _given(where):
        if value is None:
            msg = f"{_spelled(name)} is null; leave it out, or use isNull to ask for missing values"
            raise InvalidError(msg)
        if name in _AND_OR_NOT:
            yield _joined(name, value)
        elif isinstance(value, bool):
            yield filters.test(name, "eq", value)
        else:
            for operator, operand in _given(value):
                yield _test(name, operator.rstrip("_"), operand)


def _joined(name: str, value: Any) -> Where:
    if name == "not_":
        return Not(asked(value))
    parts = tuple(All(tuple(_parts(part))) for part in value)
    return All(parts) if name == "and_" else AnyOf(parts)


def _test(clause: str, operator: str, operand: Any) -> Where:
    argument = f"{_spelled(clause)}.{_spelled(operator)}"
    if operand is None:
        msg = f"{argument} is null; use isNull to ask for missing values"
        raise InvalidError(msg)
    if isinstance(operand, list):
        items = cast("list[Any]", operand)
        return filters.test(clause, operator, [_value(clause, argument, item) for item in items])
    return filters.test(clause, operator, _value(clause, argument, operand))


def _value(clause: str, argument: str, operand: Any) -> Any:
    """Return an operand as the store compares it."""
    if filters.CLAUSES[clause].kind is Kind.ID and isinstance(operand, str):
        return parse_id(argument, operand)
    return operand.value if isinstance(operand, Enum) else operand


def _given(value: Any) -> Iterator[tuple[str, Any]]:
    for name in value.__dataclass_fields__:
        found = getattr(value, name)
        if found is not strawberry.UNSET:
            yield name, found


def _spelled(name: str) -> str:
    first, *others = name.strip("_").split("_")
    return first + "".join(part.capitalize() for part in others)
