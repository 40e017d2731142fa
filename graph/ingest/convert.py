"""Turns validated wire shapes into `db.arrivals`; pure."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from db.arrivals import AttachmentArrival, FeedbackArrival, FeedbackPatch, RunArrival
from db.objects import Kept
from db.strict import clean
from graph.ingest.envelopes import File
from graph.ingest.readers import moment_in
from graph.ingest.wire import RUN_TEXTS, USAGE_FIELDS, Told

_FEEDBACK_TEXTS = ("value", "correction", "feedback_source")


def run_arrival(told: Told) -> RunArrival:
    """Return a post or a patch of a run."""
    texts: dict[str, Any] = {name: text for name, text in told.texts.items() if name in RUN_TEXTS}
    if len(texts) < len(told.texts):
        usage = {name: text for name, text in told.texts.items() if name in USAGE_FIELDS}
        texts["usage"] = json_object(usage)
    return RunArrival(id=told.id, post=told.post, **texts, **told.values)


def feedback_arrival(told: Told, now: datetime) -> FeedbackArrival:
    """Return a judgement; one without times was made when its id was, or else now."""
    rest = {name: text for name, text in told.texts.items() if name not in _FEEDBACK_TEXTS}
    created_at = told.values.get("created_at") or moment_in(told.id) or now
    fields: dict[str, Any] = {"modified_at": created_at, **told.values, "created_at": created_at}
    return FeedbackArrival(
        id=told.id,
        value=told.texts.get("value"),
        correction=told.texts.get("correction"),
        source=told.texts.get("feedback_source"),
        extra=json_object(rest),
        **fields,
    )


def feedback_patch(told: Told) -> FeedbackPatch:
    """Return a change of a judgement."""
    return FeedbackPatch(
        id=told.id,
        score=told.values.get("score"),
        value=told.texts.get("value"),
        comment=told.values.get("comment"),
        correction=told.texts.get("correction"),
    )


def attachment_arrival(file: File, trace_id: UUID | None) -> AttachmentArrival:
    """Return a file sent with a run."""
    return AttachmentArrival(
        run_id=file.run_id,
        trace_id=trace_id,
        name=clean(file.name),
        mime_type=file.part.content_type or "application/octet-stream",
        data=file.part.content,
        **_outside(file.kept),
    )


def _outside(kept: Kept | None) -> dict[str, Any]:
    if kept is None:
        return {}
    return {"object": kept.key, "size": kept.size, "digest": kept.digest}


def json_object(members: dict[str, str]) -> str | None:
    """Return the text of a JSON object of members that are text already; None of none."""
    if not members:
        return None
    pairs = (f"{orjson.dumps(name).decode()}:{text}" for name, text in members.items())
    return f"{{{','.join(pairs)}}}"
