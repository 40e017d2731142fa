"""The store of the settings, open for the work of one command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db.store import Store
from graph.settings import Settings

T = TypeVar("T")


def with_store(
    settings: Settings, work: Callable[[Store], Awaitable[T]], *, patience: float | None = None
) -> T:
    """Do some work with the store; with `patience` one read of it may take so many seconds."""

    async def whole() -> T:
        store = Store.open(
            settings.db,
            synchronous=settings.sqlite_synchronous,
            server=settings.server,
            patience=patience,
            attachments=settings.attachments,
        )
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(whole())
