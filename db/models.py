"""The tables. A stored fact is named here and nowhere else.

No foreign keys between runs, parents and feedback: anything arrives in any order. Keys hold the
trace id, so that the same tables can be distributed by it. Times are UTC and bound from Python.
"""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel, col

from db.dialects import Id, JsonText, Money, Plain
from db.full_text import Words
from db.tree_order import IndexedHead


class RunStatus(Enum):
    """How far a run has come; the column holds the value as text."""

    PENDING = "pending"
    SUCCESS = "success"
    ERROR = "error"


class Project(SQLModel, table=True):
    """A named collection of traces; LangSmith calls it a session.

    Hours before `frozen_before` are summed up for good: their runs may be gone (`db.retention`).
    """

    id: UUID = Field(primary_key=True, sa_type=Id)
    name: str = Field(sa_type=Plain, unique=True)
    description: str | None = Field(default=None, sa_type=Plain)
    created_at: datetime
    end_time: datetime | None = None
    retention_days: int | None = None
    frozen_before: datetime | None = None
    reference_dataset_id: UUID | None = Field(default=None, sa_type=Id)
    extra: str | None = Field(default=None, sa_type=JsonText)


class Run(SQLModel, table=True):
    """One step of a traced program: everything a list of runs shows, filters or orders by.

    `own_*` is the run's own usage, `total_*` that of the run and all its descendants: tokens as
    counts, costs in US dollars. `latency` and `time_to_first_token` are seconds.
    """

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)
    session_id: UUID = Field(sa_type=Id)
    parent_run_id: UUID | None = Field(default=None, sa_type=Id)
    name: str = Field(sa_type=Plain)
    run_type: str = Field(sa_type=Plain)
    status: str = Field(sa_type=Plain, description="pending, success or error")
    start_time: datetime
    end_time: datetime | None = None
    first_token_time: datetime | None = None
    latency: float | None = None
    time_to_first_token: float | None = None
    depth: int = 0
    dotted_order: str = Field(sa_type=Plain)
    model: str | None = Field(default=None, sa_type=Plain)
    thread_id: str | None = Field(default=None, sa_type=Plain)
    reference_example_id: UUID | None = Field(default=None, sa_type=Id)
    manifest_id: UUID | None = Field(default=None, sa_type=Id)
    in_dataset: bool | None = None
    app_path: str | None = Field(default=None, sa_type=Plain)
    llm_descendants: int = 0
    own_prompt_tokens: int | None = Field(default=None, sa_type=BigInteger)
    own_completion_tokens: int | None = Field(default=None, sa_type=BigInteger)
    own_total_tokens: int | None = Field(default=None, sa_type=BigInteger)
    own_prompt_cost: Decimal | None = Field(default=None, sa_type=Money)
    own_completion_cost: Decimal | None = Field(default=None, sa_type=Money)
    own_total_cost: Decimal | None = Field(default=None, sa_type=Money)
    own_details: str | None = Field(default=None, sa_type=JsonText)
    total_prompt_tokens: int | None = Field(default=None, sa_type=BigInteger)
    total_completion_tokens: int | None = Field(default=None, sa_type=BigInteger)
    total_total_tokens: int | None = Field(default=None, sa_type=BigInteger)
    total_prompt_cost: Decimal | None = Field(default=None, sa_type=Money)
    total_completion_cost: Decimal | None = Field(default=None, sa_type=Money)
    total_total_cost: Decimal | None = Field(default=None, sa_type=Money)
    total_details: str | None = Field(default=None, sa_type=JsonText)
    tags: str | None = Field(default=None, sa_type=JsonText)
    error: str | None = Field(default=None, sa_type=Plain)


class RunPayload(SQLModel, table=True):
    """What a run carried, as JSON text just as it was sent; read only when it is asked for."""

    __tablename__ = "run_payload"  # pyright: ignore[reportAssignmentType]

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)
    inputs: str | None = Field(default=None, sa_type=JsonText)
    outputs: str | None = Field(default=None, sa_type=JsonText)
    extra: str | None = Field(default=None, sa_type=JsonText)
    events: str | None = Field(default=None, sa_type=JsonText)
    serialized: str | None = Field(default=None, sa_type=JsonText)
    usage: str | None = Field(default=None, sa_type=JsonText)
    ranks: str = Field(sa_type=JsonText)


class RunTag(SQLModel, table=True):
    """A run's tag, keyed so that a page of runs by tag reads no more than the page."""

    __tablename__ = "run_tag"  # pyright: ignore[reportAssignmentType]
    __table_args__ = ({"sqlite_with_rowid": False},)

    session_id: UUID = Field(primary_key=True, sa_type=Id)
    tag: str = Field(primary_key=True, sa_type=Plain)
    start_time: datetime = Field(primary_key=True)
    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)


class RunMetadata(SQLModel, table=True):
    """A scalar of a run's metadata (its JSON text, at most 256 bytes), keyed like `RunTag`."""

    __tablename__ = "run_metadata"  # pyright: ignore[reportAssignmentType]
    __table_args__ = ({"sqlite_with_rowid": False},)

    session_id: UUID = Field(primary_key=True, sa_type=Id)
    key: str = Field(primary_key=True, sa_type=Plain)
    value: str = Field(primary_key=True, sa_type=Plain)
    start_time: datetime = Field(primary_key=True)
    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)


class Thread(SQLModel, table=True):
    """The runs of a project with one thread id; kept by `db.thread_index` with the runs.

    `id` is made of the project and the thread id. Its first run began at `start_time`, its newest
    at `last_time`; the last to end did at `end_time`. `trace_count` counts the traces of its runs.
    """

    id: UUID = Field(primary_key=True, sa_type=Id)
    session_id: UUID = Field(sa_type=Id)
    thread_id: str = Field(sa_type=Plain)
    start_time: datetime
    last_time: datetime
    end_time: datetime | None = None
    trace_count: int = Field(sa_type=BigInteger)


class ThreadTrace(SQLModel, table=True):
    """A trace that has runs in a thread: what `Thread.trace_count` counts."""

    __tablename__ = "thread_trace"  # pyright: ignore[reportAssignmentType]

    thread: UUID = Field(primary_key=True, sa_type=Id)
    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    session_id: UUID = Field(sa_type=Id)


class Feedback(SQLModel, table=True):
    """A judgement on a run, a trace or a project."""

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)
    run_id: UUID | None = Field(default=None, sa_type=Id)
    session_id: UUID | None = Field(default=None, sa_type=Id)
    key: str = Field(sa_type=Plain)
    score: float | None = None
    value: str | None = Field(default=None, sa_type=JsonText)
    comment: str | None = Field(default=None, sa_type=Plain)
    correction: str | None = Field(default=None, sa_type=JsonText)
    source: str | None = Field(default=None, sa_type=JsonText)
    extra: str | None = Field(default=None, sa_type=JsonText)
    created_at: datetime
    modified_at: datetime


class Attachment(SQLModel, table=True):
    """A file sent with a run; `size` is in bytes, `digest` tells them from others.

    They are in `data`, or outside of the database, where `object` is their key (`db.objects`).
    """

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    run_id: UUID = Field(primary_key=True, sa_type=Id)
    name: str = Field(primary_key=True, sa_type=Plain)
    mime_type: str = Field(sa_type=Plain)
    size: int = Field(sa_type=BigInteger)
    digest: UUID = Field(sa_type=Id)
    data: bytes | None = Field(default=None, sa_type=LargeBinary)
    object: str | None = Field(default=None, sa_type=Plain)


class DiscardedObject(SQLModel, table=True):
    """Bytes outside of the database that are nobody's, and are to be deleted."""

    __tablename__ = "discarded_object"  # pyright: ignore[reportAssignmentType]

    key: str = Field(primary_key=True, sa_type=Plain)


class Parked(SQLModel, table=True):
    """A change that waits for the run it belongs to; `digest` makes a repetition the same row."""

    run_id: UUID = Field(primary_key=True, sa_type=Id)
    digest: UUID = Field(primary_key=True, sa_type=Id)
    arrival: datetime
    body: str = Field(sa_type=JsonText)


class RunSearch(SQLModel, table=True):
    """The words of a run, as `db.full_text` keeps them; its index is no model's to declare."""

    __tablename__ = "run_search"  # pyright: ignore[reportAssignmentType]

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)
    number: int | None = Field(default=None, sa_type=BigInteger)
    words: str = Field(sa_type=Words)


class RunSearchQueue(SQLModel, table=True):
    """A run whose words may have changed since they were indexed."""

    __tablename__ = "run_search_queue"  # pyright: ignore[reportAssignmentType]
    __table_args__ = ({"sqlite_with_rowid": False},)

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)


class AccessKey(SQLModel, table=True):
    """A key by which somebody may read or write; what is kept of its secret is a digest.

    `rights` are read, write or admin, by commas; `projects` the JSON list of the ids of those that
    it is limited to, if it is.
    """

    __tablename__ = "access_key"  # pyright: ignore[reportAssignmentType]

    id: str = Field(primary_key=True, sa_type=Plain)
    digest: bytes = Field(sa_type=LargeBinary)
    name: str | None = Field(default=None, sa_type=Plain)
    rights: str = Field(sa_type=Plain)
    projects: str | None = Field(default=None, sa_type=JsonText)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class ImportedFile(SQLModel, table=True):
    """How far the import of a file has come; `id` is made of what tells it from other files.

    `bytes` are those of its text, decompressed, up to the end of so many `lines`.
    """

    __tablename__ = "imported_file"  # pyright: ignore[reportAssignmentType]

    id: UUID = Field(primary_key=True, sa_type=Id)
    name: str = Field(sa_type=Plain)
    lines: int = Field(sa_type=BigInteger)
    bytes: int = Field(sa_type=BigInteger)
    refused: int = Field(sa_type=BigInteger)
    done: bool
    at: datetime


class _Rollup(SQLModel):
    """What the runs of a project that began in one span of time come to.

    Durations are seconds; `*_cells` are packed by `db.histograms`. Usage is the runs' own.
    """

    session_id: UUID = Field(primary_key=True, sa_type=Id)
    since: datetime = Field(primary_key=True)
    runs: int = Field(sa_type=BigInteger)
    errors: int = Field(sa_type=BigInteger)
    latency_n: int = Field(sa_type=BigInteger)
    latency_sum: float
    latency_min: float | None = None
    latency_max: float | None = None
    latency_cells: bytes = Field(sa_type=LargeBinary)
    time_to_first_token_n: int = Field(sa_type=BigInteger)
    time_to_first_token_sum: float
    time_to_first_token_min: float | None = None
    time_to_first_token_max: float | None = None
    time_to_first_token_cells: bytes = Field(sa_type=LargeBinary)
    prompt_tokens: int | None = Field(default=None, sa_type=BigInteger)
    completion_tokens: int | None = Field(default=None, sa_type=BigInteger)
    total_tokens: int | None = Field(default=None, sa_type=BigInteger)
    prompt_cost: Decimal | None = Field(default=None, sa_type=Money)
    completion_cost: Decimal | None = Field(default=None, sa_type=Money)
    total_cost: Decimal | None = Field(default=None, sa_type=Money)


class RunRollupHour(_Rollup, table=True):
    """An hour of a project, from `since` on."""

    __tablename__ = "run_rollup_hour"  # pyright: ignore[reportAssignmentType]


class RunRollupDay(_Rollup, table=True):
    """A day of a project in UTC, from `since` on."""

    __tablename__ = "run_rollup_day"  # pyright: ignore[reportAssignmentType]


class RunRollupDirty(SQLModel, table=True):
    """An hour of a project whose runs have changed since it was summed up.

    `mark` is another one with every change.
    """

    __tablename__ = "run_rollup_dirty"  # pyright: ignore[reportAssignmentType]

    session_id: UUID = Field(primary_key=True, sa_type=Id)
    since: datetime = Field(primary_key=True)
    mark: UUID = Field(sa_type=Id)


def _index(name: str, *columns: Any, only: str | None = None) -> None:
    where: dict[str, Any] = {}
    if only is not None:
        where = {"sqlite_where": text(only), "postgresql_where": text(only)}
    Index(name, *columns, **where)


def _newest_first(*leading: Any) -> list[Any]:
    return [*leading, col(Run.start_time).desc(), col(Run.id).desc()]


_ROOTS = "parent_run_id IS NULL"
_THREADED = "thread_id IS NOT NULL"
_PLACE = IndexedHead(col(Run.dotted_order))

_index("run_by_id", Run.id)
_index("run_by_trace", Run.trace_id, _PLACE)
_index("run_by_parent", Run.trace_id, Run.parent_run_id, _PLACE)
_index("run_newest", *_newest_first())
_index("run_newest_roots", *_newest_first(), only=_ROOTS)
_index("run_by_session", *_newest_first(Run.session_id))
_index("run_by_session_roots", *_newest_first(Run.session_id), only=_ROOTS)
_index("run_by_session_status", *_newest_first(Run.session_id, Run.status))
_index("run_by_session_type", *_newest_first(Run.session_id, Run.run_type))
_index("run_by_session_thread", *_newest_first(Run.session_id, Run.thread_id), only=_THREADED)
_index("thread_newest", Thread.session_id, col(Thread.last_time).desc(), col(Thread.id).desc())
_index("feedback_by_run", Feedback.trace_id, Feedback.run_id)
_index("feedback_by_id", Feedback.id)
_index("attachment_by_object", Attachment.object, only="object IS NOT NULL")
_index("parked_by_arrival", Parked.arrival)
