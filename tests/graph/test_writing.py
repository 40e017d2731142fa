"""Answers in pieces are, put together, the answers in one."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.writing import pieces

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=80) | st.dictionaries(st.text(), inner, max_size=8),
    max_leaves=200,
)


@given(VALUES)
def test_pieces_put_together_are_the_whole(value):
    assert b"".join(pieces(value)) == orjson.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, "", [], {}, [[]], [{}], {"a": []}, {"a": {}, "b": [{}]}),
        [None] * 1000,
        {"a": [{"b": at} for at in range(200)], "c": 1, "d": {"e": [[1]] * 100}, "f": None},
        {"small": 1, "large": [{"x": [1] * 100}] * 3, "last": [0] * 65},
        [[at] * 70 for at in range(70)],
        [1, [2] * 200, 3, {"a": [4] * 200}, 5],
        [orjson.Fragment(b'{"as": "it is"}')] * 100,
    ],
)
def test_every_shape_can_be_written(value):
    assert b"".join(pieces(value)) == orjson.dumps(value)


def test_no_piece_holds_much_more_than_enough():
    rows = [{"name": "x" * 100, "at": at, "childRuns": [{"y": at}] * 20} for at in range(3000)]
    whole = orjson.dumps({"data": {"runs": {"nodes": rows}}})
    found = list(pieces({"data": {"runs": {"nodes": rows}}}))

    assert b"".join(found) == whole
    assert len(found) > 10
    assert max(map(len, found)) < 128 * 1024


def test_a_tree_is_written_in_pieces_as_well():
    tree = {"childRuns": [{"name": "x" * 50, "childRuns": [{"name": "y" * 50}] * 300}] * 100}

    found = list(pieces(tree))

    assert b"".join(found) == orjson.dumps(tree)
    assert max(map(len, found)) < 128 * 1024
