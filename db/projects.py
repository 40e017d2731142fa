"""Finding the projects that arrivals name, and making those that are missing.

A project made by name takes its id from the name, so that every process makes the same one.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, bindparam, or_, select, update

from db.dialects import upsert
from db.sending import send
from db.tables import PROJECT

DEFAULT = "default"
"""The project of runs that name none."""

Wanted = tuple[UUID | None, str | None]
"""How an arrival names its project: session_id, session_name; the id wins."""

_NAMES = UUID("0f4b7a1e-6a55-5c7e-8d0b-3b8f2f9a1c55")
_AT_ONCE = 500
"""Names and ids asked for in one statement."""

_KNOWN = select(PROJECT.c.id, PROJECT.c.name).where(
    or_(
        PROJECT.c.id.in_(bindparam("ids", expanding=True)),
        PROJECT.c.name.in_(bindparam("names", expanding=True)),
    )
)
_RENAME = update(PROJECT).where(PROJECT.c.id == bindparam("of_project"))


def find_or_make(
    connection: Connection, wanted: Collection[Wanted], now: datetime
) -> Mapping[Wanted, UUID]:
    """Return the id of each project that is named, made if it is missing."""
    known = _Known(connection, wanted)
    found = known.each(wanted)
    if known.made:
        rows = [
            {**_nothing_else(), "id": id, "name": name, "created_at": now}
            for id, name in known.made.items()
        ]
        statement = upsert(connection.dialect.name, PROJECT).on_conflict_do_nothing()
        connection.execute(statement, rows)
    renamed = [{"of_project": id, "name": name} for id, name in known.renamed.items()]
    send(connection, _RENAME, renamed, ("name",))
    return found


def ids_of(connection: Connection, wanted: Collection[Wanted]) -> Mapping[Wanted, UUID]:
    """Return the id that each project that is named has, or will have once it is made."""
    return _Known(connection, wanted).each(wanted)


def id_of(name: str, at: int = 0) -> UUID:
    """Return the id that a project made by name gets; the next one where that is taken."""
    return uuid5(_NAMES, f"{name}\n{at}" if at else name)


class _Known:
    """The projects that are there, and those that will be."""

    def __init__(self, connection: Connection, wanted: Collection[Wanted]) -> None:
        self.ids: dict[UUID, str] = {}
        self.names: dict[str, UUID] = {}
        self.made: dict[UUID, str] = {}
        self.renamed: dict[UUID, str] = {}
        each = list(wanted)
        for at in range(0, len(each), _AT_ONCE):
            some = each[at : at + _AT_ONCE]
            names = {name or DEFAULT for id, name in some if name or not id}
            ids = {id for id, _ in some if id} | {id_of(name) for name in names}
            names |= {str(id) for id, _ in some if id}
            for row in connection.execute(_KNOWN, {"ids": list(ids), "names": list(names)}):
                self.ids[row.id] = row.name
                self.names[row.name] = row.id

    def each(self, wanted: Collection[Wanted]) -> dict[Wanted, UUID]:
        """Return the id of each project; `made` and `renamed` are what has to be done for it."""
        found: dict[Wanted, UUID] = {}
        for id, name in sorted(wanted, key=lambda each: (each[0] is None, str(each))):
            found[id, name] = self.with_id(id, name) if id else self.named(name or DEFAULT)
        return found

    def with_id(self, id: UUID, name: str | None) -> UUID:
        """Return a project that is named by id; its name is the id until another is told."""
        held = self.ids.get(id)
        free = name is not None and name not in self.names
        if held is None:
            self._make(id, name if name is not None and free else self._unnamed(id))
        elif held == str(id) and name is not None and free:
            self.ids[id] = name
            self.names[name] = id
            (self.made if id in self.made else self.renamed)[id] = name
        return id

    def named(self, name: str) -> UUID:
        """Return the project of a name."""
        id = self.names.get(name)
        if id is None:
            id = next(each for each in (id_of(name, at) for at in count()) if each not in self.ids)
            self._make(id, name)
        return id

    def _unnamed(self, id: UUID) -> str:
        names = (f"{id} {at}" if at else str(id) for at in count())
        return next(name for name in names if name not in self.names)

    def _make(self, id: UUID, name: str) -> None:
        self.ids[id] = name
        self.names[name] = id
        self.made[id] = name


def _nothing_else() -> dict[str, Any]:
    return dict.fromkeys(PROJECT.c.keys())
