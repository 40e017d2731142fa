"""Sent JSON is kept as it was sent; what JSON or a database can not hold is mended in place."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.ingest import json_text
from graph.ingest.problems import ItemProblem


def text(sent: bytes) -> str:
    return json_text.read(sent)[1]


@pytest.mark.parametrize(
    "sent",
    [
        '{"b": 1,  "a": 2}',
        "123456789012345678901234567890",
        "[1.10, 1e5, -0, 0.1000]",
        '"\\u00e9 é \\ud83d\\ude00 😀"',
        '{"a": 1, "a": 2}',
        '"a\\\\u0000"',
        " \n[ ]\t",
        '"NaN, Infinity"',
    ],
)
def test_strict_json_stays_as_it_was_sent(sent):
    assert text(sent.encode()) == sent


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"NaN", '"NaN"'),
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', '{"a": "NaN", "b": ["Infinity", "-Infinity"]}'),
        (b'["NaN \\"NaN", NaN]', '["NaN \\"NaN", "NaN"]'),
        (b'["\\\\", NaN, "\\\\\\"", NaN]', '["\\\\", "NaN", "\\\\\\"", "NaN"]'),
        (b'"a\\u0000b"', '"a\ufffdb"'),
        (b'"a\\\\\\u0000b"', '"a\\\\\ufffdb"'),
        (b'"a\\\\u0000b\\u0000"', '"a\\\\u0000b\ufffd"'),
        (b'"\\ud800"', '"\ufffd"'),
        (b'"\\uDC00x"', '"\ufffdx"'),
        (b'"\\ud800\\ud83d\\ude00"', '"\ufffd\\ud83d\\ude00"'),
        (b'"\xed\xa0\x80"', '"\ufffd"'),
        (b'"\xed\xa0\xbd\xed\xb8\x80"', '"😀"'),
        (b'"\xff\xe9"', '"\ufffd\ufffd"'),
        (b'"a\x01b\x00c\nd"', '"a\\u0001b\ufffdc\\u000ad"'),
        (b'{"a\\u0000": 1.10}', '{"a\ufffd": 1.10}'),
        (b"[1e999, -1e999, 1.0]", '["1e999", "-1e999", 1.0]'),
        (b"9" * 400, '"' + "9" * 400 + '"'),
        (b'[NaN, 123456789012345678901234567890, "123"]', None),
    ],
)
def test_what_json_can_not_hold_is_mended_where_it_stands(sent, kept):
    value, mended = json_text.read(sent)

    assert kept is None or mended == kept
    assert orjson.loads(mended) == value


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[1,]",
        b"nan",
        b'{"a" 1}',
        b"'a'",
        b"1 2",
        b"\xef\xbb\xbf1",
        b"+Infinity",
        b"xNaN",
    ],
)
def test_what_is_no_json_is_refused(sent):
    with pytest.raises(ItemProblem, match="not JSON"):
        json_text.read(sent)


def test_nesting_that_is_too_deep_is_named():
    assert json_text.read(b"[" * 1024 + b"]" * 1024)

    with pytest.raises(ItemProblem, match="nested deeper than 1024 levels"):
        json_text.read(b"[" * 1025 + b"]" * 1025)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=10,
)


@given(anything, st.booleans())
def test_whatever_python_writes_is_read(value, ascii_only):
    sent = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    read, kept = json_text.read(sent)

    assert orjson.loads(kept) == read
    assert "\0" not in str(read)
    try:
        strict = orjson.loads(sent)
    except orjson.JSONDecodeError:
        return
    assert read == strict or "\\u0000" in sent.decode()
