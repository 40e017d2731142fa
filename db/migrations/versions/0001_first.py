"""The first tables. Written by `python -m tests.db.first_version`."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

from db.dialects import Id, JsonText, Money, Plain
from db.full_text import FULL_TEXT, Words
from db.tree_order import IndexedHead

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _access_key()
    _attachment()
    _discarded_object()
    _feedback()
    _imported_file()
    _parked()
    _project()
    _run()
    _run_metadata()
    _run_payload()
    _run_rollup_day()
    _run_rollup_dirty()
    _run_rollup_hour()
    _run_search()
    _run_search_queue()
    _run_tag()
    _thread()
    _thread_trace()
    _full_text()


def _access_key() -> None:
    op.create_table(
        "access_key",
        sa.Column("id", Plain(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", Plain(), nullable=True),
        sa.Column("rights", Plain(), nullable=False),
        sa.Column("projects", JsonText(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=True),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.Column("last_used_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("run_id", Id(), nullable=False),
        sa.Column("name", Plain(), nullable=False),
        sa.Column("mime_type", Plain(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", Id(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("object", Plain(), nullable=True),
        sa.PrimaryKeyConstraint("trace_id", "run_id", "name"),
    )
    op.create_index(
        "attachment_by_object",
        "attachment",
        ["object"],
        unique=False,
        sqlite_where=sa.text("object IS NOT NULL"),
        postgresql_where=sa.text("object IS NOT NULL"),
    )


def _discarded_object() -> None:
    op.create_table(
        "discarded_object",
        sa.Column("key", Plain(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.Column("run_id", Id(), nullable=True),
        sa.Column("session_id", Id(), nullable=True),
        sa.Column("key", Plain(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("value", JsonText(), nullable=True),
        sa.Column("comment", Plain(), nullable=True),
        sa.Column("correction", JsonText(), nullable=True),
        sa.Column("source", JsonText(), nullable=True),
        sa.Column("extra", JsonText(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("modified_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "id"),
    )
    op.create_index("feedback_by_id", "feedback", ["id"], unique=False)
    op.create_index("feedback_by_run", "feedback", ["trace_id", "run_id"], unique=False)


def _imported_file() -> None:
    op.create_table(
        "imported_file",
        sa.Column("id", Id(), nullable=False),
        sa.Column("name", Plain(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _parked() -> None:
    op.create_table(
        "parked",
        sa.Column("run_id", Id(), nullable=False),
        sa.Column("digest", Id(), nullable=False),
        sa.Column("arrival", UTCDateTime(), nullable=False),
        sa.Column("body", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "digest"),
    )
    op.create_index("parked_by_arrival", "parked", ["arrival"], unique=False)


def _project() -> None:
    op.create_table(
        "project",
        sa.Column("id", Id(), nullable=False),
        sa.Column("name", Plain(), nullable=False),
        sa.Column("description", Plain(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("end_time", UTCDateTime(), nullable=True),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("frozen_before", UTCDateTime(), nullable=True),
        sa.Column("reference_dataset_id", Id(), nullable=True),
        sa.Column("extra", JsonText(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("parent_run_id", Id(), nullable=True),
        sa.Column("name", Plain(), nullable=False),
        sa.Column("run_type", Plain(), nullable=False),
        sa.Column("status", Plain(), nullable=False),
        sa.Column("start_time", UTCDateTime(), nullable=False),
        sa.Column("end_time", UTCDateTime(), nullable=True),
        sa.Column("first_token_time", UTCDateTime(), nullable=True),
        sa.Column("latency", sa.Float(), nullable=True),
        sa.Column("time_to_first_token", sa.Float(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("dotted_order", Plain(), nullable=False),
        sa.Column("model", Plain(), nullable=True),
        sa.Column("thread_id", Plain(), nullable=True),
        sa.Column("reference_example_id", Id(), nullable=True),
        sa.Column("manifest_id", Id(), nullable=True),
        sa.Column("in_dataset", sa.Boolean(), nullable=True),
        sa.Column("app_path", Plain(), nullable=True),
        sa.Column("llm_descendants", sa.Integer(), nullable=False),
        sa.Column("own_prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("own_completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("own_total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("own_prompt_cost", Money(), nullable=True),
        sa.Column("own_completion_cost", Money(), nullable=True),
        sa.Column("own_total_cost", Money(), nullable=True),
        sa.Column("own_details", JsonText(), nullable=True),
        sa.Column("total_prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_prompt_cost", Money(), nullable=True),
        sa.Column("total_completion_cost", Money(), nullable=True),
        sa.Column("total_total_cost", Money(), nullable=True),
        sa.Column("total_details", JsonText(), nullable=True),
        sa.Column("tags", JsonText(), nullable=True),
        sa.Column("error", Plain(), nullable=True),
        sa.PrimaryKeyConstraint("trace_id", "id"),
    )
    op.create_index("run_by_id", "run", ["id"], unique=False)
    op.create_index(
        "run_by_parent",
        "run",
        ["trace_id", "parent_run_id", IndexedHead(sa.column("dotted_order"))],
        unique=False,
    )
    op.create_index(
        "run_by_session",
        "run",
        ["session_id", sa.literal_column("start_time DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "run_by_session_roots",
        "run",
        ["session_id", sa.literal_column("start_time DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("parent_run_id IS NULL"),
        postgresql_where=sa.text("parent_run_id IS NULL"),
    )
    op.create_index(
        "run_by_session_status",
        "run",
        [
            "session_id",
            "status",
            sa.literal_column("start_time DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        "run_by_session_thread",
        "run",
        [
            "session_id",
            "thread_id",
            sa.literal_column("start_time DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        sqlite_where=sa.text("thread_id IS NOT NULL"),
        postgresql_where=sa.text("thread_id IS NOT NULL"),
    )
    op.create_index(
        "run_by_session_type",
        "run",
        [
            "session_id",
            "run_type",
            sa.literal_column("start_time DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        "run_by_trace", "run", ["trace_id", IndexedHead(sa.column("dotted_order"))], unique=False
    )
    op.create_index(
        "run_newest",
        "run",
        [sa.literal_column("start_time DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "run_newest_roots",
        "run",
        [sa.literal_column("start_time DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("parent_run_id IS NULL"),
        postgresql_where=sa.text("parent_run_id IS NULL"),
    )


def _run_metadata() -> None:
    op.create_table(
        "run_metadata",
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("key", Plain(), nullable=False),
        sa.Column("value", Plain(), nullable=False),
        sa.Column("start_time", UTCDateTime(), nullable=False),
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "key", "value", "start_time", "trace_id", "id"),
        sqlite_with_rowid=False,
    )


def _run_payload() -> None:
    op.create_table(
        "run_payload",
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.Column("inputs", JsonText(), nullable=True),
        sa.Column("outputs", JsonText(), nullable=True),
        sa.Column("extra", JsonText(), nullable=True),
        sa.Column("events", JsonText(), nullable=True),
        sa.Column("serialized", JsonText(), nullable=True),
        sa.Column("usage", JsonText(), nullable=True),
        sa.Column("ranks", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "id"),
    )


def _run_rollup_day() -> None:
    op.create_table(
        "run_rollup_day",
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("latency_n", sa.BigInteger(), nullable=False),
        sa.Column("latency_sum", sa.Float(), nullable=False),
        sa.Column("latency_min", sa.Float(), nullable=True),
        sa.Column("latency_max", sa.Float(), nullable=True),
        sa.Column("latency_cells", sa.LargeBinary(), nullable=False),
        sa.Column("time_to_first_token_n", sa.BigInteger(), nullable=False),
        sa.Column("time_to_first_token_sum", sa.Float(), nullable=False),
        sa.Column("time_to_first_token_min", sa.Float(), nullable=True),
        sa.Column("time_to_first_token_max", sa.Float(), nullable=True),
        sa.Column("time_to_first_token_cells", sa.LargeBinary(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("prompt_cost", Money(), nullable=True),
        sa.Column("completion_cost", Money(), nullable=True),
        sa.Column("total_cost", Money(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "since"),
    )


def _run_rollup_dirty() -> None:
    op.create_table(
        "run_rollup_dirty",
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("mark", Id(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "since"),
    )


def _run_rollup_hour() -> None:
    op.create_table(
        "run_rollup_hour",
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("latency_n", sa.BigInteger(), nullable=False),
        sa.Column("latency_sum", sa.Float(), nullable=False),
        sa.Column("latency_min", sa.Float(), nullable=True),
        sa.Column("latency_max", sa.Float(), nullable=True),
        sa.Column("latency_cells", sa.LargeBinary(), nullable=False),
        sa.Column("time_to_first_token_n", sa.BigInteger(), nullable=False),
        sa.Column("time_to_first_token_sum", sa.Float(), nullable=False),
        sa.Column("time_to_first_token_min", sa.Float(), nullable=True),
        sa.Column("time_to_first_token_max", sa.Float(), nullable=True),
        sa.Column("time_to_first_token_cells", sa.LargeBinary(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("prompt_cost", Money(), nullable=True),
        sa.Column("completion_cost", Money(), nullable=True),
        sa.Column("total_cost", Money(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "since"),
    )


def _run_search() -> None:
    op.create_table(
        "run_search",
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("words", Words(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "id"),
    )


def _run_search_queue() -> None:
    op.create_table(
        "run_search_queue",
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "id"),
        sqlite_with_rowid=False,
    )


def _run_tag() -> None:
    op.create_table(
        "run_tag",
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("tag", Plain(), nullable=False),
        sa.Column("start_time", UTCDateTime(), nullable=False),
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "tag", "start_time", "trace_id", "id"),
        sqlite_with_rowid=False,
    )


def _thread() -> None:
    op.create_table(
        "thread",
        sa.Column("id", Id(), nullable=False),
        sa.Column("session_id", Id(), nullable=False),
        sa.Column("thread_id", Plain(), nullable=False),
        sa.Column("start_time", UTCDateTime(), nullable=False),
        sa.Column("last_time", UTCDateTime(), nullable=False),
        sa.Column("end_time", UTCDateTime(), nullable=True),
        sa.Column("trace_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "thread_newest",
        "thread",
        ["session_id", sa.literal_column("last_time DESC"), sa.literal_column("id DESC")],
        unique=False,
    )


def _thread_trace() -> None:
    op.create_table(
        "thread_trace",
        sa.Column("thread", Id(), nullable=False),
        sa.Column("trace_id", Id(), nullable=False),
        sa.Column("session_id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("thread", "trace_id"),
    )


def _full_text() -> None:
    for statement in FULL_TEXT[op.get_bind().dialect.name].makes:
        op.execute(statement)
