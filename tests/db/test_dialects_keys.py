"""Many keys travel to the database as one parameter."""

from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.dialects import postgresql

from db.dialects import key_rows, label_rows


@pytest.fixture
def engine():
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


def test_rows_of_keys_come_back_as_they_went_in(engine: Engine):
    keys = key_rows("keys", ("trace_id", "id"))
    given = [(uuid4(), uuid4()) for _ in range(5)]

    with engine.connect() as connection:
        found = connection.execute(select(keys.c.trace_id, keys.c.id), {"keys": given}).all()

    assert [tuple(row) for row in found] == given


@pytest.mark.parametrize("columns", [("id",), ("trace_id", "parent", "id")])
def test_a_table_of_keys_has_the_columns_it_was_given(engine: Engine, columns: tuple[str, ...]):
    keys = key_rows("wanted", columns)
    given = [tuple(uuid4() for _ in columns) for _ in range(3)]

    with engine.connect() as connection:
        found = connection.execute(select(keys), {"wanted": given}).all()
        nothing = connection.execute(select(keys), {"wanted": []}).all()

    assert [tuple(row) for row in found] == given
    assert nothing == []


def test_ten_thousand_keys_are_one_parameter(engine: Engine):
    keys = key_rows("keys", ("id",))
    given = [(uuid4(),) for _ in range(10_000)]

    with engine.connect() as connection:
        found = connection.execute(select(keys.c.id), {"keys": given}).scalars().all()

    assert [(each,) for each in found] == given


def test_postgresql_is_given_one_array():
    keys = key_rows("keys", ("trace_id", "id"))

    compiled = select(keys.c.id).compile(dialect=postgresql.dialect())

    assert set(compiled.params) == {"keys"}
    assert "generate_series(1, cardinality(keys), 2)" in str(compiled)


def test_keys_with_a_text_come_back_as_they_went_in(engine: Engine):
    rows = label_rows("above")
    given = [(uuid4(), text) for text in ("", "a'b", "ü\n", "x" * 70_000)]

    with engine.connect() as connection:
        sent = {"above": given, "above_labels": given}
        found = connection.execute(select(rows.c.id, rows.c.label), sent).all()

    assert [tuple(row) for row in found] == given
