"""What arrives to be stored, validated and frozen. `db.ingest` folds it into rows.

JSON values are JSON text: strict JSON (no NaN, no lone surrogates, no NUL), otherwise as it was
sent. Times have a zone. `None` always means "not sent". `projects` are those that the sender may
write to, sorted; None: all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArrival:
    """A post (the run begins, or is told whole) or a patch (something more about it).

    `usage` is the JSON object of the token and cost fields sent with the run itself
    (prompt_tokens, total_cost, prompt_token_details, ...), in the names of the SDK's `Run`.

    `ranks`, of a run that was stored before, are those of its row: fields without one were never
    told, whatever stands in them, and the others keep the rank they had.
    """

    id: UUID
    post: bool
    trace_id: UUID | None = None
    parent_run_id: UUID | None = None
    dotted_order: str | None = None
    session_id: UUID | None = None
    session_name: str | None = None
    name: str | None = None
    run_type: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    error: str | None = None
    reference_example_id: UUID | None = None
    tags: tuple[str, ...] | None = None
    inputs: str | None = None
    outputs: str | None = None
    extra: str | None = None
    events: str | None = None
    serialized: str | None = None
    usage: str | None = None
    app_path: str | None = None
    manifest_id: UUID | None = None
    in_dataset: bool | None = None
    ranks: str | None = None
    projects: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackArrival:
    """A judgement, told whole. Without a trace it takes its run's, or its project's id."""

    id: UUID
    key: str
    created_at: datetime
    modified_at: datetime
    run_id: UUID | None = None
    trace_id: UUID | None = None
    session_id: UUID | None = None
    score: float | None = None
    value: str | None = None
    comment: str | None = None
    correction: str | None = None
    source: str | None = None
    extra: str | None = None
    projects: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackPatch:
    """A change to a judgement; what is None stays as it is."""

    id: UUID
    score: float | None = None
    value: str | None = None
    comment: str | None = None
    correction: str | None = None
    projects: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentArrival:
    """A file sent with a run.

    Where its bytes are outside of the database already, `object` is their key, `size` and `digest`
    tell of them, and `data` is empty.
    """

    run_id: UUID
    trace_id: UUID | None = None
    name: str
    mime_type: str
    data: bytes = field(repr=False)
    object: str | None = None
    size: int | None = None
    digest: UUID | None = None
    projects: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one request brought; `size` is its length in bytes, for the lane's bound."""

    runs: Sequence[RunArrival] = ()
    feedback: Sequence[FeedbackArrival] = ()
    feedback_patches: Sequence[FeedbackPatch] = ()
    attachments: Sequence[AttachmentArrival] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One item that was not kept, by its id; its neighbours were."""

    id: UUID | None
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch. `runs` are the ids of the runs whose rows changed."""

    refused: tuple[Refusal, ...] = ()
    runs: tuple[UUID, ...] = ()
    parked: int = 0
