"""Where tables go on a cluster, and what the rules for statements find."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from db import citus
from db.arrivals import AttachmentArrival, Batch
from db.citus import BY, PLACES, Place
from db.errors import InvalidError
from db.search_index import index_some
from db.servers import open_postgres
from db.store import Store
from tests.citus_rules import fault_of
from tests.databases import CLUSTER, bare_cluster
from tests.telling import NOW, Book, chain, judged, patch, used

TABLES = SQLModel.metadata.tables


PART = "SELECT s.*, 0 FROM (SELECT name FROM run ORDER BY name"


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
        (f"{PART} LIMIT 1) AS s UNION ALL {PART}) AS s", "a part that is sorted"),
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
        f"{PART} LIMIT %s) AS s UNION ALL {PART} LIMIT $2) AS s",
        "SELECT s.*, 0 FROM (SELECT count(*) FROM run) AS s",
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


SPREAD = text("SELECT CAST(logicalrelid AS text), CAST(partmethod AS text) FROM pg_dist_partition")
KINDS = {Place.BY_TRACE: "h", Place.EVERYWHERE: "n"}
"""How Citus writes down that rows go by a hash, or whole."""


@pytest.fixture
def unspread(postgres_server: str) -> Iterator[Engine]:
    """A database of a cluster with all tables on the coordinator, as a first start makes them."""
    name = f"rungraph_unspread_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with bare_cluster(postgres_server, name) as url:
        Store.open(url).close()
        engine = open_postgres(url)
        yield engine
        engine.dispose()


def told(first: int) -> tuple[Batch, Batch]:
    """Posts of some traces with what hangs on them, and the ends of their runs."""
    facts: dict[str, Any] = {"tags": ("a",), "extra": '{"metadata": {"thread_id": "t"}}'}
    runs = [run for at in range(first, first + 200, 10) for run in chain(5, at, **facts)]
    judgements = [judged(1000 + at, run_id=run.id) for at, run in enumerate(runs, first)]
    files = [
        AttachmentArrival(run_id=run.id, trace_id=run.trace_id, name="a", mime_type="b", data=b"c")
        for run in runs
    ]
    return (
        Batch(runs=runs, feedback=judgements, attachments=files),
        Batch(runs=[patch(run, outputs=used(1, 2), end_time=NOW) for run in runs]),
    )


@pytest.mark.skipif(not CLUSTER, reason="RUNGRAPH_TEST_CITUS names no cluster to spread it over")
def test_a_store_in_use_is_spread_with_all_its_rows_and_goes_on(unspread: Engine):
    (indexed, _), (queued, ends) = told(0), told(200)
    with unspread.begin() as connection:
        Book(connection).fold(indexed)
        while index_some(connection):
            pass
        Book(connection).fold(queued)
    with unspread.connect() as connection:
        book = Book(connection)
        before = book.everything()
        book.fold(ends)
        expected = book.everything()
        connection.rollback()

    citus.spread(unspread.url.set(drivername="postgresql").render_as_string(hide_password=False))

    with unspread.begin() as connection:
        book = Book(connection)
        assert book.everything() == before
        book.fold(ends)
        assert book.everything() == expected
        found = dict(connection.execute(SPREAD).all())
    assert found == {name: KINDS[place] for name, place in PLACES.items() if place in KINDS}
    assert all(before[name] for name, place in PLACES.items() if place is Place.BY_TRACE)
