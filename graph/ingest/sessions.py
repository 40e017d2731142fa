"""Projects, which LangSmith calls sessions, as the SDK makes and changes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response

from db import deletion, project_admin
from db.errors import NotFoundError
from db.models import Project
from db.store import Store
from db.within import OpenStore
from graph.auth import viewer_in
from graph.ingest import bodies, queries, wire
from graph.ingest.answers import ok
from graph.ingest.bodies import IngestLimits

TENANT = "00000000-0000-4000-8000-000000000000"
"""The SDK wants a tenant; there is one."""


@dataclass(frozen=True, slots=True)
class SessionRoutes:
    """Endpoints under /sessions."""

    store: Store
    limits: IngestLimits
    clock: Callable[[], datetime]

    async def create(self, request: Request) -> Response:
        """POST /sessions; with ?upsert=true a project of that name is changed instead."""
        body = await bodies.read_plain(request, self.limits)
        told = wire.project(wire.Item("the project", body, default_id=uuid4()))
        fields: dict[str, Any] = {"created_at": self.clock(), **_fields(told)}
        project = Project(id=told.id, **fields)
        upsert = queries.flag(request, "upsert")
        stored = await self._store(request).write(project_admin.create, project, upsert=upsert)
        return ok(tracer_session(stored))

    async def delete(self, request: Request) -> Response:
        """DELETE /sessions/{id}, with its runs; answers what it was."""
        id = queries.path_id(request)
        found = await self.store.read_with(project_admin.find, id)
        if found is None:
            raise NotFoundError(f"there is no project {id}")
        await deletion.delete_projects(self.store, [id])
        return ok(tracer_session(found))

    async def update(self, request: Request) -> Response:
        """PATCH /sessions/{id}; what is null stays."""
        id = queries.path_id(request)
        body = await bodies.read_plain(request, self.limits)
        told = wire.project(wire.Item("the project", body, id, post=False))
        stored = await self._store(request).write(project_admin.change, id, _fields(told))
        return ok(tracer_session(stored))

    def _store(self, request: Request) -> OpenStore:
        return viewer_in(request.scope).store(self.store)


def _fields(told: wire.Told) -> dict[str, Any]:
    fields = {**told.values, **told.texts}
    if "start_time" in fields:
        fields["created_at"] = fields.pop("start_time")
    return fields


def tracer_session(project: Project) -> Mapping[str, Any]:
    """Return a project as the SDK's TracerSession."""
    return {
        "id": project.id,
        "name": project.name,
        "tenant_id": TENANT,
        "start_time": project.created_at,
        "end_time": project.end_time,
        "description": project.description,
        "extra": None if project.extra is None else orjson.Fragment(project.extra),
        "reference_dataset_id": project.reference_dataset_id,
    }
