"""The commands about keys, and what a server wants to know of them at its start."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, TypeVar

from db import keys
from db.errors import ForbiddenError
from db.store import Store, utc_now
from graph.auth_gate import is_loopback
from graph.settings import Settings

T = TypeVar("T")

_COLUMNS = ("id", "scope", "projects", "made", "expires", "last used", "name")


def key_create(
    settings: Settings,
    *,
    scope: Sequence[str],
    project: Sequence[str],
    expires: datetime | None,
    name: str | None,
) -> None:
    """Make a key and print it."""
    options: dict[str, Any] = {
        "rights": scope,
        "named": project,
        "expires_at": expires,
        "name": name,
    }
    key, text = _write(settings, lambda c: keys.create(c, utc_now(), **options))
    sys.stdout.write(f"{text}\n")
    until = f"until {expires:%Y-%m-%d %H:%M} UTC" if expires else "until it is revoked"
    where = f"projects {', '.join(project)}" if project else "all projects"
    sys.stderr.write(
        f"Key {key.id}: {' and '.join(sorted(key.rights))} in {where}, {until}. It is not shown"
        " again: keep it now.\n"
    )


def key_list(settings: Settings) -> None:
    """Print the keys, without their secrets."""
    rows = [_COLUMNS, *(_told(key) for key in _write(settings, keys.every))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def key_revoke(settings: Settings, *, id: str) -> None:
    """Make a key good for nothing; it may be named by its whole text."""
    id = id.removeprefix(keys.PREFIX).partition("_")[0]
    key = _write(settings, lambda c: keys.revoke(c, id, utc_now()))
    sys.stdout.write(f"key {key.id} is revoked; servers know within seconds\n")


def keys_there_are(store: Store) -> bool:
    """Say whether a store has keys."""
    return bool(asyncio.run(store.read_with(keys.every)))


def check_open(settings: Settings, store: Store) -> str:
    """Return what to say of who may ask. Raises ForbiddenError where everybody could."""
    if keys_there_are(store):
        return ""
    if is_loopback(settings.host):
        return "No keys are made: this machine alone may ask (`rungraph key create` makes one)\n"
    if settings.insecure:
        return "No keys are made, and --insecure: whoever reaches this port may do everything\n"
    raise ForbiddenError(
        f"no keys are made, and {settings.host} is not this machine alone: make one with `rungraph"
        " key create`, listen on 127.0.0.1, or let everybody in with --insecure"
    )


def _write(settings: Settings, work: Callable[[Any], T]) -> T:
    with closing(Store.open(settings.db, synchronous=settings.sqlite_synchronous)) as store:
        return asyncio.run(store.write(work))


def _told(key: keys.Key) -> tuple[str, ...]:
    limits: Any = sorted(map(str, key.projects)) if key.projects is not None else ["all"]
    return (
        key.id,
        ",".join(sorted(key.rights)),
        ",".join(limits),
        _moment(key.created_at),
        _moment(key.expires_at),
        _moment(key.last_used_at),
        key.name or "",
    )


def _moment(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M}"
