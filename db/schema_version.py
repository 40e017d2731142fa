"""Which version of the tables a database holds, and bringing it to this program's.

An empty database, of either kind, gets its tables on the first start: there is nothing in it to
lose. Any other version is refused with what to do, because servers that share a database must not
have it changed under them by the first one that is newer. Reading the version is one SELECT;
Alembic, slow to import, is loaded only to change tables.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from db.dialects import only_migrator, open_any
from db.errors import SchemaMismatchError, UnavailableError

HEAD = "0001"
"""The version this program works with: the last one in `db/migrations/versions`."""

_READ = text("SELECT version_num FROM alembic_version")


def current(engine: Engine) -> str | None:
    """Return the version the database holds, None where it was never migrated."""
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            return connection.scalar(_READ)
    except DBAPIError:
        with engine.connect().execution_options(read_only=True) as connection:
            if _migrated(connection):
                raise
        return None


def ensure(engine: Engine, url: str) -> None:
    """Make the tables in an empty database; refuse one of another version.

    `url` is named in every refusal, which tells what to do. Raises SchemaMismatchError, and
    UnavailableError where the database can not be opened.
    """
    with opening(url):
        version = current(engine)
        if version is None:
            upgrade(engine, url)
        elif version != HEAD:
            raise SchemaMismatchError(mismatch(version, url))


def upgrade(engine: Engine, url: str) -> None:
    """Bring the tables to `HEAD` in one transaction, in which other processes wait.

    Raises SchemaMismatchError, which names `url`, where the database is newer or holds tables of
    something else.
    """
    with engine.begin() as connection:
        only_migrator(connection)
        version = connection.scalar(_READ) if _migrated(connection) else None
        if version == HEAD:
            return
        foreign = version is None and inspect(connection).get_table_names()
        if foreign or (version is not None and version > HEAD):
            raise SchemaMismatchError(mismatch(version, url))
        _migrate(connection)


def migrate(url: str) -> tuple[str | None, str]:
    """Open a database, bring its tables to `HEAD`; return the versions before and after."""
    with opening(url):
        engine = open_any(url)
        try:
            before = current(engine)
            upgrade(engine, url)
        finally:
            engine.dispose()
    return before, HEAD


def shown(url: str) -> str:
    """Return a URL as it may be printed: without its password."""
    return make_url(url).render_as_string(hide_password=True)


@contextmanager
def opening(url: str) -> Generator[None]:
    """Say which database it was that can not be opened. Raises UnavailableError."""
    try:
        yield
    except DBAPIError as error:
        raise UnavailableError(f"can not open {shown(url)}: {error.orig}") from error


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow, and rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _migrated(connection: Connection) -> bool:
    return inspect(connection).has_table("alembic_version")


def mismatch(version: str | None, given: str) -> str:
    """Return what to do about a database of another version than `HEAD`."""
    url = shown(given)
    if version is None:
        return f"{url} holds tables that are not Rungraph's; name an empty or a new database"
    found = f"{url} holds version {version} of the tables; this program needs {HEAD}"
    if version > HEAD:
        return f"{found}: install the newer Rungraph that wrote it"
    return f"{found}: stop its servers, back it up, then run `rungraph migrate --db {url}`"
