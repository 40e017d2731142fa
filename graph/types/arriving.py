"""From what mutations take to what the store folds: the same arrivals as from the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import strawberry

from db.arrivals import FeedbackArrival, FeedbackPatch, RunArrival
from db.dotted import check_place
from db.errors import InvalidError
from db.strict import clean, json_text
from graph.types.changes import (
    CreateFeedbackInput,
    CreateProjectInput,
    RunInput,
    UpdateFeedbackInput,
    UpdateProjectInput,
    UpdateRunInput,
)
from graph.types.scalars import parse_id

_IDS: Mapping[str, str] = {
    "id": "id",
    "trace_id": "traceId",
    "parent_run_id": "parentRunId",
    "run_id": "runId",
    "session_id": "sessionId",
    "reference_example_id": "referenceExampleId",
}
"""Fields that hold an id, and what the API calls them."""

_JSON = frozenset({"inputs", "outputs", "extra", "events", "serialized"}) | {
    "value",
    "correction",
    "source",
}
_OBJECTS = frozenset({"inputs", "outputs", "extra", "metadata"})
_KINDS: Mapping[type, str] = {
    str: "a text",
    list: "a list",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}
_TEXTS = ("name", "description")
_FOR_EVER = 0


def run_arrival(given: RunInput) -> RunArrival:
    """Return a post. Raises InvalidError for what no run can be."""
    told = _told(given)
    return _placed(RunArrival(post=True, session_name=told.pop("project_name", None), **told))


def run_patch(given: UpdateRunInput) -> RunArrival:
    """Return a patch. Raises InvalidError for what no run can be."""
    return _placed(RunArrival(post=False, **_told(given)))


def feedback_arrival(given: CreateFeedbackInput, now: datetime) -> FeedbackArrival:
    """Return a judgement, made now. Raises InvalidError where it is about nothing."""
    told = _told(given)
    if told.keys().isdisjoint({"run_id", "trace_id", "session_id"}):
        msg = "the feedback is about nothing; give a runId, a traceId or a sessionId"
        raise InvalidError(msg)
    told.setdefault("id", uuid4())
    return FeedbackArrival(created_at=now, modified_at=now, **told)


def feedback_patch(given: UpdateFeedbackInput) -> FeedbackPatch:
    """Return a change of a judgement."""
    return FeedbackPatch(**_told(given))


def project_fields(
    given: CreateProjectInput | UpdateProjectInput, extra: str | None
) -> dict[str, Any]:
    """Return the columns that are told of a project; `extra` is what was noted of it before."""
    sent: Mapping[str, Any] = vars(given)
    told = {name: value for name, value in sent.items() if value is not strawberry.UNSET}
    told.pop("id", None)
    if told.get("name", "") is None:
        del told["name"]
    if "metadata" in told:
        noted: Any = _object("metadata", told.pop("metadata"))
        before: dict[str, Any] = orjson.loads(extra) if extra else {}
        told["extra"] = json_text("metadata", {**before, "metadata": noted or {}})
    told |= {name: clean(text) for name in _TEXTS if (text := told.get(name)) is not None}
    days = told.get("retention_days")
    if days is not None and days < _FOR_EVER:
        msg = f"retentionDays is {days}; at least {_FOR_EVER}, which is for ever"
        raise InvalidError(msg)
    return told


def _placed(arrival: RunArrival) -> RunArrival:
    if fault := check_place(arrival):
        raise InvalidError(fault)
    return arrival


def _told(given: object) -> dict[str, Any]:
    """Return what an input says, without what it leaves out; null counts as left out."""
    sent: Mapping[str, Any] = vars(given)
    return {
        name: _read(name, value)
        for name, value in sent.items()
        if value is not None and value is not strawberry.UNSET
    }


def _read(name: str, value: Any) -> Any:
    if name in _IDS:
        return value if isinstance(value, UUID) else parse_id(_IDS[name], value)
    if name in _JSON:
        return json_text(name, _object(name, value) if name in _OBJECTS else value)
    if name == "tags":
        return tuple(clean(tag) for tag in value)
    return clean(value) if isinstance(value, str) else value


def _object(name: str, value: Any) -> Any:
    kind = _KINDS.get(value.__class__)
    if kind is not None:
        msg = f"{name} is {kind}; an object is wanted"
        raise InvalidError(msg)
    return value
