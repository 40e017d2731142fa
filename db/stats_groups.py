"""What runs can be grouped by: where each key is read, how it is shown, and which runs have it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from orjson import Fragment
from sqlalchemy import ColumnElement, FromClause, and_, func, literal_column, null, select

from db import composed, filters, paths
from db.constructs import JSON_AT, JSON_PATH, Joined, with_tags
from db.derivations import decode
from db.errors import InvalidError
from db.filters import AnyOf, Json, Not, Where
from db.json_tests import JsonTest
from db.tables import PROJECT, RUN, RUN_PAYLOAD
from db.values import READY, Kind, kind_of


class RunGroupField(Enum):
    """Facts of a run that it can be grouped by."""

    RUN_TYPE = "run_type"
    STATUS = "status"
    NAME = "name"
    PROJECT = "session_id"
    MODEL = "model"
    THREAD = "thread_id"
    TAG = "tags"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What stands at a path of the metadata."""

    path: str


Group: TypeAlias = RunGroupField | Metadata


def form(group: Group) -> str:
    """Return what the statement depends on."""
    return "metadata" if isinstance(group, Metadata) else group.value


def name(group: Group) -> str:
    """Return the name of a group's key, as it was asked."""
    return f"metadata.{group.path}" if isinstance(group, Metadata) else group.name


def check(group: Metadata) -> None:
    """Raise InvalidError where the path is none, or the whole metadata."""
    steps = paths.parse(group.path)
    if not steps or any(isinstance(step, str) and '"' in step for step in steps):
        msg = f"groupBy.metadata is {group.path!r}; a path without quotes is wanted, as user.id"
        raise InvalidError(msg)


def parameter(dialect: str, group: Group) -> Any:
    """Return the parameter a group's statement takes; None where it takes none."""
    if not isinstance(group, Metadata):
        return None
    return JSON_PATH[dialect](("metadata", *paths.parse(group.path)))


def joined(dialect: str, source: FromClause, group: str, at: int) -> Joined:
    """Return where runs are selected from, and the key of the group in place `at`."""
    if group == RunGroupField.TAG.value:
        return with_tags(source, RUN.c.tags)
    if group != "metadata":
        return source, func.coalesce(RUN.c[group], null())  # lest an index be chosen to group by
    payload = RUN_PAYLOAD.alias(f"carried{at}")
    same = and_(payload.c.trace_id == RUN.c.trace_id, payload.c.id == RUN.c.id)
    found = JSON_AT[dialect](payload.c.extra, f"m{at}")
    return source.outerjoin(payload, same), func.nullif(found, literal_column("'null'"))


def shown(group: str, key: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what names a key in an answer: of a project its name, else the key itself."""
    if group != RunGroupField.PROJECT.value:
        return key
    return select(PROJECT.c.name).where(PROJECT.c.id == key).scalar_subquery()


def value(group: Group, told: Any) -> Any:
    """Return a key's value as answers hold it."""
    if told is None:
        return None
    if isinstance(group, Metadata):
        return Fragment(told)
    return told.upper() if group is RunGroupField.STATUS else told


def members(dialect: str, group: Group, key: Any) -> Where:
    """Return the test for the runs of a group by its stored key."""
    if isinstance(group, Metadata):
        return _with_metadata(group.path, key)
    if group is RunGroupField.TAG:
        return _tagged(key)
    if key is None:
        return filters.test(group.value, "is_null", True)
    if kind_of(RUN.c[group.value].type) is not Kind.ID:
        return filters.test(group.value, "eq", key)
    ready = READY[dialect].get(Kind.ID)
    return filters.test(group.value, "eq", UUID(ready(key) if ready else key))


def _with_metadata(path: str, key: str | bytes | None) -> Where:
    value = None if key is None else decode(key.encode() if isinstance(key, str) else key)
    if value is not None:
        return composed.by_path("metadata", path, {"eq": value})
    is_null = Json("metadata", JsonTest(("metadata", *paths.parse(path)), '[["eq",null]]'))
    return AnyOf((composed.by_path("metadata", path, {"exists": False}), is_null))


def _tagged(key: str | None) -> Where:
    if key is not None:
        return composed.tags("has_all", [key])
    return Not(Json("tags", JsonTest((), '[["exists",true]]', flat=True)))
