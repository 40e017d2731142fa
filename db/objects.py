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
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from db.arrivals import AttachmentArrival, Batch
from db.attachments import DIGEST_BYTES, digest_of
from db.errors import InvalidError, NotFoundError, StoreError, UnavailableError

_AT_ONCE = 8
_LISTED = 500
_BUFFER = 5 << 20
"""The least that a part of an object may have in S3, but for the last."""
_PARTS = 2
"""How many of these are on their way at a time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that were written: their key, how many they are, what tells them from others."""

    key: str
    size: int
    digest: UUID


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
        writing = [self._keep(file) for file in batch.attachments]
        done = await asyncio.gather(*writing, return_exceptions=True)
        kept = [each for each in done if not isinstance(each, BaseException)]
        for fault in done:
            if isinstance(fault, BaseException):
                with suppress(StoreError):
                    await self.delete([each.object for each in kept if each.object])
                raise fault
        return replace(batch, attachments=kept)

    async def _keep(self, file: AttachmentArrival) -> AttachmentArrival:
        if file.object is not None:
            return file
        key = new_key(file.run_id)
        await self.put(key, file.data)
        told = {"size": len(file.data), "digest": digest_of(file.data)}
        return replace(file, data=b"", object=key, **told)

    async def put(self, key: str, data: bytes) -> None:
        """Write an object; return once it is there to stay."""
        async with self._turns:
            with self.told(key):
                await self._obstore.put_async(self._store, key, data)
            await self.settle(key)

    async def settle(self, key: str) -> None:
        """Have what was written on the disk, if it is a folder that it went to."""
        if self._folder is not None:
            with self.told(key):
                await asyncio.to_thread(_settle, self._folder / key)

    def writer(self, key: str) -> Any:
        """Return the library's own writer of an object."""
        return self._obstore.open_writer_async(
            self._store, key, buffer_size=_BUFFER, max_concurrency=_PARTS
        )

    def begin(self, key: str) -> "Writing":
        """Return what writes an object a piece at a time."""
        return Writing(self, key)

    async def get(self, key: str, start: int, end: int) -> bytes:
        """Return some bytes of an object. Raises NotFoundError."""
        with self.told(key):
            return bytes(
                await self._obstore.get_range_async(self._store, key, start=start, end=end)
            )

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are gone already are no fault."""
        if not keys:
            return
        try:
            with self.told(keys[0]):
                await self._obstore.delete_async(self._store, list(keys))
        except NotFoundError:  # of a folder, which tells; one by one then
            for key in keys:
                with suppress(NotFoundError), self.told(key):
                    await self._obstore.delete_async(self._store, key)

    async def older(self, than: datetime) -> AsyncGenerator[list[str]]:
        """Give the keys of all objects that were written before a moment, some at a time."""
        with self.told("a list"):
            async for some in self._obstore.list(self._store, chunk_size=_LISTED):
                yield [each["path"] for each in some if each["last_modified"] < than]

    @contextmanager
    def told(self, key: str) -> Generator[None]:
        """Turn errors of the library into our own."""
        faults = self._obstore.exceptions
        try:
            yield
        except (FileNotFoundError, faults.NotFoundError) as error:
            raise NotFoundError(f"there is no object {key}") from error
        except (OSError, faults.BaseError) as error:
            message = f"the object store can not do this now: {str(error).splitlines()[0]}"
            raise UnavailableError(message) from error


class Writing:
    """An object that is being written. It is there once it is closed; until then some MiB are held.

    What is not wanted after all is closed too, and deleted: so nothing of it is left in the store.
    """

    def __init__(self, objects: Objects, key: str) -> None:
        self.key = key
        self.size = 0
        self._objects = objects
        self._digest = blake2b(digest_size=DIGEST_BYTES)
        self._writer: Any = None

    async def write(self, piece: bytes) -> None:
        """Write some more."""
        self.size += len(piece)
        self._digest.update(piece)
        with self._objects.told(self.key):
            self._writer = self._writer or self._objects.writer(self.key)
            await self._writer.write(piece)

    async def close(self) -> Kept:
        """Finish; return once all of it is there to stay."""
        if self._writer is None:
            await self._objects.put(self.key, b"")
        else:
            with self._objects.told(self.key):
                await self._writer.close()
            await self._objects.settle(self.key)
        return Kept(self.key, self.size, UUID(bytes=self._digest.digest()))


def new_key(run_id: UUID) -> str:
    """Return a key for a file of a run, which never was one."""
    return f"{run_id}/{uuid4()}"


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
