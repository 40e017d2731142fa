"""What is outside of a reader's projects is not there, whatever a statement says."""

import asyncio
from uuid import UUID, uuid5

import pytest
from sqlmodel import SQLModel

from db import reach as reaches
from db.projects import id_of
from db.reach import INSIDE, Reach
from db.servers import SCHEMA
from tests.conftest import NAMES

OWN, FOREIGN = id_of("own"), id_of("foreign")


def rows(store, sql: str, *projects: UUID) -> list:
    (found,) = rows_of_each(store, [sql], *projects)
    return found


def rows_of_each(store, statements: list[str], *projects: UUID) -> list:
    async def read():
        reading = store.reading(Reach(frozenset(projects)))
        try:
            return [await reading.rows(sql, ()) for sql in statements]
        finally:
            await reading.close()
            await store._readers.aclose()

    return asyncio.run(read())


def test_every_table_says_which_of_its_rows_are_inside():
    assert set(INSIDE) == set(SQLModel.metadata.tables)


def test_the_schema_of_postgresql_is_the_one_its_tables_are_in():
    assert reaches._HOMES["postgresql"] == SCHEMA


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM run ORDER BY name",
        "SELECT r.name FROM run AS r WHERE r.trace_id IN (SELECT trace_id FROM run) ORDER BY 1",
        "WITH chosen AS (SELECT name FROM run) SELECT name FROM chosen",
        "SELECT run.name FROM project JOIN run ON run.session_id = project.id",
        "SELECT name FROM (SELECT name FROM run UNION ALL SELECT name FROM run WHERE 1 = 0) AS s",
    ],
)
def test_a_statement_of_any_form_reads_what_is_inside(store, add, sql):
    add("mine", session_name="own")
    add("theirs", session_name="foreign")

    assert [tuple(row) for row in rows(store, sql, OWN)] == [("mine",)]


def test_a_recursive_statement_stays_one():
    sql = "WITH RECURSIVE a AS (SELECT 1 FROM run) SELECT * FROM a"

    told = Reach(frozenset([OWN])).within("postgresql", sql)

    assert told.startswith(
        "WITH RECURSIVE run AS NOT MATERIALIZED (SELECT real.* FROM rungraph.run"
    )
    assert told.endswith("), a AS (SELECT 1 FROM run) SELECT * FROM a")


def test_nothing_is_inside_of_no_projects(store, add):
    add("mine", session_name="own")

    assert not rows(store, "SELECT name FROM run")


def test_a_statement_that_names_a_table_past_its_view_is_a_bug(store):
    with pytest.raises(RuntimeError, match=r"names 'main\.run' past its view"):
        rows(store, "SELECT name FROM main.run", OWN)


def test_payloads_files_and_feedback_are_inside_where_their_run_is(store, add, judge, attach):
    for name in ("own", "foreign"):
        run = add(f"run of {name}", session_name=name, inputs={"from": name})
        judge(run, f"key of {name}", score=1)
        attach(run, f"file of {name}", b"x")

    statements = [
        "SELECT CAST(inputs AS TEXT) FROM run_payload",
        "SELECT key FROM feedback",
        "SELECT name FROM attachment",
    ]
    found = [[row[0] for row in some] for some in rows_of_each(store, statements, OWN)]
    assert found == [['{"from": "own"}'], ["key of own"], ["file of own"]]


def test_feedback_on_a_trace_is_inside_where_its_root_is(store, add, keep):
    from db.arrivals import FeedbackArrival  # noqa: PLC0415
    from tests.conftest import NOON  # noqa: PLC0415

    for name in ("own", "foreign"):
        root = add(f"root of {name}", session_name=name)
        told = FeedbackArrival(
            id=uuid5(NAMES, name), key=name, trace_id=root.id, created_at=NOON, modified_at=NOON
        )
        keep(feedback=[told])

    assert [row[0] for row in rows(store, "SELECT key FROM feedback", OWN)] == ["own"]


def test_a_view_is_planned_as_a_condition(store, add):
    if store.dialect != "sqlite":
        pytest.skip("SQLite's words for its plans")
    add("mine", session_name="own")
    sql = "SELECT name FROM run ORDER BY start_time DESC, id DESC LIMIT 5"
    planned = Reach(frozenset([OWN])).within("sqlite", sql)
    with store._engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {planned}").all()

    assert [row[3] for row in plan] == ["SEARCH real USING INDEX run_by_session (session_id=?)"]
