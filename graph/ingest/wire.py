"""Validates what was sent, here and only here: items of a body become told runs and feedback.

An item that is wrong is refused by name (ItemProblem); a key nobody asks for is dropped.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import orjson

from graph.ingest import json_split, json_text, readers
from graph.ingest.problems import ItemProblem, shown

log = logging.getLogger(__name__)

Reader = Callable[[object], Any]

RUN_TYPES = frozenset({"chain", "llm", "tool", "retriever", "embedding", "prompt", "parser"})

INVALID_ID = "INVALID_ID"

OUT_OF_LINE = frozenset({"inputs", "outputs", "events", "extra", "error", "serialized"})
"""What the SDK sends in parts of their own."""

RUN_FIELDS: Mapping[str, Reader] = {
    "trace_id": readers.uuid,
    "parent_run_id": readers.uuid,
    "dotted_order": readers.text,
    "session_id": readers.uuid,
    "session_name": readers.text,
    "name": readers.text,
    "run_type": readers.text,
    "start_time": readers.moment,
    "end_time": readers.moment,
    "error": readers.text_or_json,
    "reference_example_id": readers.uuid,
    "tags": readers.tags,
    "app_path": readers.text,
    "manifest_id": readers.uuid,
    "in_dataset": readers.flag,
}

RUN_TEXTS = OUT_OF_LINE - {"error"}

USAGE_FIELDS: Mapping[str, Reader] = {
    "prompt_tokens": readers.tokens,
    "completion_tokens": readers.tokens,
    "total_tokens": readers.tokens,
    "prompt_cost": readers.cost,
    "completion_cost": readers.cost,
    "total_cost": readers.cost,
    "prompt_token_details": readers.token_details,
    "completion_token_details": readers.token_details,
    "prompt_cost_details": readers.cost_details,
    "completion_cost_details": readers.cost_details,
}

_KEPT_AS_SENT = RUN_TEXTS | USAGE_FIELDS.keys()

FEEDBACK_FIELDS: Mapping[str, Reader] = {
    "key": readers.text,
    "run_id": readers.uuid,
    "trace_id": readers.uuid,
    "session_id": readers.uuid,
    "score": readers.score,
    "comment": readers.text,
    "created_at": readers.moment,
    "modified_at": readers.moment,
}

PROJECT_FIELDS: Mapping[str, Reader] = {
    "name": readers.text,
    "description": readers.text,
    "start_time": readers.moment,
    "end_time": readers.moment,
    "reference_dataset_id": readers.uuid,
}


@dataclass(slots=True)
class Item:
    """A piece of a body, unread: JSON bytes, and those of the fields that came apart from them.

    `label` names it to its sender; `id` is the one its label or URL gives, if they give one;
    `default_id` is its own where it has none.
    """

    label: str
    document: bytes | None = field(repr=False)
    id: UUID | None = None
    post: bool = True
    default_id: UUID | None = None
    apart: dict[str, bytes] = field(default_factory=dict[str, bytes], repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What an item says, validated: values and strict JSON texts by field; null is left out."""

    id: UUID
    post: bool
    values: dict[str, Any]
    texts: dict[str, str]


def run(item: Item) -> Told:
    """Read a post or a patch of a run."""
    sent, texts = _document(item, _KEPT_AS_SENT.__contains__)
    id = _identify(item, sent)
    for name, content in item.apart.items():
        value, text = _read(item, f"{item.label}.{name}", content)
        if name == "error":
            sent[name] = value if value is None or isinstance(value, str) else text
        elif value is not None:
            texts[name] = text
    told = Told(id, item.post, _values(item, sent, RUN_FIELDS), texts)
    for name in USAGE_FIELDS.keys() & texts.keys():
        _value(item, name, orjson.loads(texts[name]), USAGE_FIELDS[name])
    _check_run(item, told)
    return told


def feedback(item: Item) -> Told:
    """Read a judgement, or a change of one; `texts` has every key that is no feedback field."""
    sent, texts = _document(item, lambda key: key not in FEEDBACK_FIELDS and key != "id")
    told = Told(_identify(item, sent), item.post, _values(item, sent, FEEDBACK_FIELDS), texts)
    if item.post:
        _require(item, told, "key")
    return told


def project(item: Item) -> Told:
    """Read what a project is, or is to become."""
    sent, texts = _document(item, frozenset({"extra"}).__contains__)
    told = Told(_identify(item, sent), item.post, _values(item, sent, PROJECT_FIELDS), texts)
    if item.post:
        _require(item, told, "name")
    return told


def id_of(label: str, text: object) -> UUID:
    """Read the id in a part's name, a URL or a query."""
    try:
        return readers.uuid(text)
    except ValueError as allowed:
        message = f"{label}: id is {shown(text)}; expected {allowed}"
        raise ItemProblem(INVALID_ID, message) from None


def _document(item: Item, kept: Callable[[str], bool]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return an item's values by key, and of the keys that are `kept` their text instead."""
    if item.document is None:
        raise _refusal(item, "MISSING_PART", "the part with the run itself is missing")
    value, text = _read(item, item.label, item.document)
    if not isinstance(value, dict):
        raise _refusal(item, "INVALID_JSON", f"is {shown(value)}; expected an object")
    sent = cast("dict[str, Any]", value)
    keys = [key for key in sent if kept(key)]
    if not keys:
        return sent, {}
    members = json_split.members(text.encode())
    texts = {key: members[key].decode() for key in keys if sent.pop(key) is not None}
    return sent, texts


def _read(item: Item, label: str, sent: bytes) -> tuple[object, str]:
    try:
        return json_text.read(sent)
    except ItemProblem as problem:
        message = f"{label}: {problem.message}"
        raise ItemProblem(problem.code, message, item.id or _glimpsed_id(sent)) from None


def _glimpsed_id(sent: bytes) -> UUID | None:
    """Return the id of an object that can not be read whole."""
    try:
        return readers.uuid(orjson.loads(json_split.members(sent)["id"]))
    except (ItemProblem, KeyError, ValueError):
        return None


def _identify(item: Item, sent: Mapping[str, Any]) -> UUID:
    """Return an item's id; from here on refusals have it too."""
    given = sent.get("id")
    known = item.id or item.default_id
    if given is None and known is not None:
        return known
    try:
        id = readers.uuid(given)
    except ValueError as allowed:
        raise _refusal(item, INVALID_ID, f"id is {shown(given)}; expected {allowed}") from None
    if item.id is not None and item.id != id:
        raise _refusal(item, INVALID_ID, f"id is {id}, but it was sent as {item.id}")
    item.id = id
    return id


def _values(item: Item, sent: Mapping[str, Any], fields: Mapping[str, Reader]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in sent.items():
        if value is not None and (reader := fields.get(name)) is not None:
            try:
                values[name] = reader(value)
            except ValueError as allowed:
                raise _misfit(item, name, value, allowed) from None
    return values


def _value(item: Item, name: str, value: object, reader: Reader) -> Any:
    try:
        return reader(value)
    except ValueError as allowed:
        raise _misfit(item, name, value, allowed) from None


def _misfit(item: Item, name: str, value: object, allowed: ValueError) -> ItemProblem:
    message = f"{name} is {shown(value)}; expected {allowed}"
    return _refusal(item, "INVALID_FIELD", message)


def _check_run(item: Item, told: Told) -> None:
    run_type = told.values.get("run_type")
    if run_type is not None and run_type not in RUN_TYPES:
        log.info("%s: run_type %s is not one of LangSmith's; kept", item.label, shown(run_type))
    if item.post:
        _require(item, told, "name")
        _require(item, told, "run_type")
        if "dotted_order" not in told.values and (begun := readers.moment_in(told.id)):
            # The SDK's async client leaves it to the server; its ids are of version 7.
            told.values.setdefault("start_time", begun)
        if "dotted_order" not in told.values:
            _require(item, told, "start_time")


def _require(item: Item, told: Told, name: str) -> None:
    if name not in told.values:
        raise _refusal(item, "MISSING_FIELD", f"{name} is missing")


def _refusal(item: Item, code: str, how: str) -> ItemProblem:
    return ItemProblem(code, f"{item.label}: {how}", item.id)
