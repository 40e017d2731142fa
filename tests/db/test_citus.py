"""Where tables go on a cluster, and what the rules for statements find."""

import pytest
from sqlmodel import SQLModel

from db import citus
from db.citus import BY, PLACES, Place
from db.errors import InvalidError
from tests.citus_rules import fault_of
from tests.databases import CLUSTER

TABLES = SQLModel.metadata.tables


def test_every_table_has_a_place():
    assert set(PLACES) == set(TABLES)


def test_whatever_is_unique_in_a_spread_table_is_so_in_its_trace():
    for name, place in PLACES.items():
        if place is Place.BY_TRACE:
            keys = [TABLES[name].primary_key, *(i for i in TABLES[name].indexes if i.unique)]
            assert all(BY in key.columns for key in keys), name


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("SELECT 1 FROM run JOIN run_payload ON run.id = run_payload.id", "run_payload is joined"),
        ("SELECT 1 FROM run LEFT JOIN feedback AS f ON f.run_id = run.id WHERE 1=1", "feedback is"),
        ("SELECT 1 FROM run JOIN run_tag ON (run.id = run_tag.id) WHERE trace_id = 1", "run_tag"),
        ("SELECT 1 FROM run WHERE id = 1 FOR UPDATE", "rows of several traces"),
        ("WITH RECURSIVE x AS (SELECT 1) SELECT 1 FROM run", "a recursive query"),
        ("INSERT INTO run (start_time) VALUES (now())", "the clock"),
        ("UPDATE run SET end_time = CURRENT_TIMESTAMP", "the clock"),
        ("SELECT 1 FROM run GROUP BY GROUPING SETS ((a), ())", "GROUPING SETS"),
        ("CREATE TRIGGER t AFTER INSERT ON run", "a trigger"),
    ],
)
def test_what_citus_refuses_is_found(sql, fault):
    assert fault in fault_of(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM run JOIN run_payload ON run.trace_id = run_payload.trace_id AND 1 = 1",
        "SELECT 1 FROM run JOIN project ON project.id = run.session_id",
        "SELECT 1 FROM (SELECT 1) AS keys JOIN run ON run.id = keys.id",
        "SELECT now() FROM run",
        "WITH RECURSIVE x AS (SELECT 1 FROM run WHERE trace_id = 1) SELECT 1",
    ],
)
def test_what_citus_takes_is_left_alone(sql):
    assert fault_of(sql) is None


def test_sqlite_is_refused(tmp_path):
    with pytest.raises(InvalidError, match="--citus wants the coordinator"):
        citus.spread(f"sqlite:///{tmp_path}/runs.db")


@pytest.mark.skipif(bool(CLUSTER), reason="the server is a cluster, which is refused nothing")
def test_a_postgresql_without_citus_is_refused(postgres_url):
    with pytest.raises(InvalidError, match="CREATE EXTENSION citus"):
        citus.spread(postgres_url)
