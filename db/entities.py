"""The entities: run, trace, project, feedback, attachment."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, literal_column
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.schema import Table
from sqlmodel import SQLModel

from db import derivations as made
from db.dialects import AnyId
from db.entity import Attribute, Entity, plain
from db.models import Attachment, Feedback, Project, Run, RunPayload, RunStatus

PAYLOADS = ("inputs", "outputs", "extra", "events", "serialized")
"""Columns of run_payload that an answer may hold."""


def table(model: type[SQLModel]) -> Table:
    """Return the table behind a model."""
    return model.__table__  # type: ignore[attr-defined]


def _columns(model: type[SQLModel], *names: str) -> Mapping[str, ColumnElement[Any]]:
    columns = table(model).c
    return {name: columns[name] for name in names or columns.keys()}


def _of(model: type[SQLModel]) -> FromClause:
    return table(model)


def _runs(selected: frozenset[str]) -> FromClause:
    run, payload = table(Run), table(RunPayload)
    if selected.isdisjoint(PAYLOADS):
        return run
    same = and_(payload.c.trace_id == run.c.trace_id, payload.c.id == run.c.id)
    return run.outerjoin(payload, same)


_RUN_ATTRIBUTES: dict[str, Attribute] = {
    **plain(
        *("id", "name", "start_time", "run_type", "end_time", "error", "latency"),
        *("session_id", "trace_id", "parent_run_id", "reference_example_id", "manifest_id"),
        *("first_token_time", "time_to_first_token", "dotted_order", "in_dataset"),
        *("status", "depth", "model", "thread_id", "extra", "serialized", "outputs"),
        prompt_tokens="total_prompt_tokens",
        completion_tokens="total_completion_tokens",
        total_tokens="total_total_tokens",
        prompt_cost="total_prompt_cost",
        completion_cost="total_completion_cost",
        total_cost="total_total_cost",
        input_tokens="total_prompt_tokens",
        output_tokens="total_completion_tokens",
        input_cost="total_prompt_cost",
        output_cost="total_completion_cost",
    ),
    "tags": Attribute(("tags",), made.list_of_text, made.is_list_of_plain_text),
    "inputs": Attribute(("inputs",), made.object_or_empty, bool),
    "events": Attribute(("events",), made.list_of_json, made.is_plain_list),
    "metadata": Attribute(("extra",), made.metadata),
    "revision_id": Attribute(("extra",), made.revision_id),
    "parent_run_ids": Attribute(("dotted_order",), made.parent_run_ids),
    "is_root": Attribute(("parent_run_id",), made.is_root),
    "app_path": Attribute(("app_path", "id", "trace_id"), made.app_path),
    "prompt_token_details": Attribute(("total_details",), made.prompt_token_details),
    "completion_token_details": Attribute(("total_details",), made.completion_token_details),
    "prompt_cost_details": Attribute(("total_details",), made.prompt_cost_details),
    "completion_cost_details": Attribute(("total_details",), made.completion_cost_details),
    "input_token_details": Attribute(("total_details",), made.prompt_token_details),
    "output_token_details": Attribute(("total_details",), made.completion_token_details),
    "input_cost_details": Attribute(("total_details",), made.prompt_cost_details),
    "output_cost_details": Attribute(("total_details",), made.completion_cost_details),
}

RUN = Entity(
    name="Run",
    columns={**_columns(Run), **_columns(RunPayload, *PAYLOADS)},
    attributes=_RUN_ATTRIBUTES,
    key=("trace_id", "id"),
    source=_runs,
    lazy=frozenset(PAYLOADS),
)


def _trace_columns() -> Mapping[str, ColumnElement[Any]]:
    run = table(Run).c
    root = run.parent_run_id.is_(None)

    def largest(column: ColumnElement[Any], *, of: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.max(case((of, column)), type_=column.type)

    return {
        "trace_id": run.trace_id,
        "run_count": func.count(),
        "start_time": func.min(run.start_time, type_=run.start_time.type),
        "end_time": case(
            (
                largest(run.end_time, of=root).is_not(None),
                func.max(run.end_time, type_=run.end_time.type),
            )
        ),
        "status": func.coalesce(
            largest(run.status, of=root), literal_column(f"'{RunStatus.PENDING.value}'")
        ),
        "total_tokens": cast(func.sum(run.own_total_tokens), BigInteger),
        "total_cost": func.sum(run.own_total_cost, type_=run.own_total_cost.type),
        "session_id": func.coalesce(
            AnyId(case((root, run.session_id))), AnyId(run.session_id), type_=run.session_id.type
        ),
    }


TRACE = Entity(
    name="Trace",
    columns=_trace_columns(),
    attributes={
        **plain("trace_id", "start_time", "end_time", "run_count", "total_tokens", "total_cost"),
        **plain("status"),
        "latency": Attribute(("start_time", "end_time"), made.seconds_between),
    },
    key=("trace_id",),
    source=lambda _: _of(Run),
    group_by=("trace_id",),
    lazy=frozenset({"run_count", "start_time", "end_time", "status", "total_tokens", "total_cost"}),
)

PROJECT = Entity(
    name="Project",
    columns=_columns(Project),
    attributes={
        **plain("id", "name", "description", "created_at", "retention_days"),
        "metadata": Attribute(("extra",), made.metadata),
    },
    key=("id",),
    source=lambda _: _of(Project),
)

FEEDBACK = Entity(
    name="Feedback",
    columns=_columns(Feedback),
    attributes={
        **plain("id", "run_id", "trace_id", "session_id", "key", "score", "value", "comment"),
        **plain("correction", "source", "created_at", "modified_at"),
    },
    key=("trace_id", "id"),
    source=lambda _: _of(Feedback),
)

ATTACHMENT = Entity(
    name="Attachment",
    columns=_columns(Attachment, "trace_id", "run_id", "name", "mime_type", "size"),
    attributes=plain("trace_id", "run_id", "name", "mime_type", "size"),
    key=("trace_id", "run_id", "name"),
    source=lambda _: _of(Attachment),
)
