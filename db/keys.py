"""Access keys: made, listed, revoked, and read to be checked.

A key is `rungraph_`, its public id and its secret. The secret is 32 random bytes, so that one
SHA-256 of the key is all it takes to keep it; it is shown once and stored nowhere.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from db import projects
from db.errors import ConflictError, InvalidError, NotFoundError
from db.moments import in_utc
from db.tables import ACCESS_KEY

PREFIX = "rungraph_"
RIGHTS = ("read", "write", "admin")
MOST_KEYS = 10_000
MOST_PROJECTS = 100
_ID_BYTES, _SECRET_BYTES = 6, 32

_USED = (
    update(ACCESS_KEY)
    .where(ACCESS_KEY.c.id == bindparam("of_key"))
    .values(last_used_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as it is stored; `projects` None: it is good for all."""

    id: str
    digest: bytes
    name: str | None
    rights: frozenset[str]
    projects: frozenset[UUID] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Say whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def digest_of(text: bytes) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(text).digest()


def create(
    connection: Connection,
    now: datetime,
    *,
    rights: Collection[str],
    named: Sequence[str] = (),
    expires_at: datetime | None = None,
    name: str | None = None,
) -> tuple[Key, str]:
    """Make a key and return it, with its text, which is told nobody again.

    `named` are the names or ids of the projects it is limited to; a project that is not there yet
    may be named. Raises InvalidError and ConflictError.
    """
    _check(rights, named, expires_at, now)
    if len(every(connection)) >= MOST_KEYS:
        raise ConflictError(f"there are {MOST_KEYS} keys, as many as there may be; revoke some")
    id = secrets.token_hex(_ID_BYTES)
    text = f"{PREFIX}{id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    row: dict[str, Any] = dict.fromkeys(ACCESS_KEY.c.keys())
    row |= {
        "id": id,
        "digest": digest_of(text.encode()),
        "name": name,
        "rights": ",".join(right for right in RIGHTS if right in rights),
        "created_at": now,
        "expires_at": expires_at,
    }
    if named:
        row["projects"] = orjson.dumps(_ids_of(connection, named)).decode()
    connection.execute(insert(ACCESS_KEY), row)
    return _key(row), text


def every(connection: Connection) -> list[Key]:
    """Return all keys that are not revoked, oldest first."""
    statement = select(ACCESS_KEY).where(ACCESS_KEY.c.revoked_at.is_(None))
    ordered = statement.order_by(ACCESS_KEY.c.created_at, ACCESS_KEY.c.id)
    return [_key(row) for row in connection.execute(ordered).mappings()]


def revoke(connection: Connection, id: str, now: datetime) -> Key:
    """Make a key good for nothing. Raises NotFoundError."""
    found = next((key for key in every(connection) if key.id == id), None)
    if found is None:
        raise NotFoundError(f"there is no key {id}; `rungraph key list` shows those there are")
    connection.execute(
        update(ACCESS_KEY).where(ACCESS_KEY.c.id == id).values(revoked_at=now, digest=b"")
    )
    return found


def note_use(connection: Connection, used: Mapping[str, datetime]) -> None:
    """Keep when keys were last used."""
    if used:
        connection.execute(_USED, [{"of_key": id, "at": at} for id, at in used.items()])


def _check(
    rights: Collection[str], named: Sequence[str], expires_at: datetime | None, now: datetime
) -> None:
    unknown = set(rights).difference(RIGHTS)
    if unknown or not rights:
        given = ", ".join(sorted(unknown)) or "nothing"
        raise InvalidError(f"the scope is {given}; read, write or admin is wanted")
    if named and "admin" in rights:
        raise InvalidError("an admin key sees everything: no --project goes with it")
    if len(named) > MOST_PROJECTS:
        raise InvalidError(f"{len(named)} projects are given; at most {MOST_PROJECTS}")
    if expires_at is not None and expires_at <= now:
        raise InvalidError(f"the key would have expired at {expires_at:%Y-%m-%d %H:%M} already")


def _ids_of(connection: Connection, named: Sequence[str]) -> list[UUID]:
    """Return the ids of projects, each named by its name or its id."""
    wanted = {each: _wanted(each) for each in named}
    found = projects.ids_of(connection, set(wanted.values()))
    return sorted({found[way] for way in wanted.values()})


def _wanted(named: str) -> projects.Wanted:
    try:
        return UUID(named), None
    except ValueError:
        return None, named


def _key(row: Mapping[str, Any] | RowMapping) -> Key:
    limits = row["projects"]
    return Key(
        id=row["id"],
        digest=row["digest"],
        name=row["name"],
        rights=frozenset(row["rights"].split(",")),
        projects=None if limits is None else frozenset(UUID(id) for id in orjson.loads(limits)),
        **{name: row[name] and in_utc(row[name]) for name in _TIMES},
    )


_TIMES = ("created_at", "expires_at", "revoked_at", "last_used_at")
