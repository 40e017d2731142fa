"""Whatever a database's locale is, texts stand in the order of their code points."""

import pytest
from sqlalchemy import Text, inspect
from sqlmodel import SQLModel

from db.dialects import JsonText, Plain
from db.store import Store


def test_no_text_that_is_compared_is_left_to_the_locale():
    left = [
        str(column)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text) and not isinstance(column.type, Plain | JsonText)
    ]

    assert left == []


@pytest.mark.only_on("postgresql", reason="SQLite knows no locales")
def test_texts_are_sorted_by_code_point(store: Store):
    columns = inspect(store._engine).get_columns("run", schema="rungraph")
    collations = {each["name"]: getattr(each["type"], "collation", None) for each in columns}

    assert {collations[name] for name in ("name", "dotted_order", "run_type", "thread_id")} == {"C"}
