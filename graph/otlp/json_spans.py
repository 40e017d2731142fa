"""OTLP in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).

It is protobuf's mapping to JSON with two changes: ids are hexadecimal, and enums are numbers (names
are taken too). Keys are in lowerCamelCase; unknown ones are ignored.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from graph.ingest import json_text
from graph.ingest.problems import BodyProblem, ItemProblem, shown
from graph.otlp.slices import MOST_SPANS, too_many
from graph.otlp.spans import DEEPEST, Decoded, Event, Scope, Span, check

_HEX = re.compile("[0-9a-fA-F]*")
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_CODES = ("UNSET", "OK", "ERROR")
_MOST = 2**64

MOST_OBJECTS = 1_000_000
"""Objects and lists that a body may have: each takes many times what it takes as text."""

Object = Mapping[str, Any]


class _WrongError(Exception):
    """A value that is not what its place asks for; its text says what it is and what is allowed."""


def spans_of(body: bytes) -> Decoded:
    """Return the spans of a body; raise BodyProblem if it is no request."""
    if body.count(b"{") + body.count(b"[") > MOST_OBJECTS:
        raise too_many(f"{MOST_OBJECTS} objects and lists")
    try:
        request, _ = json_text.read(body)
        return _read(_object("the body", request))
    except ItemProblem as problem:
        message = f"the body is {problem.message}"
        raise BodyProblem(400, problem.code, message) from None
    except _WrongError as problem:
        raise BodyProblem(400, "INVALID_JSON", str(problem)) from None


def _read(request: Object) -> Decoded:
    found = Decoded()
    for resource_spans in _objects(request, "resourceSpans"):
        resource = _attributes(_object("resource", resource_spans.get("resource") or {}))
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            told = _object("scope", scope_spans.get("scope") or {})
            scope = Scope(resource, _text(told, "name"), _text(told, "version"))
            for sent in _objects(scope_spans, "spans"):
                if found.count >= MOST_SPANS:
                    raise too_many(f"{MOST_SPANS} spans")
                try:
                    found.spans.append(check(_span(sent, scope)))
                except _WrongError as problem:
                    name = shown(sent.get("name"))
                    found.refuse(ItemProblem("INVALID_SPAN", f"span {name}: {problem}"))
                except ItemProblem as problem:
                    found.refuse(problem)
    return found


def _span(sent: Object, scope: Scope) -> Span:
    status = _object("status", sent.get("status") or {})
    return Span(
        trace_id=_id(sent, "traceId"),
        span_id=_id(sent, "spanId"),
        parent_id=_id(sent, "parentSpanId"),
        name=_text(sent, "name"),
        kind=_choice(sent, "kind", "SPAN_KIND_", _KINDS),
        start=_nanoseconds(sent, "startTimeUnixNano"),
        end=_nanoseconds(sent, "endTimeUnixNano"),
        attributes=_attributes(sent),
        events=[
            Event(_text(each, "name"), _nanoseconds(each, "timeUnixNano"), _attributes(each))
            for each in _objects(sent, "events")
        ],
        links=[
            {
                "trace_id": _id(each, "traceId"),
                "span_id": _id(each, "spanId"),
                **_attributes(each),
            }
            for each in _objects(sent, "links")
        ],
        outcome=_choice(status, "code", "STATUS_CODE_", _CODES),
        message=_text(status, "message"),
        scope=scope,
    )


def _attributes(holder: Object) -> dict[str, Any]:
    return _pairs(holder.get("attributes"), "attributes", 0)


def _pairs(sent: Any, name: str, depth: int) -> dict[str, Any]:
    pairs = (_object(name, each) for each in _list(name, sent))
    return {_text(pair, "key"): _value(pair.get("value"), depth) for pair in pairs}


def _value(sent: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise _WrongError(f"an attribute nests deeper than {DEEPEST} levels")
    for kind, value in _object("value", sent or {}).items():
        if kind in _VALUES and value is not None:
            return _VALUES[kind](value, depth + 1)
    return None


def _as_text(sent: Any, _: int) -> str:
    if isinstance(sent, str):
        return sent
    raise _WrongError(f"a stringValue is {shown(sent)}; expected text")


def _as_flag(sent: Any, _: int) -> bool:
    if isinstance(sent, bool):
        return sent
    raise _WrongError(f"a boolValue is {shown(sent)}; expected true or false")


def _as_int(sent: Any, _: int) -> int:
    number = _whole("an intValue", sent)
    if not -_MOST // 2 <= number < _MOST // 2:
        raise _WrongError(f"an intValue is {shown(sent)}; expected 64 bits")
    return number


def _as_number(sent: Any, _: int) -> float:
    if not isinstance(sent, bool) and isinstance(sent, int | float | str):
        try:
            return float(sent)
        except (ValueError, OverflowError):
            pass
    raise _WrongError(f"a doubleValue is {shown(sent)}; expected a number")


def _as_list(sent: Any, depth: int) -> list[Any]:
    values = _list("values", _object("arrayValue", sent).get("values"))
    return [_value(each, depth) for each in values]


def _as_object(sent: Any, depth: int) -> dict[str, Any]:
    return _pairs(_object("kvlistValue", sent).get("values"), "values", depth)


_VALUES: Mapping[str, Callable[[Any, int], Any]] = {
    "stringValue": _as_text,
    "boolValue": _as_flag,
    "intValue": _as_int,
    "doubleValue": _as_number,
    "arrayValue": _as_list,
    "kvlistValue": _as_object,
    "bytesValue": _as_text,  # base64, and so it stays
}


def _object(name: str, sent: Any) -> Object:
    if isinstance(sent, dict):
        return cast("Object", sent)
    raise _WrongError(f"{name} is {shown(sent)}; expected an object")


def _list(name: str, sent: Any) -> list[Any]:
    if sent is None:
        return []
    if isinstance(sent, list):
        return cast("list[Any]", sent)
    raise _WrongError(f"{name} is {shown(sent)}; expected a list")


def _objects(holder: Object, name: str) -> Iterator[Object]:
    for each in _list(name, holder.get(name)):
        yield _object(name, each)


def _text(holder: Object, name: str) -> str:
    sent = holder.get(name)
    if sent is None or isinstance(sent, str):
        return sent or ""
    raise _WrongError(f"{name} is {shown(sent)}; expected text")


def _id(holder: Object, name: str) -> str:
    text = _text(holder, name)
    if not _HEX.fullmatch(text):
        raise _WrongError(f"{name} is {shown(text)}; expected hexadecimal digits")
    return text.lower()


def _nanoseconds(holder: Object, name: str) -> int:
    sent = holder.get(name)
    at = 0 if sent is None else _whole(name, sent)
    if not 0 <= at < _MOST:
        raise _WrongError(f"{name} is {shown(sent)}; expected nanoseconds since 1970")
    return at


def _whole(name: str, sent: Any) -> int:
    if not isinstance(sent, bool) and isinstance(sent, int | float | str):
        try:
            number = int(sent)
            if isinstance(sent, str) or number == sent:
                return number
        except (ValueError, OverflowError):
            pass
    raise _WrongError(f"{name} is {shown(sent)}; expected a whole number, or text of one")


def _choice(holder: Object, name: str, prefix: str, names: tuple[str, ...]) -> int:
    sent = holder.get(name)
    if isinstance(sent, str) and sent.removeprefix(prefix) in names:
        return names.index(sent.removeprefix(prefix))
    return 0 if sent is None else _whole(name, sent)
