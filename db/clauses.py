"""The names that filters are made of: one table of clauses, one of relations, one of JSON texts.

A clause is a column, a relation leads to other rows, a JSON text is searched by path. A new filter
is a line here, and one in `graph/types/filters.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, literal_column, select, tuple_

from db.tables import FEEDBACK, PROJECT, RUN, RUN_METADATA, RUN_PAYLOAD, RUN_TAG
from db.tree_order import beyond_place
from db.values import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Clause:
    """What a name in a filter means: a column of the table, or a test of its own.

    `literal`: its values are few and belong to the form, so that partial indexes serve them.
    """

    kind: Kind
    column: Callable[[FromClause], ColumnElement[Any]]
    within: Callable[[FromClause, str, ColumnElement[bool]], ColumnElement[bool]] | None = None
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """Other rows that hang on a row, and how: the condition on a row and one of the others."""

    table: FromClause
    on: Callable[[FromClause, FromClause], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class JsonSource:
    """Where a JSON text stands, and the path in it at which the paths of filters begin."""

    text: Callable[[FromClause], ColumnElement[Any]]
    prefix: tuple[str, ...] = ()


def _column(name: str) -> Callable[[FromClause], ColumnElement[Any]]:
    return lambda table: table.c[name]


def _stored(column: str) -> Clause:
    return Clause(kind_of(RUN.c[column].type), _column(column))


def _in_project(run: FromClause, operator: str, test: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the test of a run's project; equality finds one, so that a page keeps its index."""
    ids = select(PROJECT.c.id).where(test)
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
    "status": Clause(Kind.TEXT, _column("status"), literal=True),
    "is_root": Clause(Kind.BOOL, lambda run: run.c.parent_run_id.is_(None), literal=True),
    "project_name": Clause(Kind.TEXT, lambda _: PROJECT.c.name, within=_in_project),
    "search": Clause(Kind.SEARCH, lambda run: tuple_(run.c.trace_id, run.c.id)),
    "tag": Clause(Kind.TEXT, _column("tag")),
    "metadata_key": Clause(Kind.TEXT, _column("key")),
    "metadata_value": Clause(Kind.TEXT, _column("value")),
    "key": Clause(Kind.TEXT, _column("key")),
    "score": Clause(Kind.FLOAT, _column("score")),
    "comment": Clause(Kind.TEXT, _column("comment")),
}


def _same(*names: str, **others: str) -> Callable[[FromClause, FromClause], ColumnElement[bool]]:
    """Return the condition that columns are equal: under one name, or here=there."""
    pairs = {name: name for name in names} | others
    return lambda row, other: and_(
        *(other.c[there] == row.c[here] for here, there in pairs.items())
    )


def _below(run: FromClause, other: FromClause) -> ColumnElement[bool]:
    above, dotted = run.c.dotted_order, other.c.dotted_order
    return and_(
        other.c.trace_id == run.c.trace_id,
        beyond_place(dotted, above.concat(literal_column("'.'")), after=True),
        beyond_place(dotted, above.concat(literal_column("'/'")), after=False),
    )


_KEYED = _same("session_id", "start_time", "trace_id", "id")

RELATIONS: Mapping[str, Relation] = {
    "tags": Relation(RUN_TAG, _KEYED),
    "pairs": Relation(RUN_METADATA, _KEYED),
    "feedback": Relation(FEEDBACK, _same("trace_id", id="run_id")),
    "root_run": Relation(
        RUN, lambda run, root: and_(root.c.trace_id == run.c.trace_id, root.c.id == run.c.trace_id)
    ),
    "parent_run": Relation(RUN, _same("trace_id", parent_run_id="id")),
    "any_child_run": Relation(RUN, _same("trace_id", id="parent_run_id")),
    "any_descendant": Relation(RUN, _below),
    "any_run_in_trace": Relation(RUN, _same("trace_id")),
}
"""Every condition holds the trace, so that distributed tables find the others beside the row."""


def _payload(name: str) -> Callable[[FromClause], ColumnElement[Any]]:
    def text(run: FromClause) -> ColumnElement[Any]:
        payload = RUN_PAYLOAD.alias()
        same = payload.c.trace_id == run.c.trace_id, payload.c.id == run.c.id
        return select(payload.c[name]).where(*same).correlate(run).scalar_subquery()

    return text


JSON_SOURCES: Mapping[str, JsonSource] = {
    "inputs": JsonSource(_payload("inputs")),
    "outputs": JsonSource(_payload("outputs")),
    "metadata": JsonSource(_payload("extra"), ("metadata",)),
    "tags": JsonSource(_column("tags")),
    "value": JsonSource(_column("value")),
}
