"""OTLP in protobuf (opentelemetry.proto.collector.trace.v1), as most exporters send it."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from graph.ingest.problems import BodyProblem, ItemProblem
from graph.otlp.spans import Decoded, Event, Scope, Span, check


def spans_of(body: bytes) -> Decoded:
    """Return the spans of a body; raise BodyProblem if it is no request."""
    # The generated classes have no types that pyright could read.
    request: Any = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        message = f"the body is no ExportTraceServiceRequest in protobuf: {error}"
        raise BodyProblem(400, "INVALID_PROTOBUF", message) from None
    found = Decoded()
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = Scope(resource, scope_spans.scope.name, scope_spans.scope.version)
            for sent in scope_spans.spans:
                try:
                    found.spans.append(check(_span(sent, scope)))
                except ItemProblem as problem:
                    found.refuse(problem)
    return found


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
