"""Tables and joins that databases spell differently: rows made of one parameter or one column."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    true,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.schema import Table
from sqlalchemy.sql.selectable import Join
from sqlmodel.sql.sqltypes import UTCDateTime

from db.paths import Path
from db.values import ASKED, Kind

Joined = tuple[FromClause, ColumnElement[Any]]
"""Where to select from, and what a join added to it."""


class FirstThen(Join):
    """A join whose left side is read first: SQLite's optimizer leaves CROSS JOIN as it stands."""

    inherit_cache = True


@compiles(FirstThen, "sqlite")
def _join_in_order(join: Any, compiler: SQLCompiler, **options: Any) -> str:
    options["asfrom"] = True
    left, right = (compiler.process(side, **options) for side in (join.left, join.right))
    options.pop("asfrom")
    options.pop("from_linter", None)
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


@compiles(FirstThen)
def _join_in_any_order(join: FirstThen, compiler: Any, **options: Any) -> str:
    return compiler.visit_join(join, **options)


class _SpanRows(FunctionElement[Any]):
    inherit_cache = True
    name = "span_rows"


@compiles(_SpanRows, "sqlite")
def _spans_of_json(source: _SpanRows, compiler: SQLCompiler, **options: Any) -> str:
    spans = compiler.process(source.clauses, **options)
    return (
        "(SELECT key AS at, json_extract(value, '$[0]') AS since,"  # noqa: S608
        f" json_extract(value, '$[1]') AS until FROM json_each({spans}))"
    )


@compiles(_SpanRows, "postgresql")
def _spans_of_an_array(source: _SpanRows, compiler: SQLCompiler, **options: Any) -> str:
    spans = compiler.process(source.clauses, **options)
    return (
        "(SELECT CAST(at AS INTEGER) AS at, edges[2 * at + 1] AS since,"  # noqa: S608
        f" edges[2 * at + 2] AS until"
        f" FROM (SELECT CAST({spans} AS TIMESTAMPTZ[]) AS edges) AS given,"
        " generate_series(0, cardinality(edges) / 2 - 1) AS at)"
    )


def in_spans(name: str, rows: Table, time: str) -> Joined:
    """Join rows to the spans of time in which they begin, each span by itself by an index.

    The parameter `name` holds the spans, as `packed_spans` writes them; what is added is the
    number of the span.
    """
    source = _SpanRows(bindparam(name))
    spans = source.table_valued(
        column("at", Integer()),
        column("since", UTCDateTime()),
        column("until", UTCDateTime()),
        name=name,
    )
    within = and_(rows.c[time] >= spans.c.since, rows.c[time] < spans.c.until)
    return FirstThen(spans, rows, within), spans.c.at


def packed_spans(dialect: str, spans: Sequence[tuple[datetime, datetime]]) -> Any:
    """Return spans, each from a moment to just before another, as one parameter."""
    if not spans:
        return _NO_SPANS[dialect]
    convert = ASKED[dialect].get(Kind.TIME)
    if convert is None:
        return [edge for span in spans for edge in span]
    return orjson.dumps([[convert(since), convert(until)] for since, until in spans]).decode()


_NO_SPANS: Mapping[str, Any] = {"sqlite": "[]", "postgresql": []}


class _TagRows(FunctionElement[Any]):
    inherit_cache = True
    name = "tag_rows"


@compiles(_TagRows, "sqlite")
def _tags_of_json(source: _TagRows, compiler: SQLCompiler, **options: Any) -> str:
    tags = compiler.process(source.clauses, **options)
    return f"json_each((SELECT json_group_array(DISTINCT value) FROM json_each({tags})))"  # noqa: S608


@compiles(_TagRows, "postgresql")
def _tags_of_jsonb(source: _TagRows, compiler: SQLCompiler, **options: Any) -> str:
    tags = compiler.process(source.clauses, **options)
    each = f"jsonb_array_elements_text(CAST({tags} AS JSONB)) AS each(value)"
    return f"LATERAL (SELECT DISTINCT value FROM {each})"  # noqa: S608


def with_tags(source: FromClause, tags: ColumnElement[Any]) -> Joined:
    """Join rows to their tags, each once; a row without tags stays, with NULL."""
    rows = _TagRows(tags).table_valued(column("value", Text()), name="tagged")
    return source.outerjoin(rows, true()), rows.c.value


def _sqlite_json_at(text: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    valid = case((func.json_valid(text) == literal_column("1"), text))
    return valid.op("->", return_type=Text())(bindparam(name))


def _postgresql_json_at(text: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    path = cast(bindparam(name), postgresql.ARRAY(Text()))
    return cast(cast(text, postgresql.JSONB).op("#>")(path), Text)


JSON_AT: Mapping[str, Callable[[ColumnElement[Any], str], ColumnElement[Any]]] = {
    "sqlite": _sqlite_json_at,
    "postgresql": _postgresql_json_at,
}
"""The JSON text of what stands at a path of JSON text; the parameter is of `JSON_PATH`."""


def _sqlite_step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else "." + json.dumps(step, ensure_ascii=False)


JSON_PATH: Mapping[str, Callable[[Path], Any]] = {
    "sqlite": lambda path: "$" + "".join(map(_sqlite_step, path)),
    "postgresql": lambda path: [str(step) for step in path],
}
"""A path as the database takes it."""


def cell_of(seconds: ColumnElement[Any], base: float) -> ColumnElement[int]:
    """Return the cell of a histogram that a duration falls into; NULL stays NULL.

    Cell n holds the milliseconds m for which base^n <= m + 1 < base^(n + 1).
    """
    zero = literal_column("0.0", type_=Float())
    milliseconds = case((seconds > zero, seconds * literal_column("1000.0")), else_=zero)
    scaled = func.ln(milliseconds + literal_column("1.0")) / literal_column(repr(math.log(base)))
    return case((seconds.is_not(None), cast(func.floor(scaled), BigInteger)))


class SumOf(FunctionElement[int]):
    """A sum of whole numbers; beyond 64 bits it stays at `_MOST`, where SQLite gives up."""

    inherit_cache = True


_MOST = 9 * 10**18


@compiles(SumOf, "sqlite")
def _sum_of_halves(element: SumOf, compiler: SQLCompiler, **options: Any) -> str:
    of = compiler.process(element.clauses, **options)
    exact = f"sum({of} >> 32) * 4294967296 + sum({of} & 4294967295)"
    return f"CASE WHEN total({of}) < {_MOST}.0 THEN {exact} WHEN count({of}) THEN {_MOST} END"


@compiles(SumOf, "postgresql")
def _sum_of_numbers(element: SumOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"
