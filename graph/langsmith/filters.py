"""From LangSmith's conditions to a RunFilter; those that are null or unknown count as left out."""

from collections.abc import Callable, Mapping
from typing import Any

from db.errors import InvalidError

Condition = Callable[[Any], dict[str, Any]]


def _at(*path: str) -> Condition:
    """Return a condition that puts a value where the path through a RunFilter leads."""

    def condition(value: Any) -> Any:
        for name in reversed(path):
            value = {name: value}
        return value

    return condition


def _listed(name: str) -> Condition:
    def condition(value: Any) -> dict[str, Any]:
        return {name: {"in": value}}

    return condition


def _errs(value: Any) -> dict[str, Any]:
    return {"error": {"isNull": not _flag("error", value)}}


def _is_root(value: Any) -> dict[str, Any]:
    return {"isRoot": _flag("is_root", value)}


def _run_type(value: Any) -> dict[str, Any]:
    return {"runType": {"eq": str(value).lower()}}


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, int) and value in {0, 1}:
        return bool(value)
    msg = f"{name} is {value!r}; true or false is wanted"
    raise InvalidError(msg)


_COMMON: Mapping[str, Condition] = {
    "is_root": _is_root,
    "filter": _at("expression"),
    "trace_filter": _at("rootRun", "expression"),
    "tree_filter": _at("anyRunInTrace", "expression"),
}

V1: Mapping[str, Condition] = _COMMON | {
    "id": _listed("id"),
    "trace": _at("traceId", "eq"),
    "parent_run": _at("parentRunId", "eq"),
    "run_type": _at("runType", "eq"),
    "session": _listed("sessionId"),
    "reference_example": _listed("referenceExampleId"),
    "start_time": _at("startTime", "gte"),
    "end_time": _at("startTime", "lte"),
    "error": _errs,
    "query": _at("search"),
}
"""Conditions of the first generation; both times bound when a run began."""

V2: Mapping[str, Condition] = _COMMON | {
    "ids": _listed("id"),
    "trace_id": _at("traceId", "eq"),
    "run_type": _run_type,
    "project_ids": _listed("sessionId"),
    "project_id": _at("sessionId", "eq"),
    "reference_examples": _listed("referenceExampleId"),
    "min_start_time": _at("startTime", "gte"),
    "max_start_time": _at("startTime", "lte"),
    "has_error": _errs,
}
"""Conditions of the second generation."""


def where(conditions: Mapping[str, Condition], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filter that a request's conditions come to."""
    given = ((name, sent.get(name)) for name in conditions)
    return {"and": [conditions[name](value) for name, value in given if value is not None]}
