"""How to talk to a PostgreSQL server: what is set of it, and what each transaction is told."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from db.behind import caught_up

SCHEMA = "rungraph"
WRITE_SECONDS = 60
"""A statement that writes may take so long, the wait for another process's fold included."""

_PASSING = ("08", "57P01", "57P02", "57P03", "40P01")
"""PostgreSQL's states of a connection that is lost, a server that stops or starts, a deadlock."""


@dataclass(frozen=True, slots=True)
class Server:
    """What is set of a server.

    `connections` is the most that read at once. `seconds` is what one read may take. `pooled` says
    that a pooler in transaction mode stands between, such as PgBouncer: no session is ours then, so
    that statements are not prepared and each transaction is told what a session would be.
    `direct` is the URL of the same server without that pooler, to listen on.
    """

    connections: int = 16
    seconds: float = 10.0
    pooled: bool = False
    direct: str | None = None


def told(seconds: float) -> dict[str, str]:
    """Return the settings of PostgreSQL that everything here relies on; 0 seconds: no limit."""
    return {
        "search_path": SCHEMA,
        "timezone": "UTC",
        "statement_timeout": str(int(seconds * 1000)),
        "jit": "off",
    }


def telling(seconds: float) -> str:
    """Return a statement that tells them to the transaction it is in, and to no other."""
    each = [f"set_config('{name}', '{value}', true)" for name, value in told(seconds).items()]
    return f"SELECT {', '.join(each)}"


def is_gone(error: DBAPIError) -> bool:
    """Say whether the server went away, or is not there yet; a deadlock goes away as well."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", "not PostgreSQL")
    return isinstance(error, OperationalError) and (state is None or state.startswith(_PASSING))


def open_postgres(url: str, *, seconds: float = WRITE_SECONDS, pooled: bool = False) -> Engine:
    """Return an engine for a PostgreSQL URL, in a database schema of the product's own.

    A statement may take `seconds`, 0: as long as it likes. `pooled`: see `db.servers.Server`.
    """
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        connect_args={"prepare_threshold": None} if pooled else {},
        pool_pre_ping=True,
        pool_size=2,  # the writing thread, and who reads with it
        max_overflow=10,  # chores: each holds one for its turn, and reads with another
    )
    tell = telling(seconds)

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        with past_sqlalchemy(connection, tell) as driver:
            driver.execute(tell)  # SQLAlchemy might make it a cursor of the server's

    @event.listens_for(engine, "before_cursor_execute")
    def _(connection: Connection, *_: Any) -> None:
        caught_up(connection)

    return engine


@contextmanager
def past_sqlalchemy(connection: Connection, sql: str) -> Generator[Any]:
    """Give psycopg's own connection; its errors come as if SQLAlchemy had been asked."""
    dialect = connection.dialect
    driver: Any = connection.connection.driver_connection
    kind: Any = dialect.loaded_dbapi.Error
    try:
        yield driver
    except kind as error:
        is_lost = dialect.is_disconnect(error, driver, None)
        raise DBAPIError.instance(
            sql, None, error, kind, connection_invalidated=is_lost, dialect=dialect
        ) from error
