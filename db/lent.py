"""A connection to SQLite that is lent to one thread after the other."""

import sqlite3
from typing import Any
from weakref import WeakSet


class Lent(sqlite3.Connection):
    """A connection whose cursors are all closed when it is given back.

    One that was left open, by an error while its rows were read, would be closed by the garbage
    collector: in any thread, while another uses the connection (`db.unlocked`).
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._open: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *args: Any, **options: Any) -> Any:
        """Return a new cursor."""
        made = super().cursor(*args, **options)
        self._open.add(made)
        return made

    def given_back(self) -> None:
        """Close what is open."""
        for each in list(self._open):
            each.close()
        self._open.clear()
