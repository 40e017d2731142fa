"""Projects as their owner handles them one by one: found, listed, made, changed."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, insert, select, update
from sqlmodel import col

from db.errors import ConflictError, ForbiddenError, NotFoundError
from db.models import Project
from db.projects import find_or_make, id_of
from db.reach import reach_of

_CHANGEABLE = {"name", "description", "extra", "end_time", "reference_dataset_id"}
_TOLD = ("description", "extra", "retention_days")


def find(connection: Connection, id: UUID) -> Project | None:
    """Return the project with an id."""
    return _one(connection, col(Project.id) == id)


def find_named(connection: Connection, name: str) -> Project | None:
    """Return the project with a name."""
    return _one(connection, col(Project.name) == name)


def listed(
    connection: Connection,
    *,
    ids: Collection[UUID] = (),
    name: str | None = None,
    name_contains: str | None = None,
    reference_dataset_ids: Collection[UUID] = (),
    reference_free: bool = False,
    metadata: Mapping[str, Any] = MappingProxyType({}),
    limit: int,
    offset: int = 0,
) -> list[Project]:
    """Return projects, newest first; every condition that is given must hold.

    `metadata` is what theirs has to hold, looked through in Python: projects are few.
    """
    statement = select(Project)
    if ids:
        statement = statement.where(col(Project.id).in_(ids))
    if name is not None:
        statement = statement.where(col(Project.name) == name)
    if name_contains is not None:
        statement = statement.where(col(Project.name).icontains(name_contains, autoescape=True))
    if reference_dataset_ids:
        statement = statement.where(col(Project.reference_dataset_id).in_(reference_dataset_ids))
    if reference_free:
        statement = statement.where(col(Project.reference_dataset_id).is_(None))
    newest_first = statement.order_by(col(Project.created_at).desc(), col(Project.id).desc())
    if not metadata:
        newest_first = newest_first.limit(limit).offset(offset)
    found = [Project(**row) for row in connection.execute(newest_first).mappings()]
    if not metadata:
        return found
    noted = ((project, _noted(project)) for project in found)
    holding = [
        project
        for project, held in noted
        if all(held.get(name) == value for name, value in metadata.items())
    ]
    return holding[offset : offset + limit]


def create(connection: Connection, project: Project, *, upsert: bool = False) -> Project:
    """Store a project and return it; with `upsert` one of that name is changed instead.

    Raises ConflictError where its name, or its id, is taken. The same project again is no conflict.
    """
    if found := find(connection, project.id):
        if found.name != project.name:
            raise ConflictError(f"project {project.id} is there already, named {found.name!r}")
        return change(connection, found.id, _changes(project))
    if found := find_named(connection, project.name):
        if not upsert:
            raise ConflictError(f"a project named {project.name!r} is there already: {found.id}")
        return change(connection, found.id, _changes(project))
    project.id = _allowed_id(connection, project.name, project.id)
    connection.execute(insert(Project).values(**project.model_dump()))
    return project


def make(connection: Connection, told: Mapping[str, Any], now: datetime) -> Project:
    """Store a project, told by its name and more, and return it; the same again is no conflict.

    Raises ConflictError where one of that name is there of which something else was told.
    """
    name = told["name"]
    found = find_named(connection, name)
    if found is None:
        _allowed_id(connection, name, id_of(name))
        id = find_or_make(connection, {(None, name)}, now)[None, name]
        return change(connection, id, told)
    other = [part for part in _TOLD if told.get(part) not in (None, getattr(found, part))]
    if other:
        names = " and ".join(other)
        raise ConflictError(
            f"a project named {name!r} is there already: {found.id}, with another {names}"
        )
    return found


def amend(
    connection: Connection, id: UUID, changes: Callable[[Project], Mapping[str, Any]]
) -> Project:
    """Change a project by what it is, and return it. Raises as `change` does."""
    found = find(connection, id)
    if found is None:
        raise NotFoundError(f"there is no project {id}")
    return change(connection, id, changes(found))


def change(connection: Connection, id: UUID, changes: Mapping[str, Any]) -> Project:
    """Change fields of a project and return it.

    Raises NotFoundError, and ConflictError where another project has the new name.
    """
    found = find(connection, id)
    if found is None:
        raise NotFoundError(f"there is no project {id}")
    if "name" in changes and changes["name"] != found.name:
        other = find_named(connection, changes["name"])
        if other is not None:
            raise ConflictError(f"a project named {other.name!r} is there already: {other.id}")
        _allowed_id(connection, changes["name"], id)
    if changes:
        connection.execute(update(Project).where(col(Project.id) == id).values(**changes))
    return Project(**{**found.model_dump(), **changes})


def _noted(project: Project) -> dict[str, Any]:
    extra: dict[str, Any] = orjson.loads(project.extra or "{}")
    return extra.get("metadata") or {}


def _allowed_id(connection: Connection, name: str, id: UUID) -> UUID:
    """Return the id of a project that gets a name.

    Who is limited to some projects can make those, by the names that lead to them, and no others:
    whoever sends by name would send to them. Raises ForbiddenError.
    """
    reach = reach_of(connection)
    if reach is None:
        return id
    if not reach.holds([id_of(name)]):
        raise ForbiddenError(f"this key can not name a project {name!r}; it is for some others")
    return id if reach.holds([id]) else id_of(name)


def _changes(project: Project) -> dict[str, Any]:
    told = project.model_dump(include=_CHANGEABLE)
    return {name: value for name, value in told.items() if value is not None}


def _one(connection: Connection, condition: ColumnElement[bool]) -> Project | None:
    row = connection.execute(select(Project).where(condition)).mappings().first()
    return None if row is None else Project(**row)
