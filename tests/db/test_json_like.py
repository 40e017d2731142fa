"""LIKE on values of JSON: as a regular expression means it, without its worst case."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.json_tests import like, like_pattern

PATTERNS = st.text("ab%_\\.\n", max_size=8)


@given(text=st.text("ab%_\\.\n", max_size=8), pattern=PATTERNS)
def test_a_pattern_means_what_its_regular_expression_does(text: str, pattern: str):
    expected = re.fullmatch(like_pattern(pattern), text, re.DOTALL) is not None

    assert like(text, pattern) == expected


@pytest.mark.parametrize("pattern", ["%a" * 500 + "b", "%a_" * 300 + "b", "%" * 999 + "b"])
def test_a_pattern_of_many_gaps_is_tried_at_each_place_once(pattern: str):
    """With a regular expression this would not end."""
    assert not like("a" * 200_000, pattern)
