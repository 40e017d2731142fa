"""SQLite without a lock around each of its calls: one thread at a time uses a connection here.

SQLite locks a connection for each value that it hands over. In a process of several threads, as
every server is, that was a fifth of what it takes to read a page. Whose turn it is with a
connection is known anyhow: `db.readers` has a lock for each snapshot, SQLAlchemy's pool lends a
connection to one at a time, who gives it back with no cursor open (`db.lent`).

It has to be said before SQLite is used for the first time, so `db` says it.
"""

import ctypes
from importlib.util import find_spec

_MULTI_THREAD = 2
"""SQLITE_CONFIG_MULTITHREAD of sqlite3.h: one thread at a time uses a connection."""


def _configured() -> bool:
    """Say it to the SQLite that Python uses; False where that is used already, or is not found."""
    found = find_spec("_sqlite3")
    library = found.origin if found is not None and found.has_location else None
    try:
        return ctypes.CDLL(library).sqlite3_config(_MULTI_THREAD) == 0
    except (OSError, AttributeError):
        return False


UNLOCKED = _configured()
"""Whether it was taken; where not, everything works as well, a little slower."""
