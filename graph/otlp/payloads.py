"""Inputs and outputs of a run: where a span may tell them, in the order they are looked for.

The first that is there is taken. Messages stand under `messages` as they were sent; lists that
were flattened into names (`llm.input_messages.0.message.role`) are put together again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from db.strict import json_text
from graph.otlp.attributes import Attributes, as_json, as_list, as_object, listed, nested
from graph.otlp.spans import Event

Form = Callable[[Attributes, str, str], dict[str, Any] | Any | None]
"""Reads what an attribute tells, to stand under a key; None where it tells nothing."""


def whole(attributes: Attributes, name: str, key: str) -> Any:
    """Read a value: an object stands for itself, anything else under the key."""
    value = attributes.take(name)
    if value is None:
        return None
    told = as_json(value)
    if told is None:
        return {key: value}
    return told.written if isinstance(told.value, dict) else {key: told.written}


def messages(attributes: Attributes, name: str, key: str) -> Any:
    """Read a list of messages in the current convention, the system's instructions first."""
    value = attributes.take(name)
    if value is None:
        return None
    instructions = attributes.take("gen_ai.system_instructions") if name in _ASKED else None
    told = as_json(value)
    found: Any = told.written if told else value
    if instructions is not None:
        parts = as_json(instructions)
        first = {"role": "system", "parts": parts.written if parts else instructions}
        found = [first, *(as_list(value) or [value])]
    return {key: found}


def flat(attributes: Attributes, name: str, key: str) -> Any:
    """Read a list that was flattened into names."""
    found = attributes.take_under(name)
    return {key: listed(found)} if found else None


def texts(attributes: Attributes, name: str, key: str) -> Any:
    """Read the texts that are embedded, which stand beside their vectors."""
    return _part(attributes, name, key, "embedding.text", "text")


def vectors(attributes: Attributes, name: str, key: str) -> Any:
    """Read the vectors."""
    return _part(attributes, name, key, "embedding.vector", "vector")


def documents(attributes: Attributes, name: str, key: str) -> Any:
    """Read flattened documents, as LangChain writes them."""
    found = attributes.take_under(name)
    return {key: [_document(each) for each in listed(found)]} if found else None


def reranked(attributes: Attributes, name: str, key: str) -> Any:
    """Read what is put in order: the query and the documents."""
    found: dict[str, Any] | None = documents(attributes, name, key)
    query = attributes.take("reranker.query")
    if query is None:
        return found
    return {"query": query, **(found or {})}


def _part(attributes: Attributes, name: str, key: str, ending: str, part: str) -> Any:
    found = attributes.take_under(name, ending)
    return {key: [each[part] for each in listed(found) if part in each]} if found else None


def _document(sent: Any) -> Any:
    if not isinstance(sent, dict):
        return sent
    told = dict(as_object(sent))
    content, metadata = told.pop("content", None), told.pop("metadata", None)
    return {"page_content": content, "metadata": as_object(metadata), **told}


_ASKED = frozenset({"gen_ai.input.messages"})

INPUTS: Sequence[tuple[str, Form, str]] = (
    ("gen_ai.prompt", whole, "input"),
    ("gen_ai.input.messages", messages, "messages"),
    ("gen_ai.prompt", flat, "messages"),
    ("llm.input_messages", flat, "messages"),
    ("llm.prompts", flat, "prompts"),
    ("gen_ai.tool.call.arguments", whole, "input"),
    ("tool_arguments", whole, "input"),
    ("gen_ai.retrieval.query.text", whole, "query"),
    ("reranker.input_documents", reranked, "documents"),
    ("embedding.embeddings", texts, "texts"),
    ("traceloop.entity.input", whole, "input"),
    ("gen_ai.task.input", whole, "input"),
    ("input.value", whole, "input"),
)

OUTPUTS: Sequence[tuple[str, Form, str]] = (
    ("gen_ai.completion", whole, "output"),
    ("gen_ai.output.messages", messages, "messages"),
    ("gen_ai.completion", flat, "messages"),
    ("llm.output_messages", flat, "messages"),
    ("llm.choices", flat, "choices"),
    ("gen_ai.tool.call.result", whole, "output"),
    ("gen_ai.retrieval.documents", whole, "documents"),
    ("retrieval.documents", documents, "documents"),
    ("reranker.output_documents", documents, "documents"),
    ("embedding.embeddings", vectors, "embeddings"),
    ("traceloop.entity.output", whole, "output"),
    ("gen_ai.task.output", whole, "output"),
    ("output.value", whole, "output"),
)

NAMES = frozenset(
    {
        *(name for name, *_ in (*INPUTS, *OUTPUTS)),
        *("input.mime_type", "output.mime_type", "gen_ai.system_instructions"),
    }
)
"""Attributes that are payloads, or say something of them; no metadata, however short."""

MESSAGES: Mapping[str, str] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Events that tell a message to the model, and whose it is unless they say so."""

CHOICE = "gen_ai.choice"
"""The event that tells an answer."""

CARRIERS = frozenset(
    {
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
        "gen_ai.client.inference.operation.details",
    }
)
"""Events whose attributes are the span's own, told late."""

_FOUND = {"db.query.result": "db.query.result.", "db.search.result": "db.search.result."}
"""Events that tell a document that a vector database found, and how their attributes begin."""

TOLD = MESSAGES.keys() | CARRIERS | _FOUND.keys() | {CHOICE}
"""Events that are nothing but a part of the inputs or the outputs."""


def payload(
    table: Sequence[tuple[str, Form, str]], attributes: Attributes, told: Any
) -> str | None:
    """Return the JSON text of the first payload that is there; else of what events `told`."""
    for name, form, key in table:
        value = attributes.look(name)
        if (found := form(attributes, name, key)) is not None:
            if value is not None:
                _take_copies(table, attributes, value)
            return json_text(name, found)
    return json_text("events", told) if told else None


def _take_copies(
    table: Sequence[tuple[str, Form, str]], attributes: Attributes, value: Any
) -> None:
    """Take what says the same by another convention's name."""
    for name, *_ in table:
        if attributes.look(name) == value:
            attributes.take(name)


def asked_by(events: Sequence[Event]) -> Any:
    """Return the inputs that events tell; None if they tell none."""
    found = [
        {"role": MESSAGES[event.name], **_content(event)}
        for event in events
        if event.name in MESSAGES
    ]
    return {"messages": found} if found else None


def answered_by(events: Sequence[Event]) -> Any:
    """Return the outputs that events tell: choices, or documents; None if they tell none."""
    choices = [_choice(event) for event in events if event.name == CHOICE]
    if choices:
        return {"choices": choices}
    found = [_found(event) for event in events if event.name in _FOUND]
    return {"documents": found} if found else None


def _content(event: Event) -> dict[str, Any]:
    flattened = dict(event.attributes)
    for name in ("gen_ai.system", "gen_ai.provider.name", "event.name"):
        flattened.pop(name, None)
    if told := as_object(flattened.pop("gen_ai.event.content", None)):
        return dict(told)
    found = nested(flattened)
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _choice(event: Event) -> dict[str, Any]:
    told = _content(event)
    message = told.get("message")
    if isinstance(message, str):
        told["message"] = as_object(message) or {"role": "assistant", "content": message}
    elif isinstance(message, dict):
        told["message"] = {"role": "assistant", **message}
    return told


def _found(event: Event) -> Any:
    start = _FOUND[event.name]
    told = {name.removeprefix(start): value for name, value in event.attributes.items()}
    return _document({"content": told.pop("document", None), **told})
