"""Values: equal by their fields and their class, and good as keys."""

from dataclasses import replace

from db import filters
from db.filters import All, AnyOf
from db.questions import RUNS, Count, Page, Rows, Window


def test_values_are_equal_where_their_classes_and_fields_are():
    rows = Rows(RUNS, where=All((filters.Test("name", "eq", "a"),)), window=Window(5))
    same = Rows(RUNS, where=All((filters.Test("name", "eq", "a"),)), window=Window(5))

    assert (rows, hash(rows)) == (same, hash(same))
    assert {Page(rows): 1}[Page(same)] == 1
    assert rows != replace(rows, window=Window(6))
    assert Page(rows) != Count(rows)
    assert All(()) != AnyOf(())
