"""A copy of an SQLite database that is in use, whole and as of one moment."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from db.errors import ConflictError, InvalidError, UnavailableError

_PAGES = 2_000
"""Copied at a time; between, whoever writes goes on."""


def backup(url: str, target: Path) -> int:
    """Copy a database to a file that is not there yet, check the copy, return its bytes.

    The file gets its name once it is whole. Raises InvalidError, ConflictError and
    UnavailableError.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InvalidError("PostgreSQL has its own: pg_dump --schema=rungraph (docs/operations.md)")
    source = Path(parsed.database)
    if not source.is_file():
        raise InvalidError(f"there is no database {source}")
    if target.exists():
        raise ConflictError(f"{target} is there already; name a new file")
    part = target.with_name(f"{target.name}.part")
    try:
        _copy(source, part)
        os.link(part, target)  # never over a file that came meanwhile
    except (sqlite3.Error, OSError) as error:
        raise UnavailableError(f"can not write {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, part: Path) -> None:
    part.unlink(missing_ok=True)
    reading = f"file:{source.absolute()}?mode=rw"
    with closing(sqlite3.connect(reading, uri=True)) as old, closing(sqlite3.connect(part)) as new:
        old.execute("BEGIN")  # one moment: else each commit of others would begin it anew
        old.execute("SELECT 1 FROM sqlite_master").fetchone()
        old.backup(new, pages=_PAGES)
        new.execute("PRAGMA journal_mode=DELETE")
        (found,) = new.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is not whole: {found}")
