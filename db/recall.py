"""The stored runs that a fold speaks of: where they stand, and, of those it changes, everything."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, select

from db.dialects import key_rows
from db.merge import Account, recalled
from db.tables import RUN, RUN_PAYLOAD

_ids = key_rows("ids", ("id",))
_PLACES = select(RUN.c.trace_id, RUN.c.id, RUN.c.dotted_order).select_from(
    _ids.join(RUN, RUN.c.id == _ids.c.id)
)
_keys = key_rows("keys", ("trace_id", "id"))
WHOLE = select(RUN, *[column for column in RUN_PAYLOAD.c if column.name not in RUN.c]).select_from(
    _keys.join(RUN, and_(RUN.c.trace_id == _keys.c.trace_id, RUN.c.id == _keys.c.id)).join(
        RUN_PAYLOAD, and_(RUN_PAYLOAD.c.trace_id == RUN.c.trace_id, RUN_PAYLOAD.c.id == RUN.c.id)
    )
)


def named(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row's values by the names of its columns."""
    return {str(name): value for name, value in row.items()}


class Memory:
    """What is known of runs: stored, or told in this fold."""

    def __init__(self, connection: Connection) -> None:
        self.accounts: dict[UUID, Account] = {}
        self._connection = connection
        self._places: dict[UUID, tuple[UUID, str]] = {}
        self._looked_up: set[UUID] = set()

    def look_up(self, changed: Collection[UUID], named: Collection[UUID]) -> None:
        """Find out about runs: an account of those that are changed, the place of the others."""
        new = {*changed, *named} - self._looked_up
        if new:
            self._looked_up |= new
            given = {"ids": [(id,) for id in new]}
            for trace, id, dotted in self._connection.execute(_PLACES, given):
                self._places[id] = trace, dotted
        keys = [
            (self._places[id][0], id)
            for id in changed
            if id in self._places and id not in self.accounts
        ]
        if keys:
            rows = self._connection.execute(WHOLE, {"keys": keys})
            names = list(rows.keys())
            for row in rows:
                account = recalled(dict(zip(names, row, strict=True)))
                self.accounts[account.id] = account

    def trace_of(self, id: UUID) -> UUID | None:
        """Return the trace of a run that is known."""
        account = self.accounts.get(id)
        if account is not None:
            return account.trace_id
        return self._places[id][0] if id in self._places else None

    def place_of(self, id: UUID) -> str | None:
        """Return the dotted order of a run that is known."""
        account = self.accounts.get(id)
        if account is not None:
            return account.values["dotted_order"]
        return self._places[id][1] if id in self._places else None
