"""LangSmith's first generation: `/runs/{id}`, `/runs/query`, `/runs/stats`.

`Client.read_run`, `list_runs` and `get_run_stats` ask here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from db.errors import InvalidError
from graph.ingest.answers import ok
from graph.langsmith import filters
from graph.langsmith.asking import Asking, clamped, found, path_id
from graph.langsmith.fields import V1, Field, made, selection_of
from graph.langsmith.stats import NEWEST, STATS, stats_of

USUAL_PAGE, LARGEST_PAGE = 100, 1000
MOST_GROUPS = 100

_ORDERS = {"asc": "ASC", "desc": "DESC"}

_GROUPS = {
    "name": {"field": "NAME"},
    "run_type": {"field": "RUN_TYPE"},
    "tag": {"field": "TAG"},
}


@dataclass(frozen=True, slots=True)
class RunReads:
    """The routes of runs."""

    asking: Asking

    async def read(self, request: Request) -> Response:
        """GET /runs/{id}."""
        id = path_id(request, "id", "run")
        document = f"Run($id: ID!) {{ run(id: $id) {{ {selection_of(V1)} }} }}"
        data = await self.asking.ask(request, document, id=id)
        return ok(made(V1, [found(data["run"], "run", id)])[0])

    async def query(self, request: Request) -> Response:
        """POST /runs/query."""
        sent = await self.asking.body(request)
        fields = _selected(sent.get("select"))
        order = str(sent.get("order") or "desc").lower()
        if order not in _ORDERS:
            msg = f"order is {order!r}; asc or desc is wanted"
            raise InvalidError(msg)
        data = await self.asking.ask(
            request,
            "Runs($where: RunFilter, $order: [RunOrder!], $first: Int, $after: String) {"
            " runs(where: $where, orderBy: $order, first: $first, after: $after) {"
            f" nodes {{ {selection_of(fields)} }} pageInfo {{ hasNextPage endCursor }} }} }}",
            where=filters.where(filters.V1, sent),
            order=[{"field": "START_TIME", "direction": _ORDERS[order]}],
            first=clamped("limit", sent.get("limit"), USUAL_PAGE, LARGEST_PAGE),
            after=sent.get("cursor"),
        )
        page = data["runs"]
        info = page["pageInfo"]
        following = info["endCursor"] if info["hasNextPage"] else None
        cursors = {"next": following, "prev": None}
        return ok({"runs": made(fields, page["nodes"]), "cursors": cursors, "parsed_query": None})

    async def stats(self, request: Request) -> Response:
        """POST /runs/stats; with `group_by` an object of statistics by value."""
        sent = await self.asking.body(request)
        where = filters.where(filters.V1, sent)
        grouped = sent.get("group_by")
        data = await self.asking.ask(
            request,
            "Stats($where: RunFilter, $groupBy: [RunGroup!]) {"
            " runStats(where: $where, groupBy: $groupBy) {"
            f" key {{ value }} stats {STATS} {NEWEST} }} }}",
            where=where,
            groupBy=[_group(grouped)] if grouped else [],
        )
        groups = [
            (each["key"], stats_of(each["stats"], each["runs"]["nodes"]))
            for each in data["runStats"]
        ]
        if not grouped:
            return ok(groups[0][1])
        most = clamped("max_groups", grouped.get("max_groups"), MOST_GROUPS, MOST_GROUPS)
        return ok({str(key[0]["value"]): stats for key, stats in groups[:most]})


def _selected(names: Any) -> Mapping[str, Field]:
    """Return the fields that are named and known, with the id; all of them if none are named."""
    if names is None:
        return V1
    if not isinstance(names, list):
        msg = f"select is {names!r}; a list of names is wanted"
        raise InvalidError(msg)
    wanted = cast("list[Any]", names)
    return {"id": V1["id"], **{name: V1[name] for name in wanted if name in V1}}


def _group(sent: dict[str, Any]) -> dict[str, Any]:
    attribute = sent.get("attribute")
    if attribute == "metadata" and sent.get("path"):
        return {"metadata": sent["path"]}
    if attribute in _GROUPS:
        return _GROUPS[attribute]
    msg = (
        f"group_by.attribute is {attribute!r}; name, run_type, tag, or metadata with a path"
        " is wanted"
    )
    raise InvalidError(msg)
