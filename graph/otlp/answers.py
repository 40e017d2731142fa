"""What OTLP is answered, in the encoding it was asked in.

All went well: an ExportTraceServiceResponse, whose `partial_success` names what was refused.
Nothing was done: a google.rpc.Status. From
https://opentelemetry.io/docs/specs/otlp/#otlphttp-response.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from starlette.responses import Response

from db.arrivals import Refusal
from graph.ingest.answers import BUSY, RETRY_SECONDS

PROTOBUF, JSON = "application/x-protobuf", "application/json"

MOST_NAMED = 5
"""Refused spans that the answer says something of."""

_INVALID_ARGUMENT, _INTERNAL = 3, 13
_CODES = {
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    408: 4,  # DEADLINE_EXCEEDED
    409: 6,  # ALREADY_EXISTS
    413: 8,  # RESOURCE_EXHAUSTED
    429: 8,
    BUSY: 14,  # UNAVAILABLE
}
"""HTTP status -> code of google.rpc.Status."""


def exported(media_type: str, refused: Sequence[Refusal]) -> Response:
    """Answer that spans are on disk, but for those that were refused."""
    if media_type == PROTOBUF:
        answer: Any = ExportTraceServiceResponse()
        if refused:
            answer.partial_success.rejected_spans = len(refused)
            answer.partial_success.error_message = told(refused)
        return Response(answer.SerializeToString(), media_type=PROTOBUF)
    partial = {"rejectedSpans": str(len(refused)), "errorMessage": told(refused)}
    content = orjson.dumps({"partialSuccess": partial} if refused else {})
    return Response(content, media_type=JSON)


def failed(media_type: str, status: int, message: str) -> Response:
    """Answer that nothing was done, and why."""
    answer = Response(status_body(media_type, status, message), status, media_type=media_type)
    if status == BUSY:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def status_body(media_type: str, status: int, message: str) -> bytes:
    """Return a google.rpc.Status."""
    code = _CODES.get(status, _INVALID_ARGUMENT if status < 500 else _INTERNAL)  # noqa: PLR2004
    if media_type != PROTOBUF:
        return orjson.dumps({"code": code, "message": message})
    # The same fields by the same numbers as google.rpc.Status, which is in a package of its own.
    same: Any = ExportTracePartialSuccess(rejected_spans=code, error_message=message)
    return same.SerializeToString()


def told(refused: Sequence[Refusal]) -> str:
    """Say why spans were refused, of the first few."""
    named = "; ".join(f"{each.code}: {each.message}" for each in refused[:MOST_NAMED])
    more = len(refused) - MOST_NAMED
    return f"{named}; and {more} more" if more > 0 else named
