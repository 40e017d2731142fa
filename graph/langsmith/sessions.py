"""Projects as the SDK reads them: found, listed, and with `include_stats` summed up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from db import project_admin
from db.errors import InvalidError, NotFoundError
from db.models import Project
from db.store import Store
from graph.auth import viewer_in
from graph.ingest import queries
from graph.ingest.answers import ok
from graph.ingest.sessions import tracer_session
from graph.langsmith.asking import Asking
from graph.langsmith.stats import NEWEST, STATS, stats_of

_STATS = f"""Projects($ids: [ID!]!, $where: RunFilter) {{
  nodes(ids: $ids) {{ ... on Project {{ stats(where: $where) {STATS} {NEWEST} }} }}
}}"""

TYPE = "PROJECT"
"""What the second generation calls those that are no experiments."""


@dataclass(frozen=True, slots=True)
class SessionReads:
    """The routes that read projects."""

    store: Store
    asking: Asking

    async def many(self, request: Request) -> Response:
        """GET /sessions."""
        return ok(await self._listed(request))

    async def one(self, request: Request) -> Response:
        """GET /sessions/{id}."""
        return ok(await self._found(request))

    async def many_v2(self, request: Request) -> Response:
        """GET /api/v2/sessions: pages whose cursor is how many came before."""
        limit, offset = queries.page(request, size="page_size", begin="cursor")
        items = await self._listed(request, limit=limit, offset=offset)
        following = str(offset + limit) if len(items) == limit else None
        return ok({"items": [{"type": TYPE, **each} for each in items], "next_cursor": following})

    async def one_v2(self, request: Request) -> Response:
        """GET /api/v2/sessions/{id}."""
        return ok({"type": TYPE, **await self._found(request)})

    async def _found(self, request: Request) -> dict[str, Any]:
        id = queries.path_id(request)
        found = await viewer_in(request.scope).store(self.store).read_with(project_admin.find, id)
        if found is None:
            raise NotFoundError(f"there is no project {id}")
        return (await self._answers(request, [found]))[0]

    async def _listed(self, request: Request, **page: int) -> list[dict[str, Any]]:
        limit, offset = queries.page(request) if not page else (page["limit"], page["offset"])
        given = request.query_params
        found = (
            await viewer_in(request.scope)
            .store(self.store)
            .read_with(
                project_admin.listed,
                ids=queries.ids(request, "id"),
                name=given.get("name"),
                name_contains=given.get("name_contains"),
                reference_dataset_ids=[
                    *queries.ids(request, "reference_dataset"),
                    *queries.ids(request, "reference_dataset_id"),
                ],
                reference_free=queries.flag(request, "reference_free"),
                metadata=_metadata(given.get("metadata")),
                limit=limit,
                offset=offset,
            )
        )
        return await self._answers(request, found)

    async def _answers(self, request: Request, found: Sequence[Project]) -> list[dict[str, Any]]:
        answers = [dict(tracer_session(project)) for project in found]
        if not (found and queries.flag(request, "include_stats")):
            return answers
        given = request.query_params
        bound = given.get("stats_start_time")
        where: dict[str, Any] = {"startTime": {"gte": bound}} if bound else {}
        if text := given.get("stats_filter"):
            where["expression"] = text
        ids = [str(project.id) for project in found]
        data = await self.asking.ask(request, _STATS, ids=ids, where=where)
        for answer, node in zip(answers, data["nodes"], strict=True):
            if node is not None:
                answer.update(stats_of(node["stats"], node["runs"]["nodes"]))
        return answers


def _metadata(text: str | None) -> Mapping[str, Any]:
    """Return what the metadata of projects has to hold."""
    if text is None:
        return {}
    try:
        value: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        msg = f"metadata is {text[:80]!r}; a JSON object is wanted"
        raise InvalidError(msg)
    return cast("dict[str, Any]", value)
