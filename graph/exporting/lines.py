"""A stored run, or what belongs to none, as one line of JSON."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from db.derivations import app_path, parent_run_ids
from db.exporting import Stored
from db.files import StoredFile

NOTE = "rungraph"
"""The key of what the SDK has no field for."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
_TEXTS = ("extra", "serialized", "events", "inputs", "outputs")
_PLAIN = (
    *("id", "name", "start_time", "run_type", "end_time", "error", "reference_example_id"),
    *("parent_run_id", "session_id", "manifest_id", "status", "first_token_time", "trace_id"),
    *("dotted_order", "in_dataset"),
)
_TOTALS = ("prompt_tokens", "completion_tokens", "total_tokens")
_COSTS = ("prompt_cost", "completion_cost", "total_cost")
_DETAILS = {
    "prompt_token_details": "promptTokens",
    "completion_token_details": "completionTokens",
    "prompt_cost_details": "promptCost",
    "completion_cost_details": "completionCost",
}
_JUDGEMENT = (
    *("id", "run_id", "trace_id", "session_id", "key", "score", "comment"),
    *("created_at", "modified_at"),
)
_JUDGEMENT_TEXTS = {
    "value": "value",
    "correction": "correction",
    "feedback_source": "source",
    "extra": "extra",
}
_PROJECT = ("id", "name", "description", "end_time", "reference_dataset_id", "retention_days")


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes with a run, or stands alone: feedback, files with their bytes, a project."""

    feedback: Iterable[Stored] = ()
    files: Sequence[tuple[Stored, bytes]] = ()
    project: Stored | None = None

    def note(self) -> dict[str, Any]:
        """Return what stands under the key of ours."""
        feedback = [_judgement(each) for each in self.feedback]
        files = [_file(each, data) for each, data in self.files]
        return {
            **({"project": _project(self.project)} if self.project else {}),
            **({"feedback": feedback} if feedback else {}),
            **({"attachments": files} if files else {}),
        }


def run_line(run: Stored, project: str | None, beside: Beside) -> bytes:
    """Return the line of a run; `project` is the name of its project."""
    details: dict[str, Any] = orjson.loads(run["total_details"] or "{}")
    payloads, broken = _texts(run, {name: name for name in _TEXTS})
    note: dict[str, Any] = {"ranks": run["ranks"]}
    usage, broken_usage = _texts(run, {"usage": "usage"})
    if usage["usage"] is not None:
        note |= usage
    broken |= broken_usage
    if broken:
        note["texts"] = broken
    told: dict[str, Any] = {
        **{name: run[name] for name in _PLAIN},
        **payloads,
        "inputs": payloads["inputs"] or {},
        "tags": None if run["tags"] is None else orjson.Fragment(run["tags"]),
        "session_name": project,
        "app_path": app_path(run["app_path"], str(run["id"]), str(run["trace_id"])),
        "parent_run_ids": parent_run_ids(run["dotted_order"]),
        **{name: run[f"total_{name}"] for name in _TOTALS},
        **{name: dollars(run[f"total_{name}"]) for name in _COSTS},
        **{name: details.get(kind) for name, kind in _DETAILS.items()},
        NOTE: {**note, **beside.note()},
    }
    return orjson.dumps(told, option=_OPTIONS)


def loose_line(beside: Beside) -> bytes:
    """Return the line of what belongs to no run."""
    return orjson.dumps({NOTE: beside.note()}, option=_OPTIONS)


def part_line(file: StoredFile, data: bytes, part: int, *, is_last: bool) -> bytes:
    """Return the line of a part of a file, counted from 1."""
    told = {name: getattr(file, name) for name in ("name", "mime_type", "run_id", "trace_id")}
    told |= {"part": part, "last": is_last, "data": b64encode(data).decode()}
    return orjson.dumps({NOTE: {"attachments": [told]}}, option=_OPTIONS)


def dollars(value: Decimal | None) -> str | None:
    """Return an amount as exact decimal text, as short as it can be."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _texts(row: Stored, names: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return stored JSON as it can stand in a line, and what had to be changed for that."""
    shown: dict[str, Any] = {}
    broken: dict[str, str] = {}
    for name, column in names.items():
        text: str | None = row[column]
        if text is None:
            shown[name] = None
        elif "\n" in text or "\r" in text:  # between values only: JSON has none inside of them
            broken[name] = text
            shown[name] = orjson.Fragment(text.replace("\n", " ").replace("\r", " "))
        else:
            shown[name] = orjson.Fragment(text)
    return shown, broken


def _judgement(row: Stored) -> dict[str, Any]:
    shown, broken = _texts(row, _JUDGEMENT_TEXTS)
    told = {**{name: row[name] for name in _JUDGEMENT}, **shown}
    return {**told, "texts": broken} if broken else told


def _project(row: Stored) -> dict[str, Any]:
    shown, broken = _texts(row, {"extra": "extra"})
    told = {**{name: row[name] for name in _PROJECT}, "start_time": row["created_at"], **shown}
    return {**told, "texts": broken} if broken else told


def _file(row: Stored, data: bytes) -> dict[str, Any]:
    told = {"name": row["name"], "mime_type": row["mime_type"], "data": b64encode(data).decode()}
    return told | {name: row[name] for name in ("run_id", "trace_id")}
