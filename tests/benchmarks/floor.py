"""The least a server could do: for each query one handler written for it alone.

Starlette, the sqlite3 driver and orjson; a prepared statement, a comprehension from rows to
dicts, JSON text passed through. No GraphQL: of the request, only the id in its variables is read.
The answers are the product's, byte for byte.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db.values import money_text
from tests.benchmarks.cells import (
    ERRORS,
    FIELDS_10,
    FIELDS_25,
    FIELDS_JSON,
    PAGE,
    TEN_THOUSAND_DEEP,
    THOUSAND_DEEP,
)

Handler = Callable[[sqlite3.Connection, bytes], dict[str, Any]]

PRAGMAS = ("query_only=ON", "case_sensitive_like=ON", "mmap_size=1073741824")
"""Those of the product's readers."""

_ID = "f'{{(h := {v}.hex())[:8]}}-{{h[8:12]}}-{{h[12:16]}}-{{h[16:20]}}-{{h[20:]}}'"
_TIME = "f'{{{v}[:10]}}T{{{v}[11:]}}Z'"
_MONEY = "money_text({v})"
_OR_NULL = "(None if {{v}} is None else {made})"
_ID_OR_NULL, _TIME_OR_NULL, _MONEY_OR_NULL = (_OR_NULL.format(made=m) for m in (_ID, _TIME, _MONEY))
_JSON_OR_NULL = "(None if {v} is None else F({v}))"
_PLAIN = "{v}"

_FIELDS = {
    "id": ("run.id", _ID),
    "name": ("run.name", _PLAIN),
    "runType": ("run.run_type", _PLAIN),
    "startTime": ("run.start_time", _TIME),
    "endTime": ("run.end_time", _TIME_OR_NULL),
    "status": ("run.status", "STATUS[{v}]"),
    "parentRunId": ("run.parent_run_id", _ID_OR_NULL),
    "totalTokens": ("run.total_total_tokens", _PLAIN),
    "totalCost": ("run.total_total_cost", _MONEY_OR_NULL),
    "latency": ("run.latency", _PLAIN),
    "error": ("run.error", _PLAIN),
    "traceId": ("run.trace_id", _ID),
    "dottedOrder": ("run.dotted_order", _PLAIN),
    "sessionId": ("run.session_id", _ID),
    "manifestId": ("run.manifest_id", _ID_OR_NULL),
    "model": ("run.model", _PLAIN),
    "threadId": ("run.thread_id", _PLAIN),
    "promptTokens": ("run.total_prompt_tokens", _PLAIN),
    "completionTokens": ("run.total_completion_tokens", _PLAIN),
    "promptCost": ("run.total_prompt_cost", _MONEY_OR_NULL),
    "completionCost": ("run.total_completion_cost", _MONEY_OR_NULL),
    "firstTokenTime": ("run.first_token_time", _TIME_OR_NULL),
    "timeToFirstToken": ("run.time_to_first_token", _PLAIN),
    "depth": ("run.depth", _PLAIN),
    "tags": ("CAST(run.tags AS BLOB)", "F({v} or b'[]')"),
    "inputs": ("CAST(run_payload.inputs AS BLOB)", "F({v} or b'{{}}')"),
    "outputs": ("CAST(run_payload.outputs AS BLOB)", _JSON_OR_NULL),
}
"""What is read for a field, and what is made of it."""

_PAYLOADS = "run LEFT JOIN run_payload USING (trace_id, id)"
_KNOWN = {
    "F": orjson.Fragment,
    "STATUS": {"pending": "PENDING", "success": "SUCCESS", "error": "ERROR"},
    "money_text": money_text,
}


def create_app(path: str) -> Starlette:
    """Return a server of every cell's answer over one database file."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    handlers = {
        "/one": _one(FIELDS_10),
        "/list": _page(FIELDS_25, "run"),
        "/json": _page(FIELDS_JSON, _PAYLOADS),
        "/errors": _errors(),
        "/tree": _tree(FIELDS_10, THOUSAND_DEEP),
        "/big": _tree(FIELDS_10, TEN_THOUSAND_DEEP),
        "/heavy": _tree(FIELDS_JSON, TEN_THOUSAND_DEEP, _PAYLOADS),
    }
    routes = [
        Route(path, _endpoint(handler, connection), methods=["POST"])
        for path, handler in handlers.items()
    ]
    return Starlette(routes=routes)


def _endpoint(handler: Handler, connection: sqlite3.Connection) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        sent = orjson.loads(await request.body())
        id = bytes.fromhex(sent["variables"]["id"].replace("-", ""))
        return Response(
            orjson.dumps({"data": handler(connection, id)}),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    return answer


def _columns(fields: str) -> str:
    return ", ".join(_FIELDS[name][0] for name in fields.split())


def _dicts(
    fields: str, *, more: str = "", below: str = "", known: Mapping[str, Any] = _KNOWN
) -> Callable[..., list[dict[str, Any]]]:
    """Return a function from rows to dicts, written out.

    Rows have the columns `more` behind those of the fields; dicts have the text `below` at the
    end, which calls what is `known`.
    """
    names = fields.split()
    items = [f"{name!r}: {_FIELDS[name][1].format(v=f'c{at}')}" for at, name in enumerate(names)]
    targets = ", ".join(f"c{at}" for at in range(len(names)))
    body = f"[{{{', '.join(items)}{below}}} for {targets}{more} in rows]"
    return eval(f"lambda rows, of=None: {body}", dict(known))


def _page(fields: str, source: str) -> Handler:
    sql = (
        f"SELECT {_columns(fields)} FROM {source} WHERE run.session_id = ?"
        f" ORDER BY run.start_time DESC, run.id DESC LIMIT {PAGE}"
    )
    dicts = _dicts(fields)

    def answer(connection: sqlite3.Connection, project: bytes) -> dict[str, Any]:
        rows = connection.execute(sql, (project,)).fetchall()
        return {"runs": {"nodes": dicts(rows)}}

    return answer


def _errors() -> Handler:
    where = "FROM run WHERE session_id = ? AND status = 'error'"
    page = (
        f"SELECT {_columns(FIELDS_10)} {where}"
        f" ORDER BY start_time DESC, id DESC LIMIT {ERRORS + 1}"
    )
    dicts = _dicts(FIELDS_10)

    def answer(connection: sqlite3.Connection, project: bytes) -> dict[str, Any]:
        (total,) = connection.execute(f"SELECT count(*) {where}", (project,)).fetchone()
        rows = connection.execute(page, (project,)).fetchall()
        more = len(rows) > ERRORS
        return {
            "runs": {
                "totalCount": total,
                "nodes": dicts(rows[:ERRORS]),
                "pageInfo": {"hasNextPage": more},
            }
        }

    return answer


def _one(fields: str) -> Handler:
    sql = f"SELECT {_columns(fields)} FROM run WHERE id = ?"
    dicts = _dicts(fields)

    def answer(connection: sqlite3.Connection, id: bytes) -> dict[str, Any]:
        return {"run": dicts(connection.execute(sql, (id,)).fetchall())[0]}

    return answer


def _tree(fields: str, depth: int, source: str = "run") -> Handler:
    """Answer with a run and `depth` levels below it: a statement for it and one for all levels."""
    columns = f"{_columns(fields)}, run.id, run.trace_id, run.parent_run_id"
    root = f"SELECT {columns} FROM {source} WHERE run.id = ?"
    rest = (
        f"SELECT {columns} FROM {source} WHERE run.trace_id = ? AND run.depth > 0"
        f" AND run.depth <= {depth} ORDER BY run.dotted_order"
    )
    more = ", own, trace, parent"
    dicts = _dicts(fields, more=more)
    for _ in range(depth):
        below = ", 'childRuns': below(of.get(own, ()), of)"
        dicts = _dicts(fields, more=more, below=below, known={**_KNOWN, "below": dicts})

    def answer(connection: sqlite3.Connection, id: bytes) -> dict[str, Any]:
        roots = connection.execute(root, (id,)).fetchall()
        of: dict[bytes, list[tuple[Any, ...]]] = {}
        for row in connection.execute(rest, (roots[0][-2],)).fetchall():
            parent = row[-1]
            if parent in of:
                of[parent].append(row)
            else:
                of[parent] = [row]
        return {"run": dicts(roots, of)[0]}

    return answer
