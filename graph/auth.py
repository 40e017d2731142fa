"""Who asks, and what they may see and do.

A key is looked for among those read at most `LIFE` seconds ago, so that a request pays a digest and
a look into a mapping, and a key that was made or revoked anywhere counts here as soon. What a
key that is limited to projects can reach, `db.reach` sees to.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from starlette.types import Scope

from db import keys
from db.errors import StoreError
from db.reach import Reach
from db.store import Store, utc_now
from db.within import OpenStore, within

log = logging.getLogger(__name__)

LIFE = 2.0
"""Seconds for which keys are remembered."""

VIEWER = "rungraph.viewer"
"""Where a request says who asks."""

_LONGEST = 200
"""Characters of what may be a key."""


class Right(StrEnum):
    """What a key is for: to query, to send runs, or everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_WRITE = Right.WRITE  # Python 3.11 looks a member up slowly


class AuthError(Exception):
    """Who asks may not; its text says why."""

    status = 401
    code = "UNAUTHENTICATED"


class RefusedError(AuthError):
    """Who asks is known, and may not do this."""

    status = 403
    code = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the id of a key, none where no keys are made; what for; within which projects."""

    key: str | None
    rights: frozenset[Right]
    reach: Reach | None = None

    def may(self, right: Right) -> bool:
        """Say whether something may be done."""
        return right in self.rights

    def store(self, store: Store) -> OpenStore:
        """Return of a store what the viewer may see and do."""
        return within(store, self.reach, writes=_WRITE in self.rights)


LOCAL = Viewer(None, frozenset(Right))
"""Who asks where no keys are made: somebody on this machine, who may do everything."""

NOBODY = Viewer(None, frozenset(), Reach(frozenset()))
"""Who has shown no key, where there are some: somebody who sees nothing."""


def viewer_in(scope: Scope) -> Viewer:
    """Return who sent a request; behind no gate, somebody local."""
    return scope.get(VIEWER, LOCAL)


@dataclass(slots=True)
class Keyring:
    """The keys that are good now, as far as this process knows.

    `used` says when each was last used since that was last written down.
    """

    store: Store
    clock: Callable[[], datetime] = utc_now
    timer: Callable[[], float] = time.monotonic
    used: dict[str, datetime] = field(default_factory=dict[str, datetime])
    _known: Mapping[str, tuple[keys.Key, Viewer]] = field(
        default_factory=dict[str, tuple[keys.Key, Viewer]]
    )
    _viewers: dict[bytes, tuple[keys.Key, Viewer]] = field(
        default_factory=dict[bytes, tuple[keys.Key, Viewer]]
    )
    _due: float = 0.0
    _loaded: bool = False
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_empty(self) -> bool:
        """Whether there are no keys at all, good ones or expired."""
        return not self._known

    @property
    def is_due(self) -> bool:
        """Whether it is time to read the keys again."""
        return self.timer() >= self._due

    async def refresh(self) -> None:
        """Read the keys again if that was too long ago. Raises StoreError where it never was."""
        if not self.is_due:
            return
        if self._loaded:
            self._due = self.timer() + LIFE  # the others go on with what is known
            try:
                await self._load()
            except StoreError as error:
                log.warning("the keys can not be read; those known stay good: %s", error)
            return
        async with self._loading:
            if not self._loaded:
                await self._load()

    async def _load(self) -> None:
        found = await self.store.read_with(keys.every)
        self._known = {key.id: (key, _viewer(key)) for key in found}
        self._viewers = {key.digest: self._known[key.id] for key in found}
        self._loaded, self._due = True, self.timer() + LIFE

    def viewer_of(self, text: bytes) -> Viewer:
        """Return whose key it is. Raises AuthError."""
        if len(text) > _LONGEST:
            raise AuthError("the key is not good here")
        digest = keys.digest_of(text)
        found = self._viewers.get(digest)
        if found is None or not hmac.compare_digest(found[0].digest, digest):
            raise AuthError("the key is not good here")
        key, viewer = found
        now = self.clock()
        if not key.is_good(now):
            raise AuthError(f"key {key.id} has expired")
        self.used[key.id] = now
        return viewer

    def viewer_told(self, told: Mapping[str, Any], right: Right = Right.READ) -> Viewer:
        """Return whose key is in headers, or the parameters of a connection. Raises AuthError.

        Call `refresh` before.
        """
        if self.is_empty:
            return LOCAL
        lower = {str(name).lower(): value for name, value in told.items()}
        text = key_in(str(lower.get("x-api-key") or ""), str(lower.get("authorization") or ""))
        if not text:
            raise AuthError(MISSING)
        viewer = self.viewer_of(text.encode())
        if not viewer.may(right):
            raise RefusedError(f"key {viewer.key} lacks {right} scope")
        return viewer

    def is_good(self, id: str) -> bool:
        """Say whether a key is neither revoked nor expired."""
        found = self._known.get(id)
        return found is not None and found[0].is_good(self.clock())

    def take_used(self) -> Mapping[str, datetime]:
        """Return when keys were last used, and forget it."""
        used, self.used = self.used, {}
        return used


@dataclass(slots=True)
class Door:
    """Who is at the other end of a connection that stays: known by headers, or told later."""

    viewer: Viewer
    keyring: Keyring | None = None

    async def open(self, told: Mapping[str, Any]) -> None:
        """Take a key from the parameters of a connection, if none came before. Raises AuthError."""
        if self.viewer is NOBODY and self.keyring is not None:
            await self.keyring.refresh()
            self.viewer = self.keyring.viewer_told(told)
        if not self.viewer.may(Right.READ):
            raise RefusedError("it lacks read scope")

    async def is_open(self) -> bool:
        """Say whether the key is still good."""
        if self.viewer.key is None or self.keyring is None:
            return True
        await self.keyring.refresh()
        return self.keyring.is_good(self.viewer.key)


CLOSED = "the key is not good any more"
MISSING = "a key is wanted: send it as x-api-key, or as Authorization: Bearer"


def key_in(api_key: str, authorization: str) -> str:
    """Return the key that headers hold, or nothing."""
    if api_key:
        return api_key.strip()
    scheme, _, text = authorization.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _viewer(key: keys.Key) -> Viewer:
    admin = Right.ADMIN in key.rights
    rights = frozenset(Right) if admin else frozenset(Right(right) for right in key.rights)
    return Viewer(key.id, rights, None if key.projects is None else Reach(key.projects))
