"""What tests send: spans, and requests of them in both encodings."""

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
NOON = 1_767_268_800_000_000_000
SECOND = 10**9
TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")

ERROR, OK = Status.STATUS_CODE_ERROR, Status.STATUS_CODE_OK


def span_id(number: int) -> bytes:
    return (0xB7AD_6B71_6920_0000 + number).to_bytes(8)


def run_id(number: int) -> str:
    """The id of the run that a span becomes."""
    return f"00000000-0000-0000-b7ad-6b716920{number:04x}"


def span(number: int, parent: int | None = None, **told: Any) -> Span:
    """Return a span of a second; `attributes` are Python values, `events` have a name and them."""
    attributes, events = told.pop("attributes", {}), told.pop("events", ())
    start = told.pop("start", NOON + number * SECOND)
    fields: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": span_id(number),
        "parent_span_id": b"" if parent is None else span_id(parent),
        "name": f"span {number}",
        "start_time_unix_nano": start,
        "end_time_unix_nano": start + SECOND,
        **told,
    }
    made = Span(attributes=pairs(attributes), **fields)
    for at, (name, values) in enumerate(events):
        made.events.add(name=name, time_unix_nano=start + at * 1000, attributes=pairs(values))
    return made


def failed(message: str = "") -> Status:
    return Status(code=ERROR, message=message)


def request(*spans: Span, scope: str = "tests", **resource: Any) -> ExportTraceServiceRequest:
    """Return a request with spans of one library in one process."""
    made = ExportTraceServiceRequest()
    of_process = made.resource_spans.add()
    of_process.resource.attributes.extend(pairs(resource))
    of_library = of_process.scope_spans.add()
    of_library.scope.name = scope
    of_library.spans.extend(spans)
    return made


def body(*spans: Span, **told: Any) -> bytes:
    return request(*spans, **told).SerializeToString()


def json_body(*spans: Span, **told: Any) -> bytes:
    """Return a request as OTLP writes it in JSON: protobuf's mapping, but for the ids."""
    return json.dumps(_hexadecimal(MessageToDict(request(*spans, **told)))).encode()


def pairs(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=value(each)) for name, each in values.items()]


def value(told: Any) -> AnyValue:
    match told:
        case None:
            return AnyValue()
        case list():
            return AnyValue(array_value={"values": [value(each) for each in told]})
        case dict():
            return AnyValue(kvlist_value={"values": pairs(told)})
        case _:
            return AnyValue(**{FIELDS[type(told)]: told})


FIELDS = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
    str: "string_value",
}


def _hexadecimal(node: Any) -> Any:
    if isinstance(node, list):
        return [_hexadecimal(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: base64.b64decode(each).hex()
        if name.endswith(("traceId", "panId"))
        else each
        if not isinstance(each, dict | list)
        else _hexadecimal(each)
        for name, each in node.items()
    }
