"""What the server does by itself meanwhile: the index of words, the sums of hours, forgetting.

Each chore is tried again whatever happens to it; answers are right without any of them.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from db import attachments, keys, retention, rollups
from db.errors import StoreError
from db.parking import age_out
from db.search_index import BATCH, index_timed, is_waiting
from db.store import Store, utc_now
from graph.auth import Keyring
from graph.waiting import Lag

log = logging.getLogger(__name__)

Chore = Callable[[Store], Awaitable[bool]]
"""Does some of the work; returns whether there is more to do at once."""

_TROUBLED = 1.0
"""Seconds before a chore is tried again at least."""

_SETTLED = timedelta(minutes=2)
"""How long an hour is over before it is summed up: late runs would only have it done again."""


_COURTESY = 4
"""How many times as long as indexing some runs took, runs that arrive go first."""


def _index(lag: Lag) -> Chore:
    """Index some of what waits; to look costs a hundredth of a transaction that finds nothing."""

    async def index(store: Store) -> bool:
        reading = store.reading()
        reading.alone = True
        try:
            waits = await is_waiting(reading)
        finally:
            await reading.close()
        lag.looked(waits=waits)
        if not waits:
            return False
        done, seconds = await store.write(index_timed)
        lag.looked(waits=done == BATCH)
        await store.lull(_COURTESY * seconds)
        return done == BATCH

    return index


async def _sum_up(store: Store) -> bool:
    return await rollups.keep(store, utc_now() - _SETTLED) >= rollups.MOST_HOURS


def _forget(age: timedelta) -> Chore:
    async def forget(store: Store) -> bool:
        await store.write(age_out, utc_now() - age)
        return False

    return forget


async def _delete_discarded(store: Store) -> bool:
    """Delete what was noted as nobody's outside of the database."""
    if store.objects is None:
        return False
    keys = await store.read_with(attachments.discarded, BATCH)
    if keys:
        await store.objects.delete(keys)
        await store.write(attachments.forget_discarded, keys)
    return len(keys) == BATCH


def _note_use(keyring: Keyring | None) -> Chore:
    """Write down when keys were last used: now and then, not with every request."""

    async def note_use(store: Store) -> bool:
        if keyring is not None and (used := keyring.take_used()):
            await store.write(keys.note_use, used)
        return False

    return note_use


def _prune(days: int) -> Chore:
    async def prune(store: Store) -> bool:
        cutoffs = await store.read_with(retention.cutoffs, days, utc_now())
        gone = await retention.prune(store, retention.Pruning(cutoffs))
        if count := gone.runs.total():
            log.info("%d runs of %d projects were too old and are gone", count, len(+gone.runs))
        return False

    return prune


@asynccontextmanager
async def kept_up(
    store: Store,
    parked: timedelta,
    keep_days: int = 0,
    keyring: Keyring | None = None,
    lag: Lag | None = None,
) -> AsyncGenerator[None]:
    """Do all chores while the context is open.

    What waits longer than `parked` is forgotten; projects that say nothing else keep their runs
    for `keep_days`.
    """
    chores = (
        ("index", _index(lag or Lag()), 0.25),
        ("rollups", _sum_up, 30.0),
        ("parked", _forget(parked), 3600.0),
        ("discarded", _delete_discarded, 60.0),
        ("retention", _prune(keep_days), 86_400.0),
        ("keys", _note_use(keyring), 60.0),
    )
    tasks = [asyncio.create_task(_forever(store, *chore)) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _forever(store: Store, name: str, chore: Chore, seconds: float) -> None:
    """Do a chore until nothing is left of it, wait, and begin again; in one process at a time."""
    while True:
        try:
            async with store.turn(name) as ours:
                more = ours and await chore(store)
            pause = seconds
        except StoreError as error:
            log.warning("the chore %r could not be done; it is tried again: %s", name, error)
            more, pause = False, max(seconds, _TROUBLED)
        except Exception:
            log.exception("the chore %r failed; it is tried again", name)
            more, pause = False, max(seconds, _TROUBLED)
        if not more:
            await asyncio.sleep(pause)
