"""Small bodies that would be large objects: they are refused before they are any."""

import pytest

from graph.ingest.problems import BodyProblem
from graph.otlp import json_spans, protobuf, slices
from tests.graph.otlp.sending import body, json_body, request, span, value

NAMES = {f"name {at}": at for at in range(200)}
EMPTY_SPAN, EMPTY_RESOURCE = b"\x12\x00", b"\x0a\x00"


def framed(tag: int, content: bytes) -> bytes:
    """Return a field that holds a message."""
    length, sizes = len(content), bytearray()
    while length > 0x7F:
        sizes.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([tag << 3 | 2, *sizes, length]) + content


def in_scope(content: bytes) -> bytes:
    return framed(1, framed(2, content))


@pytest.fixture
def few(monkeypatch):
    """Small limits, so that small bodies break them."""
    monkeypatch.setattr(slices, "MOST_FIELDS", 1000)
    monkeypatch.setattr(slices, "MOST_PARTS", 100)
    monkeypatch.setattr(slices, "UNSUSPICIOUS", 500)
    monkeypatch.setattr(protobuf, "MOST_PARTS", 100)
    for reader in (protobuf, json_spans):
        monkeypatch.setattr(reader, "MOST_SPANS", 50)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (in_scope(EMPTY_SPAN * 51), "50 spans"),
        (body(*map(span, range(51))), "50 spans"),
        (EMPTY_RESOURCE * 1001, "1000 fields"),
        (framed(1, EMPTY_SPAN * 1001), "1000 fields"),
        (in_scope(framed(2, b"\x50\x00" * 1001)), "1000 fields"),
        (body(span(0), **NAMES), "100 attributes"),
    ],
)
def test_too_many_of_anything_is_a_413(few, sent, message):
    with pytest.raises(BodyProblem, match=message) as refused:
        protobuf.spans_of(sent)

    assert refused.value.status == 413
    assert refused.value.message.endswith("; send it in pieces")


MANY = {
    "attributes": {"attributes": NAMES},
    "a list": {"attributes": {"list": [None] * 200 + ["x" * 500]}},
    "an object": {"attributes": {"object": {"a": [{"b": list(range(200))}], "long": "x" * 500}}},
    "an event": {"events": [("event", NAMES)]},
}


@pytest.mark.parametrize("case", MANY)
def test_a_span_of_too_many_parts_is_refused_and_its_neighbours_kept(few, case):
    found = protobuf.spans_of(body(span(0, **MANY[case]), span(1)))

    assert [each.name for each in found.spans] == ["span 1"]
    assert "more than" in found.refused[0].message


def test_a_long_text_is_one_part(few):
    found = protobuf.spans_of(body(span(0, attributes={"text": "\n\0" * 10_000})))

    assert len(found.spans) == 1


def test_json_is_refused_by_the_count_of_its_brackets():
    with pytest.raises(BodyProblem, match="1000000 objects and lists") as refused:
        json_spans.spans_of(b"[" + b"{}," * 1_000_001)

    assert refused.value.status == 413


def test_json_of_too_many_spans_is_a_413(few):
    with pytest.raises(BodyProblem, match="50 spans") as refused:
        json_spans.spans_of(json_body(*map(span, range(51))))

    assert refused.value.status == 413


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff",  # a number breaks off
        b"\xff" * 20,
        b"\x0a\x7f",  # longer than the body
        b"\x0b\x0c",  # a group
        b"\x09\x00",  # half of a fixed number
        in_scope(framed(2, b"\x0a\x10short")),
        in_scope(framed(2, framed(5, b"\xff\xfe"))),  # a name that is no UTF-8
    ],
)
def test_what_is_no_protobuf_is_a_400(sent):
    with pytest.raises(BodyProblem, match="no ExportTraceServiceRequest") as refused:
        protobuf.spans_of(sent)

    assert refused.value.status == 400


def test_fields_of_a_newer_protocol_are_passed_over():
    made = request(span(0)).SerializeToString()
    unknown = b"\xf8\x01\x05" + b"\xf9\x01" + bytes(8) + b"\xfd\x01" + bytes(4)
    more = framed(15, value("new").SerializeToString())

    assert len(protobuf.spans_of(unknown + made + more).spans) == 1
