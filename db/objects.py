"""Files outside of the database: in an object store, or a folder, through the library obstore.

Every object has a key of its own that is never used again: a file that is sent once more is another
object. It is written before the transaction that names it, and deleted after the one that drops it
(`DiscardedObject`); so what is named is there. What a server that was killed left behind, named by
nobody, is found by looking through all of them (`older`), which is done when it is asked for: a
folder or bucket may hold what another database names.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from db.arrivals import AttachmentArrival, Batch
from db.attachments import digest_of
from db.errors import InvalidError, NotFoundError, UnavailableError

_AT_ONCE = 8
_LISTED = 500


class Objects:
    """An open object store. Its methods raise UnavailableError where it can not be reached."""

    def __init__(self, url: str) -> None:
        try:
            import obstore  # noqa: PLC0415 - it is an extra
            from obstore import store  # noqa: PLC0415 - the same
        except ModuleNotFoundError:
            message = f"{url} wants obstore: pip install 'rungraph[objects]'"
            raise InvalidError(message) from None
        self._obstore: Any = obstore
        self._folder = _folder_of(url)
        options: Any = {"mkdir": True} if self._folder else {}
        try:
            self._store: Any = store.from_url(url, **options)
        except (ValueError, obstore.exceptions.BaseError) as error:
            raise InvalidError(f"{url} can not be opened: {error}") from None
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def keep(self, batch: Batch) -> Batch:
        """Write the files of a batch; return it with their keys in the place of their bytes."""
        kept = await asyncio.gather(*[self._keep(file) for file in batch.attachments])
        return replace(batch, attachments=kept)

    async def _keep(self, file: AttachmentArrival) -> AttachmentArrival:
        if file.object is not None:
            return file
        key = f"{file.run_id}/{uuid4()}"
        await self.put(key, file.data)
        told = {"size": len(file.data), "digest": digest_of(file.data)}
        return replace(file, data=b"", object=key, **told)

    async def put(self, key: str, data: bytes) -> None:
        """Write an object; return once it is there to stay."""
        async with self._turns:
            with self._told(key):
                await self._obstore.put_async(self._store, key, data)
                if self._folder is not None:
                    await asyncio.to_thread(_settle, self._folder / key)

    async def get(self, key: str, start: int, end: int) -> bytes:
        """Return some bytes of an object. Raises NotFoundError."""
        with self._told(key):
            return bytes(
                await self._obstore.get_range_async(self._store, key, start=start, end=end)
            )

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are gone already are no fault."""
        if not keys:
            return
        try:
            with self._told(keys[0]):
                await self._obstore.delete_async(self._store, list(keys))
        except NotFoundError:  # of a folder, which tells; one by one then
            for key in keys:
                with suppress(NotFoundError), self._told(key):
                    await self._obstore.delete_async(self._store, key)

    async def older(self, than: datetime) -> AsyncGenerator[list[str]]:
        """Give the keys of all objects that were written before a moment, some at a time."""
        with self._told("a list"):
            async for some in self._obstore.list(self._store, chunk_size=_LISTED):
                yield [each["path"] for each in some if each["last_modified"] < than]

    @contextmanager
    def _told(self, key: str) -> Generator[None]:
        """Turn errors of the library into our own."""
        faults = self._obstore.exceptions
        try:
            yield
        except (FileNotFoundError, faults.NotFoundError) as error:
            raise NotFoundError(f"there is no object {key}") from error
        except (OSError, faults.BaseError) as error:
            message = f"the object store can not do this now: {str(error).splitlines()[0]}"
            raise UnavailableError(message) from error


def _folder_of(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _settle(path: Path) -> None:
    """Have a file on the disk, and its name, before it is called written."""
    for place in (path, path.parent):
        opened = os.open(place, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
