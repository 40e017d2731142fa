"""How far a reader reaches: into some projects, outside of which nothing is there.

Every statement of such a reader begins with a view of each table it names, of the same name, that
holds what is inside only. It is put before the finished text, so that no question can forget it:
names of tables mean the views, in whatever subquery. Databases plan such a view as conditions of
the statement itself. Readers without a reach pay nothing.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, event

OPTION = "rungraph_reach"
"""Execution option of a connection that holds the `Reach` of whom it works for."""

_CACHED_TEXTS = 4096
_HOMES: Mapping[str, str] = {"sqlite": "main", "postgresql": "rungraph"}
"""By dialect, the schema that the tables are in."""

_OWN = "{row}.session_id {inside}"
_NEVER = "1 = 0"


def _of_run(column: str) -> str:
    return (
        "(SELECT seen.session_id FROM {home}.run AS seen WHERE seen.trace_id = {row}.trace_id"  # noqa: S608
        f" AND seen.id = {{row}}.{column}) {{inside}}"
    )


INSIDE: Mapping[str, str] = {
    "access_key": _NEVER,
    "attachment": _of_run("run_id"),
    "discarded_object": _NEVER,
    "imported_file": _NEVER,
    "feedback": (
        f"({{row}}.session_id IS NULL OR {_OWN}) AND CASE"
        f" WHEN {{row}}.run_id IS NOT NULL THEN {_of_run('run_id')}"
        f" WHEN {{row}}.session_id IS NULL THEN {_of_run('trace_id')} ELSE 1 = 1 END"
    ),
    "parked": _NEVER,
    "project": "{row}.id {inside}",
    "run": _OWN,
    "run_metadata": _OWN,
    "run_payload": _of_run("id"),
    "run_rollup_day": _OWN,
    "run_rollup_dirty": _OWN,
    "run_rollup_hour": _OWN,
    "run_search": _of_run("id"),
    "run_search_queue": _NEVER,
    "run_tag": _OWN,
    "thread": _OWN,
    "thread_trace": _OWN,
}
"""What is inside, by table. `row` is a row of it; feedback on a trace belongs to its root run."""

_NAMED = re.compile(rf"\b({'|'.join(INSIDE)})\b")
_QUALIFIED = re.compile(rf"\b(?:main|temp|rungraph)\s*\.\s*\"?(?:{'|'.join(INSIDE)})\b")
_WITH = re.compile(r"\s*WITH\s+(RECURSIVE\s+)?", re.IGNORECASE)
_READS = re.compile(r"[\s(]*(?:SELECT|WITH)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reach:
    """Some projects."""

    projects: frozenset[UUID]

    def within(self, dialect: str, sql: str) -> str:
        """Return a reading statement for which nothing but these projects is there."""
        return _within(dialect, self.projects, sql)

    def holds(self, projects: Collection[UUID]) -> bool:
        """Say whether all of some projects are inside."""
        return self.projects.issuperset(projects)


def reach_of(connection: Connection) -> Reach | None:
    """Return the reach of whom a connection works for; None: everything."""
    return connection.get_execution_options().get(OPTION)


def keep_within(engine: Engine) -> None:
    """Have the engine's connections obey the option `OPTION`, in all that they read."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _(
        connection: Connection, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        reach = reach_of(connection)
        if reach is not None and _READS.match(sql):
            sql = reach.within(connection.dialect.name, sql)
        return sql, values


@lru_cache(maxsize=_CACHED_TEXTS)
def _within(dialect: str, projects: frozenset[UUID], sql: str) -> str:
    found = _QUALIFIED.search(sql)
    if found:
        raise RuntimeError(f"a limited reader's statement names {found[0]!r} past its view")
    named = sorted(set(_NAMED.findall(sql)))
    if not named:
        return sql
    views = ", ".join(_view(dialect, table, _inside(dialect, projects)) for table in named)
    begun = _WITH.match(sql)
    if begun is None:
        return f"WITH {views} {sql}"
    return f"WITH {begun[1] or ''}{views}, {sql[begun.end() :]}"


def _view(dialect: str, table: str, inside: str) -> str:
    home = _HOMES[dialect]
    condition = INSIDE[table].format(home=home, row="real", inside=inside)
    return (
        f"{table} AS NOT MATERIALIZED (SELECT real.* FROM {home}.{table} AS real"  # noqa: S608 - ours
        f" WHERE {condition})"
    )


def _inside(dialect: str, projects: frozenset[UUID]) -> str:
    """Return what follows a project's id where it must be one of these."""
    if dialect == "sqlite":
        ids = [f"x'{id.hex}'" for id in sorted(projects)]
    else:
        ids = [f"CAST('{id}' AS UUID)" for id in sorted(projects)]
    return f"= {ids[0]}" if len(ids) == 1 else f"IN ({', '.join(ids) or 'NULL'})"
