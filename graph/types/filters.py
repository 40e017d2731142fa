"""Filters as the API spells them; `db.filters` says what they mean."""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeAlias, cast

import strawberry

from db import composed, filters, language, search
from db.errors import InvalidError
from db.filters import EVERYTHING, All, AnyOf, Not, Some, Where
from db.values import Kind
from graph.types.declare import optional
from graph.types.operators import (
    BigIntFilter,
    DateTimeFilter,
    DecimalFilter,
    FeedbackFilter,
    FloatFilter,
    IDFilter,
    JSONFilter,
    RunStatusFilter,
    StringFilter,
    TagsFilter,
)
from graph.types.scalars import parse_id


@strawberry.input(
    description=(
        "Which runs. Fields are ANDed; {} and an empty `and` match all, an empty `or` none. neq,"
        " notIn, notLike and `not` match missing values, every other comparison is false of them;"
        " a null operand is refused (use isNull, for JSON exists)."
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
    tags: TagsFilter | None = optional("The run's tags.")
    metadata: list[JSONFilter] | None = optional("What stands in extra.metadata; all must hold.")
    inputs: list[JSONFilter] | None = optional("What stands in the inputs; all must hold.")
    outputs: list[JSONFilter] | None = optional("What stands in the outputs; all must hold.")
    feedback: list[FeedbackFilter] | None = optional("Judgements on the run; all must hold.")
    search: str | None = optional(
        "Full text over name, error, inputs, outputs and metadata: all of these words, whatever"
        ' their case and accents; "a phrase", a beginning*, -without. Of JSON the values count, not'
        " the keys, and of each run the first 64 Ki characters. A run is found within a second"
        " of its arrival."
    )
    root_run: "RunFilter | None" = optional(
        "The run that began the trace passes this; the SDK's trace_filter."
    )
    any_run_in_trace: "RunFilter | None" = optional(
        "Some run of the trace, this one or another, passes this; the SDK's tree_filter."
    )
    parent_run: "RunFilter | None" = optional(
        "The run that started this one is there and passes this."
    )
    any_child_run: "RunFilter | None" = optional("Some direct child passes this.")
    any_descendant: "RunFilter | None" = optional("Some run below this one passes this.")
    expression: str | None = optional(
        "LangSmith's filter language, as in"
        ' and(eq(run_type, "llm"), gt(latency, "5s"), has(tags, "beta")).'
    )


@strawberry.input(description="Which projects. All that is given must hold.")
class ProjectFilter:
    """Tests of projects."""

    name: StringFilter | None = optional("The project's name.")


_ID = Kind.ID  # Python 3.11 looks a member up slowly
_UNSET = strawberry.UNSET
MaybeWhere: TypeAlias = Annotated[
    RunFilter | None, strawberry.argument(description="Only runs for which all of this holds.")
]


def asked(where: RunFilter | ProjectFilter | None) -> Where:
    """Return what a filter asks; everything when there is none.

    Raises InvalidError for a null operand, an id that is no UUID, and for too much at once.
    """
    return filters.bounded(_all(where)) if where else EVERYTHING


def _all(where: Any) -> Where:
    parts: list[Where] = []
    for name, value in where.__dict__.items():
        if value is _UNSET:
            continue
        if value is None:
            msg = f"{_spelled(name)} is null; leave it out, or use isNull to ask for missing values"
            raise InvalidError(msg)
        compose = _COMPOSED.get(name)
        if compose is not None:
            parts.append(compose(name, value))
        elif isinstance(value, bool):
            parts.append(filters.test(name, "eq", value))
        else:
            _add_tests(parts, name, value)
    return All(tuple(parts))


def _add_tests(parts: list[Where], clause: str, given: Any) -> None:
    for operator, operand in given.__dict__.items():
        if operand is not _UNSET:
            parts.append(_test(clause, operator.rstrip("_"), operand))


def _test(clause: str, operator: str, operand: Any) -> Where:
    argument = _argument(clause, operator)
    if operand is None:
        msg = f"{argument} is null; use isNull to ask for missing values"
        raise InvalidError(msg)
    if isinstance(operand, list):
        items = cast("list[Any]", operand)
        return filters.test(clause, operator, [_value(clause, argument, item) for item in items])
    return filters.test(clause, operator, _value(clause, argument, operand))


def _value(clause: str, argument: str, operand: Any) -> Any:
    """Return an operand as the store compares it."""
    if filters.CLAUSES[clause].kind is _ID and isinstance(operand, str):
        return parse_id(argument, operand)
    return operand.value if isinstance(operand, Enum) else operand


def _tags(_name: str, given: TagsFilter) -> Where:
    return All(
        tuple(
            composed.tags(operator, _present(f"tags.{_spelled(operator)}", wanted))
            for operator, wanted in _given(given)
        )
    )


def _json(source: str, given: JSONFilter) -> Where:
    asked = {name.rstrip("_"): operand for name, operand in _given(given) if name != "path"}
    return composed.by_path(source, given.path, asked)


def _all_json(name: str, given: list[JSONFilter]) -> Where:
    return All(tuple(_json(name, each) for each in given))


def _feedback(_name: str, given: list[FeedbackFilter]) -> Where:
    return All(tuple(_judged(each) for each in given))


def _judged(given: FeedbackFilter) -> Where:
    """Ask for one judgement of the key that passes everything that is given."""
    asked = dict(_given(given))
    key, exists = asked.pop("key"), asked.pop("exists", True)
    parts: list[Where] = []
    for name, value in asked.items():
        found = _present(f"feedback.{name}", value)
        if name == "value":
            parts.append(_json(name, found))
        else:
            _add_tests(parts, name, found)
    return composed.feedback(key, All(tuple(parts)), exists=_present("feedback.exists", exists))


def _search(name: str, text: str) -> Where:
    return filters.test(name, "matches", search.parse(text))


def _expression(_name: str, text: str) -> Where:
    return language.parse(text)


def _some(relation: str, part: RunFilter) -> Where:
    return Some(relation, _all(part))


def _present(argument: str, value: Any) -> Any:
    if value is None:
        msg = f"{argument} is null; leave it out"
        raise InvalidError(msg)
    return value


_COMPOSED: Mapping[str, Callable[[str, Any], Where]] = {
    "and_": lambda _, parts: All(tuple(map(_all, parts))),
    "or_": lambda _, parts: AnyOf(tuple(map(_all, parts))),
    "not_": lambda _, part: Not(_all(part)),
    "tags": _tags,
    "metadata": _all_json,
    "inputs": _all_json,
    "outputs": _all_json,
    "feedback": _feedback,
    "search": _search,
    "expression": _expression,
    "root_run": _some,
    "any_run_in_trace": _some,
    "parent_run": _some,
    "any_child_run": _some,
    "any_descendant": _some,
}
"""What is more than a test of one column."""


def _given(value: Any) -> list[tuple[str, Any]]:
    return [each for each in value.__dict__.items() if each[1] is not _UNSET]


@cache
def _argument(clause: str, operator: str) -> str:
    """Return what an operator of a clause is called, for errors."""
    return f"{_spelled(clause)}.{_spelled(operator)}"


@cache
def _spelled(name: str) -> str:
    first, *others = name.strip("_").split("_")
    return first + "".join(part.capitalize() for part in others)
