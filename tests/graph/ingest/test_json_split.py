"""Objects and lists are taken apart without reading what is in them."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.ingest.json_split import elements, members
from graph.ingest.problems import ItemProblem


def test_members_keep_their_bytes():
    sent = b' { "a" : 1.10 , "b\\"c":{"d": [1, "}"]},"e":"\\\\", "a":[ ] } '

    assert members(sent) == {"a": b"[ ]", 'b"c': b'{"d": [1, "}"]}', "e": b'"\\\\"'}


def test_elements_keep_their_bytes():
    assert elements(b'[1, {"a": "]"} , "x\\"]", NaN]') == [b"1", b'{"a": "]"}', b'"x\\"]"', b"NaN"]
    assert elements(b"[]") == []


def test_depth_is_no_hindrance():
    deep = b"[" * 100_000 + b"]" * 100_000

    assert elements(b"[1," + deep + b",2]") == [b"1", deep, b"2"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b"{",
        b'{"a"',
        b'{"a":',
        b'{"a":}',
        b'{"a":1',
        b'{"a":1,}',
        b'{"a":1 "b":2}',
        b"{1:2}",
    ],
)
def test_broken_objects_are_refused(sent):
    with pytest.raises(ItemProblem, match="not JSON"):
        members(sent)


@pytest.mark.parametrize(
    "sent", [b"", b"{}", b"[", b"[1", b"[1,]", b"[,1]", b"[1] 2", b'["a', b"[[1]"]
)
def test_broken_lists_are_refused(sent):
    with pytest.raises(ItemProblem, match="not JSON"):
        elements(sent)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), values), st.sampled_from([None, 1]))
def test_members_are_those_of_the_object(sent, indent):
    found = members(json.dumps(sent, indent=indent).encode())

    assert {key: orjson.loads(value) for key, value in found.items()} == sent


@given(st.lists(values), st.sampled_from([None, 1]))
def test_elements_are_those_of_the_list(sent, indent):
    found = elements(json.dumps(sent, indent=indent).encode())

    assert [orjson.loads(value) for value in found] == sent
