"""OTLP in protobuf (opentelemetry.proto.collector.trace.v1), as most exporters send it."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from graph.ingest.problems import ItemProblem
from graph.otlp.slices import (
    MOST_PARTS,
    MOST_SPANS,
    RESOURCE,
    SCOPE,
    SPAN,
    Kinds,
    Slice,
    Slices,
    broken,
    too_many,
)
from graph.otlp.spans import Decoded, Event, Scope, Span, Values, check

_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SCOPE, _SPANS = 1, 1, 2, 1, 2
"""Numbers of fields."""


def spans_of(body: bytes) -> Decoded:
    """Return the spans of a body; raise BodyProblem if it is no request."""
    found, slices = Decoded(), Slices(body)
    for number, *place in slices.messages(0, len(body)):
        if number == _RESOURCE_SPANS:
            _add_resource_spans(found, slices, *place)
    return found


def _add_resource_spans(found: Decoded, slices: Slices, start: int, end: int) -> None:
    parts = list(slices.messages(start, end))
    resource = _attributes(_read(Resource(), RESOURCE, slices, parts, _RESOURCE).attributes)
    for number, *place in parts:
        if number == _SCOPE_SPANS:
            _add_scope_spans(found, slices, resource, *place)


def _add_scope_spans(
    found: Decoded, slices: Slices, resource: Values, start: int, end: int
) -> None:
    parts = list(slices.messages(start, end))
    sent = _read(InstrumentationScope(), SCOPE, slices, parts, _SCOPE)
    scope = Scope(resource, sent.name, sent.version)
    for number, *place in parts:
        if number == _SPANS:
            if found.count >= MOST_SPANS:
                raise too_many(f"{MOST_SPANS} spans")
            try:
                found.spans.append(_span_in(slices, scope, *place))
            except ItemProblem as problem:
                found.refuse(problem)


def _span_in(slices: Slices, scope: Scope, start: int, end: int) -> Span:
    if slices.has_many_parts(SPAN, start, end):
        raise ItemProblem("INVALID_SPAN", f"a span has more than {MOST_PARTS} parts")
    return check(_span(_parsed(SentSpan(), slices.body[start:end]), scope))


def _read(message: Any, kinds: Kinds, slices: Slices, parts: Sequence[Slice], number: int) -> Any:
    """Return a message that stands once among others; an empty one where it does not."""
    for which, *place in parts:
        if which == number:
            if slices.has_many_parts(kinds, *place):
                raise too_many(f"{MOST_PARTS} attributes of a resource or a scope")
            _parsed(message, slices.body[slice(*place)])
    return message


def _parsed(message: Any, sent: bytes) -> Any:
    # The generated classes have no types that pyright could read.
    try:
        message.MergeFromString(sent)
    except DecodeError as error:
        raise broken(str(error)) from None
    return message


def _span(sent: Any, scope: Scope) -> Span:
    return Span(
        trace_id=sent.trace_id.hex(),
        span_id=sent.span_id.hex(),
        parent_id=sent.parent_span_id.hex(),
        name=sent.name,
        kind=sent.kind,
        start=sent.start_time_unix_nano,
        end=sent.end_time_unix_nano,
        attributes=_attributes(sent.attributes),
        events=[
            Event(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in sent.events
        ],
        links=[
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                **_attributes(link.attributes),
            }
            for link in sent.links
        ],
        outcome=sent.status.code,
        message=sent.status.message,
        scope=scope,
    )


def _attributes(sent: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in sent}


def _value(sent: Any) -> Any:
    kind = sent.WhichOneof("value")
    return None if kind is None else _VALUES[kind](getattr(sent, kind))


def _same(value: Any) -> Any:
    return value


_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "string_value": _same,
    "bool_value": _same,
    "int_value": _same,
    "double_value": _same,
    "array_value": lambda sent: [_value(each) for each in sent.values],
    "kvlist_value": lambda sent: _attributes(sent.values),
    "bytes_value": lambda sent: b64encode(sent).decode(),
    "string_value_strindex": lambda _: None,  # of profiles: an index into a table that is not here
}
