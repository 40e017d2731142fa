"""LangSmith's second generation, under /api/v2: runs, traces and threads of projects.

`Client.runs`, `Client.traces` and `Client.threads` ask here. Only `id` is answered unless `selects`
names more. No time is assumed where none is given: LangSmith's own default is the last day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from starlette.requests import Request
from starlette.responses import Response

from db.errors import InvalidError
from graph.ingest.answers import ok
from graph.langsmith import filters
from graph.langsmith.asking import Asking, clamped, found, path_id
from graph.langsmith.fields import V2, Field, made, selection_of
from graph.langsmith.stats import STATS, stats_of

USUAL_PAGE, LARGEST_PAGE = 100, 1000
USUAL_THREADS, MOST_THREADS = 20, 100
MOST_OF_TRACE = 25_000

_AGGREGATES = ("total_tokens", "total_cost", "first_token_time")
_LIST = (
    "Runs($where: RunFilter, $first: Int, $after: String) {{"
    " runs(where: $where, first: $first, after: $after) {{"
    " nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)
_THREADS = f"""Threads($id: ID!, $first: Int, $after: String) {{
  project(by: {{id: $id}}) {{ threads(first: $first, after: $after) {{
    nodes {{ thread_id: threadId min_start_time: startTime max_start_time: endTime count: traceCount
             stats {STATS} }}
    pageInfo {{ hasNextPage endCursor }}
  }} }}
}}"""
_OF_TRACE = (
    "Trace($id: ID!, $where: RunFilter, $after: String) {{ trace(traceId: $id) {{"
    " runs(where: $where, first: 1000, after: $after) {{"
    " nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"
)
_OF_THREAD = f"""ThreadStats($where: RunFilter, $roots: RunFilter) {{
  runStats(where: $where) {{ stats {STATS} }}
  roots: runs(where: $roots, first: 0) {{ totalCount }}
  first: runs(where: $roots, last: 1) {{ nodes {{ startTime }} }}
  last: runs(where: $roots, first: 1) {{ nodes {{ startTime endTime }} }}
}}"""


@dataclass(frozen=True, slots=True)
class Reads:
    """The routes of the second generation."""

    asking: Asking

    async def run(self, request: Request) -> Response:
        """GET /runs/{id}."""
        id = path_id(request, "id", "run")
        fields = _selected(request.query_params.getlist("selects"))
        document = f"Run($id: ID!) {{ run(id: $id) {{ {selection_of(fields)} }} }}"
        data = await self.asking.ask(request, document, id=id)
        return ok(_shaped(request, fields, [found(data["run"], "run", id)])[0])

    async def url(self, request: Request) -> Response:
        """GET /runs/{id}/url."""
        id = path_id(request, "id", "run")
        data = await self.asking.ask(request, "Url($id: ID!) { run(id: $id) { appPath } }", id=id)
        run = found(data["run"], "run", id)
        return ok({"url": urljoin(str(request.base_url), run["appPath"])})

    async def query(self, request: Request) -> Response:
        """POST /runs/query."""
        sent = await self.asking.body(request)
        fields = _selected(sent.get("selects"))
        where = filters.where(filters.V2, sent)
        runs, following = await self._listed(request, sent, where, fields, LARGEST_PAGE)
        return ok({"items": runs, "next_cursor": following})

    async def trace(self, request: Request) -> Response:
        """GET /traces/{id}/runs: all of them, in dotted order."""
        id = path_id(request, "id", "trace")
        fields = _selected(request.query_params.getlist("selects"))
        conditions = {name: request.query_params.get(name) for name in _TRACE_CONDITIONS}
        where = filters.where(filters.V2, conditions)
        document = _OF_TRACE.format(selection=selection_of(fields))
        runs: list[dict[str, Any]] = []
        after = None
        while len(runs) < MOST_OF_TRACE:
            data = await self.asking.ask(request, document, id=id, where=where, after=after)
            page = found(data["trace"], "trace", id)["runs"]
            runs += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        return ok({"items": _shaped(request, fields, runs)})

    async def traces(self, request: Request) -> Response:
        """POST /traces/query: root runs, with what their traces add up to."""
        sent = await self.asking.body(request)
        fields = _selected(sent.get("selects"))
        where = filters.where(filters.V2, {**sent, "is_root": True})
        runs, following = await self._listed(request, sent, where, fields, MOST_THREADS)
        items = [
            {
                "root_run": {k: v for k, v in run.items() if k not in _AGGREGATES},
                "trace_aggregates": {k: run[k] for k in _AGGREGATES if k in run},
            }
            for run in runs
        ]
        return ok({"items": items, "next_cursor": following})

    async def threads(self, request: Request) -> Response:
        """POST /threads/query: threads of a project, that with the newest run first."""
        sent = await self.asking.body(request)
        _refuse_others(sent)
        id = str(sent.get("project_id"))
        first = clamped("page_size", sent.get("page_size"), USUAL_THREADS, MOST_THREADS)
        data = await self.asking.ask(
            request, _THREADS, id=id, first=first, after=sent.get("cursor")
        )
        page = found(data["project"], "project", id)["threads"]
        items = [_thread(each) for each in page["nodes"]]
        return ok({"items": items, "next_cursor": _following(page)})

    async def thread_traces(self, request: Request) -> Response:
        """GET /threads/{id}/traces: the roots of a thread, newest first."""
        thread = request.path_params["id"]
        sent: dict[str, Any] = dict(request.query_params)
        names = [*request.query_params.getlist("selects"), "TRACE_ID", "THREAD_ID"]
        fields = {name: field for name, field in _selected(names).items() if name != "id"}
        if "latency" in (name.lower() for name in names):
            fields["latency"] = V2["latency_seconds"]
        size = request.query_params.get("page_size")
        sent["page_size"] = int(size) if size and size.isdecimal() else None
        where = filters.where(filters.V2, {**sent, "is_root": True})
        where["and"].append({"threadId": {"eq": thread}})
        runs, following = await self._listed(request, sent, where, fields, LARGEST_PAGE)
        return ok({"items": runs, "next_cursor": following})

    async def thread_stats(self, request: Request) -> Response:
        """GET /threads/{id}/stats: sums over a thread's runs."""
        thread = request.path_params["id"]
        of_thread = {"threadId": {"eq": thread}}
        if session := request.query_params.get("session_id"):
            of_thread["sessionId"] = {"eq": session}
        roots = {"and": [of_thread, {"isRoot": True}]}
        data = await self.asking.ask(request, _OF_THREAD, where=of_thread, roots=roots)
        stats = stats_of(data["runStats"][0]["stats"], data["last"]["nodes"])
        newest = data["last"]["nodes"]
        oldest = data["first"]["nodes"]
        return ok(
            _dollars(stats)
            | {
                "turns": data["roots"]["totalCount"],
                "first_start_time": oldest[0]["startTime"] if oldest else None,
                "last_start_time": newest[0]["startTime"] if newest else None,
                "last_end_time": newest[0]["endTime"] if newest else None,
                "latency_p50_seconds": stats["latency_p50"],
                "latency_p99_seconds": stats["latency_p99"],
            }
        )

    async def _listed(
        self,
        request: Request,
        sent: Mapping[str, Any],
        where: dict[str, Any],
        fields: Mapping[str, Field],
        most: int,
    ) -> tuple[list[dict[str, Any]], str | None]:
        data = await self.asking.ask(
            request,
            _LIST.format(selection=selection_of(fields)),
            where=where,
            first=clamped("page_size", sent.get("page_size"), min(USUAL_PAGE, most), most),
            after=sent.get("cursor"),
        )
        page = data["runs"]
        return _shaped(request, fields, page["nodes"]), _following(page)


_TRACE_CONDITIONS = ("filter", "min_start_time", "max_start_time", "project_id")


def _refuse_others(sent: Mapping[str, Any]) -> None:
    """Refuse conditions on threads that are not served, rather than leave them out."""
    served = {"project_id", "page_size", "cursor"}
    others = sorted(
        name for name, value in sent.items() if value is not None and name not in served
    )
    if others:
        msg = f"{', '.join(others)}: threads are not narrowed here; ask for runs of a thread_id"
        raise InvalidError(msg)


def _selected(names: Any) -> Mapping[str, Field]:
    """Return the fields that are named, with the id."""
    wanted = [str(name).lower() for name in names or ()]
    return {"id": V2["id"], **{name: V2[name] for name in wanted if name in V2}}


def _shaped(
    request: Request, fields: Mapping[str, Field], runs: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return runs as the wire has them; addresses of files are whole, as clients load them so."""
    shaped = made(fields, runs)
    if "attachments" in fields:
        base = str(request.base_url)
        for run in shaped:
            files = run["attachments"] or ()
            run["attachments"] = {each["name"]: urljoin(base, each["url"]) for each in files}
    return shaped


def _following(page: dict[str, Any]) -> str | None:
    info = page["pageInfo"]
    return info["endCursor"] if info["hasNextPage"] else None


def _thread(thread: dict[str, Any]) -> dict[str, Any]:
    stats = stats_of(thread.pop("stats"), [])
    kept = ("latency_p50", "latency_p99", "total_tokens", "total_cost", "feedback_stats")
    return thread | {name: _dollars(stats)[name] for name in kept}


def _dollars(stats: dict[str, Any]) -> dict[str, Any]:
    """Return statistics with costs as numbers, which this generation wants."""
    costs = {
        name: float(value) for name, value in stats.items() if name.endswith("_cost") and value
    }
    return stats | costs
