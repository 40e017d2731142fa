"""The least a server could do: for each query one handler written for it alone.

Starlette, a driver and orjson; a prepared statement, a comprehension from rows to dicts, JSON
text passed through. No GraphQL: of the request, only the id in its variables is read. The answers
are the product's, byte for byte.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.cells import (
    ERRORS,
    FIELDS_10,
    FIELDS_25,
    FIELDS_JSON,
    PAGE,
    TEN_THOUSAND_DEEP,
    THOUSAND_DEEP,
)
from tests.benchmarks.drivers import DRIVERS, Ask, Driver

Handler = Callable[[Ask, Any], Awaitable[dict[str, Any]]]

_FIELDS = {
    "id": ("run.id", "id"),
    "name": ("run.name", "text"),
    "runType": ("run.run_type", "text"),
    "startTime": ("run.start_time", "time"),
    "endTime": ("run.end_time", "time?"),
    "status": ("run.status", "status"),
    "parentRunId": ("run.parent_run_id", "id?"),
    "totalTokens": ("run.total_total_tokens", "number"),
    "totalCost": ("run.total_total_cost", "money?"),
    "latency": ("run.latency", "number"),
    "error": ("run.error", "text"),
    "traceId": ("run.trace_id", "id"),
    "dottedOrder": ("run.dotted_order", "text"),
    "sessionId": ("run.session_id", "id"),
    "manifestId": ("run.manifest_id", "id?"),
    "model": ("run.model", "text"),
    "threadId": ("run.thread_id", "text"),
    "promptTokens": ("run.total_prompt_tokens", "number"),
    "completionTokens": ("run.total_completion_tokens", "number"),
    "promptCost": ("run.total_prompt_cost", "money?"),
    "completionCost": ("run.total_completion_cost", "money?"),
    "firstTokenTime": ("run.first_token_time", "time?"),
    "timeToFirstToken": ("run.time_to_first_token", "number"),
    "depth": ("run.depth", "number"),
    "tags": ("run.tags", "json or []"),
    "inputs": ("run_payload.inputs", "json or {}"),
    "outputs": ("run_payload.outputs", "json?"),
}
"""The column of a field and its kind: `?` where it may be null, `or` and what null becomes."""

_VALUES = {"status": "STATUS[{v}]", "json": "F({v})"}
_PAYLOADS = "run LEFT JOIN run_payload USING (trace_id, id)"
_KNOWN = {
    "F": orjson.Fragment,
    "STATUS": {"pending": "PENDING", "success": "SUCCESS", "error": "ERROR"},
}


def create_app(url: str) -> Starlette:
    """Return a server of every cell's answer over one database."""
    driver = DRIVERS[url.partition(":")[0]]
    ask = driver.open(url)
    handlers = {
        "/one": _one(driver),
        "/list": _page(driver, FIELDS_25, "run"),
        "/json": _page(driver, FIELDS_JSON, _PAYLOADS),
        "/errors": _errors(driver),
        "/tree": _tree(driver, FIELDS_10, THOUSAND_DEEP, "run"),
        "/big": _tree(driver, FIELDS_10, TEN_THOUSAND_DEEP, "run"),
        "/heavy": _tree(driver, FIELDS_JSON, TEN_THOUSAND_DEEP, _PAYLOADS),
    }

    def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            sent = orjson.loads(await request.body())
            data = await handler(ask, driver.key(sent["variables"]["id"]))
            return Response(
                orjson.dumps({"data": data}),
                media_type="application/json",
                headers={"cache-control": "no-store"},
            )

        return answer

    return Starlette(
        routes=[
            Route(path, endpoint(handler), methods=["POST"]) for path, handler in handlers.items()
        ]
    )


def _columns(driver: Driver, fields: str) -> str:
    found = (_FIELDS[name] for name in fields.split())
    return ", ".join(
        driver.columns.get(kind.rstrip("?").partition(" ")[0], "{c}").format(c=column)
        for column, kind in found
    )


def _value(driver: Driver, field: str, name: str) -> str:
    """Return the Python text for a field's value, of a column called `name`."""
    kind, _, default = _FIELDS[field][1].partition(" or ")
    base = kind.rstrip("?")
    given = f"{name} or b{default!r}" if default else name
    made = {**driver.values, **_VALUES}.get(base, "{v}").format(v=given)
    return f"(None if {name} is None else {made})" if kind.endswith("?") else made


def _dicts(
    driver: Driver, fields: str, *, more: str = "", below: Mapping[str, Any] | None = None
) -> Callable[..., list[dict[str, Any]]]:
    """Return a function from rows to dicts, written out.

    Rows have the columns `more` behind those of the fields. With `below`, the function for the
    level below by that name, dicts have child runs.
    """
    names = fields.split()
    items = [f"{name!r}: {_value(driver, name, f'c{at}')}" for at, name in enumerate(names)]
    if below:
        items.append("'childRuns': below(of.get(own, ()), of)")
    targets = ", ".join(f"c{at}" for at in range(len(names)))
    text = f"lambda rows, of=None: [{{{', '.join(items)}}} for {targets}{more} in rows]"
    return eval(text, {**_KNOWN, **driver.functions, **(below or {})})


def _one(driver: Driver) -> Handler:
    sql = f"SELECT {_columns(driver, FIELDS_10)} FROM run WHERE id = ?"
    dicts = _dicts(driver, FIELDS_10)

    async def answer(ask: Ask, id: Any) -> dict[str, Any]:
        return {"run": dicts(await ask(sql, (id,)))[0]}

    return answer


def _page(driver: Driver, fields: str, source: str) -> Handler:
    sql = (
        f"SELECT {_columns(driver, fields)} FROM {source} WHERE run.session_id = ?"
        f" ORDER BY run.start_time DESC, run.id DESC LIMIT {PAGE}"
    )
    dicts = _dicts(driver, fields)

    async def answer(ask: Ask, project: Any) -> dict[str, Any]:
        return {"runs": {"nodes": dicts(await ask(sql, (project,)))}}

    return answer


def _errors(driver: Driver) -> Handler:
    where = "FROM run WHERE session_id = ? AND status = 'error'"
    count = f"SELECT count(*) {where}"
    page = (
        f"SELECT {_columns(driver, FIELDS_10)} {where}"
        f" ORDER BY start_time DESC, id DESC LIMIT {ERRORS + 1}"
    )
    dicts = _dicts(driver, FIELDS_10)

    async def answer(ask: Ask, project: Any) -> dict[str, Any]:
        ((total,),) = await ask(count, (project,))
        rows = await ask(page, (project,))
        return {
            "runs": {
                "totalCount": total,
                "nodes": dicts(rows[:ERRORS]),
                "pageInfo": {"hasNextPage": len(rows) > ERRORS},
            }
        }

    return answer


def _tree(driver: Driver, fields: str, depth: int, source: str) -> Handler:
    """Answer with a run and `depth` levels below it: a statement for it and one for all levels."""
    columns = f"{_columns(driver, fields)}, run.id, run.trace_id, run.parent_run_id"
    root = f"SELECT {columns} FROM {source} WHERE run.id = ?"
    rest = (
        f"SELECT {columns} FROM {source} WHERE run.trace_id = ? AND run.depth > 0"
        f" AND run.depth <= {depth} ORDER BY run.dotted_order"
    )
    more = ", own, trace, parent"
    dicts = _dicts(driver, fields, more=more)
    for _ in range(depth):
        dicts = _dicts(driver, fields, more=more, below={"below": dicts})

    async def answer(ask: Ask, id: Any) -> dict[str, Any]:
        roots = await ask(root, (id,))
        of: dict[Any, list[Any]] = {}
        for row in await ask(rest, (roots[0][-2],)):
            parent = row[-1]
            if parent in of:
                of[parent].append(row)
            else:
                of[parent] = [row]
        return {"run": dicts(roots, of)[0]}

    return answer
