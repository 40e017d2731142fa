"""Puts told runs into the bodies that the LangSmith SDK sends: multipart, a part for each piece."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from graph.demo.telling import Judgement, Run, Trace

BOUNDARY = "rungraph-demo-1f6e0b7c"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
RUNS_PER_BODY = 100


def bodies(traces: Sequence[Trace]) -> Iterator[bytes]:
    """Give the multipart bodies that tell these traces: their runs first, then what was judged."""
    runs = ((trace.project, run) for trace in traces for run in trace.runs)
    while some := list(islice(runs, RUNS_PER_BODY)):
        yield _body(part for project, run in some for part in _run(project, run))
    yield _body(_judgement(one) for trace in traces for one in trace.judgements)


def _body(parts: Iterator[bytes]) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(name: str, kind: str, content: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content + b"\r\n"


def _json_part(name: str, value: Any) -> bytes:
    return _part(name, "application/json", orjson.dumps(value))


def _run(project: str, run: Run) -> Iterator[bytes]:
    name = f"post.{run.id}"
    main = {
        "id": run.id,
        "trace_id": run.root.id,
        "parent_run_id": run.parent.id if run.parent else None,
        "dotted_order": run.dotted_order,
        "session_name": project,
        "name": run.name,
        "run_type": run.run_type,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "tags": list(run.tags),
    }
    yield _json_part(name, {key: value for key, value in main.items() if value is not None})
    for piece in ("inputs", "outputs", "events", "extra", "error", "serialized"):
        if (value := getattr(run, piece)) is not None:
            yield _json_part(f"{name}.{piece}", value)
    for file, (kind, content) in run.attachments.items():
        yield _part(f"attachment.{run.id}.{file}", kind, content)


def _judgement(told: Judgement) -> bytes:
    content = {
        "id": told.id,
        "run_id": told.run.id,
        "trace_id": told.run.root.id,
        "key": told.key,
        "score": told.score,
        "value": told.value,
        "comment": told.comment,
        "correction": None,
        "feedback_source": told.source,
        "created_at": told.at,
        "modified_at": told.at,
    }
    return _json_part(f"feedback.{told.id}", content)
