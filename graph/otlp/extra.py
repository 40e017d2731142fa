"""The `extra` of a run: metadata, parameters of the call, where it ran, and all that is left.

Short values that no rule takes are metadata, by their own name; others, and the links, the kind and
the scope of the span, stand under `otel`.
"""

from collections.abc import Mapping
from typing import Any

from db.derive import LONGEST_INDEXED
from db.strict import json_text
from graph.otlp import conventions
from graph.otlp.attributes import Attributes, as_json, as_object, listed
from graph.otlp.payloads import NAMES
from graph.otlp.spans import Span, Values

KINDS = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
"""Kinds of spans worth telling, by number."""

TRACE, SPAN = "OTEL_TRACE_ID", "OTEL_SPAN_ID"
"""Where the metadata has the ids of OpenTelemetry, as LangSmith's has."""


def extra_of(span: Span, attributes: Attributes, run_type: str) -> str:
    """Return the JSON text of `extra`; takes all that is left of the attributes."""
    resource = span.scope.resource
    named, parameters = _named(attributes), _parameters(attributes)
    if run_type in conventions.MODELS:
        named = {**_model(attributes, parameters), **named}
    elif span.scope.name == conventions.SDK:
        attributes.take(*conventions.PROVIDER)  # the SDK makes one up for every run
    short, long = _split(attributes.rest)
    extra: dict[str, Any] = {
        "metadata": {
            **{name: value for name, value in resource.items() if not _is_machine(name)},
            **short,
            TRACE: span.trace_id,
            SPAN: span.span_id,
            **named,
        },
        "runtime": {name: value for name, value in resource.items() if _is_machine(name)},
        "invocation_params": parameters,
        "otel": _otel(span, long),
    }
    return json_text("extra", {name: value for name, value in extra.items() if value})


def _named(attributes: Attributes) -> dict[str, Any]:
    """Take what is meant as metadata; the more it is meant so, the later."""
    found: dict[str, Any] = {}
    for name, key in conventions.METADATA.items():
        if (value := attributes.take(name)) is not None:
            found[key] = value
    if told := as_object(attributes.look(conventions.WHOLE_METADATA)):
        attributes.take(conventions.WHOLE_METADATA)
        found.update(told)
    for prefix in conventions.PREFIXES:
        for key, value in attributes.take_under(prefix).items():
            read = as_json(value)
            found[key] = read.written if read else value
    return found


def _parameters(attributes: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in conventions.INVOCATION:
        if told := as_object(attributes.look(name)):
            attributes.take(name)
            found.update(told)
    for name, (key, _) in conventions.REQUEST.items():
        if (value := attributes.take(name)) is not None:
            found[key] = value
    for name in conventions.TOOLS:
        if (value := attributes.take(name)) is not None:
            read = as_json(value)
            found["tools"] = read.written if read else value
    for name in conventions.FLAT_TOOLS:
        if flat := attributes.take_under(name):
            found.setdefault("tools", [_tool(each) for each in listed(flat)])
    return found


def _tool(sent: Any) -> Any:
    return as_object(as_object(sent).get("json_schema")) or sent


def _model(attributes: Attributes, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata by which models, providers and prices are known."""
    found: dict[str, Any] = {}
    if model := attributes.take_text(*conventions.MODEL):
        found["ls_model_name"] = model
        parameters.setdefault("model", model)
    if provider := attributes.take_text(*conventions.PROVIDER):
        known = provider.lower()
        found["ls_provider"] = conventions.PROVIDERS.get(known, known)
    for key, metadata in conventions.REQUEST.values():
        if metadata is not None and key in parameters:
            found[metadata] = parameters[key]
    return found


def _split(rest: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what may be metadata, and the others."""
    short: dict[str, Any] = {}
    long: dict[str, Any] = {}
    for name, value in rest.items():
        (short if _is_short(value) and name not in NAMES else long)[name] = value
    return short, long


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_INDEXED
    return not isinstance(value, list | dict)


def _is_machine(name: str) -> bool:
    return name.startswith(conventions.MACHINE)


def _otel(span: Span, long: Values) -> dict[str, Any]:
    scope = {"name": span.scope.name, "version": span.scope.version}
    told: dict[str, Any] = {
        "scope": {name: value for name, value in scope.items() if value},
        "kind": KINDS.get(span.kind),
        "message": span.message,
        "links": list(span.links),
        "attributes": dict(long),
    }
    return {name: value for name, value in told.items() if value}
