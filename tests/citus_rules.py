"""What Citus refuses, as far as it shows in a statement: every statement of the suite is checked.

Each rule names what is wrong with a statement that is sent to PostgreSQL, or finds nothing. The
suite as a whole can be run on a cluster as well, which then is the judge: RUNGRAPH_TEST_CITUS.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Engine, event

from db.citus import PLACES, Place
from db.postgres import PostgresReading

SPREAD = "|".join(name for name, place in PLACES.items() if place is Place.BY_TRACE)
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.I)
_CLOCK = re.compile(r"\b(now|clock_timestamp|statement_timestamp)\(\)|\bcurrent_timestamp\b", re.I)
_SPREAD_JOIN = re.compile(rf"\bJOIN\s+({SPREAD})\b(?:\s+AS\s+\w+)?\s+ON\b", re.I)
_SPREAD_FROM = re.compile(rf"\b(?:FROM|JOIN)\s+({SPREAD})\b", re.I)
_PART = re.compile(r"SELECT s\.\*, \d+ FROM \((.*?)\) AS s(?= UNION ALL SELECT s\.|$)", re.S)
"""One of several parents' rows, as `db.answers.seek` puts them together."""
_ENDS_CONDITION = re.compile(r"\b(LEFT|INNER|JOIN|WHERE|GROUP|ORDER|LIMIT|UNION|RETURNING)\b", re.I)


def _condition(sql: str, at: int) -> str:
    """Return what follows a place, up to the end of the condition there."""
    depth = 0
    for found in re.finditer(r"[()]|\b[A-Za-z]+\b", sql[at:]):
        word = found.group()
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0 or (depth == 0 and _ENDS_CONDITION.fullmatch(word)):
            return sql[at : at + found.start()]
    return sql[at:]


def _joins(sql: str) -> str | None:
    for join in _SPREAD_JOIN.finditer(sql):
        before = sql[: join.start()]
        beside = _SPREAD_FROM.findall(before[before.upper().rfind("SELECT") :])
        if beside and "trace_id" not in _condition(sql, join.end()):
            return f"{join[1]} is joined with {beside[-1]} on something else than trace_id"
    return None


def _locks(sql: str) -> str | None:
    if re.search(r"\bFOR (UPDATE|SHARE|NO KEY UPDATE)\b", sql, re.I) and "trace_id" not in sql:
        return "rows of several traces are locked"
    return None


def _recursion(sql: str) -> str | None:
    if re.search(r"\bWITH RECURSIVE\b", sql, re.I) and "trace_id" not in sql:
        return "a recursive query does not stay in one trace"
    return None


def _clock(sql: str) -> str | None:
    if _WRITES.match(sql) and _CLOCK.search(sql):
        return "what is written depends on the clock of a node"
    return None


def _grouping(sql: str) -> str | None:
    return "GROUPING SETS" if re.search(r"\bGROUPING SETS|\bCUBE ?\(", sql, re.I) else None


def _parts(sql: str) -> str | None:
    for part in _PART.findall(sql):
        if "ORDER BY" in part and not re.search(r"\bLIMIT \S+$", part.strip()):
            return "a part that is sorted but not cut, which need not stay in order"
    return None


def _triggers(sql: str) -> str | None:
    return "a trigger" if re.search(r"\bCREATE (OR REPLACE )?TRIGGER\b", sql, re.I) else None


RULES: tuple[Callable[[str], str | None], ...] = (
    *(_joins, _locks, _recursion, _clock, _grouping, _parts, _triggers),
)


@cache
def fault_of(sql: str) -> str | None:
    """Return what Citus would say of a statement; None if nothing."""
    return next(filter(None, (rule(sql) for rule in RULES)), None)


@contextmanager
def watched() -> Iterator[None]:
    """Check every statement that is sent to PostgreSQL, by whichever driver."""

    def check(sql: str) -> None:
        fault = fault_of(sql)
        assert fault is None, f"Citus would refuse this: {fault}\n{sql}"

    def sent(connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if connection.dialect.name == "postgresql":
            check(sql)

    read = PostgresReading.rows

    async def rows(self: PostgresReading, sql: str, values: Any) -> Any:
        check(sql)
        return await read(self, sql, values)

    event.listen(Engine, "before_cursor_execute", sent)
    PostgresReading.rows = rows  # type: ignore[method-assign]
    try:
        yield
    finally:
        PostgresReading.rows = read  # type: ignore[method-assign]
        event.remove(Engine, "before_cursor_execute", sent)
