"""Takes large multipart bodies apart while they arrive: files go where files go, the rest is held.

So a file is never in memory whole, nor is it counted among the bytes that a request may bring; it
has a bound of its own.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import suppress
from uuid import UUID

from starlette.requests import ClientDisconnect, Request

from db.errors import StoreError
from db.objects import Kept, Objects, Writing, new_key
from graph.ingest.bodies import SETTING, IngestLimits, too_slow
from graph.ingest.envelopes import Envelope, Sorting
from graph.ingest.multipart import MOST_PARTS, Part, head_of
from graph.ingest.problems import BodyProblem, ItemProblem
from graph.ingest.unpacking import unpacking
from graph.ingest.wire import id_of

FILE_SETTING = "RUNGRAPH_ATTACHMENT_MAX_BYTES"
_MIB = 1 << 20
LARGE = 1 << 20
"""Bytes from which on a file is written while it arrives; smaller ones are, several at a time, once
the request is read."""

_LONGEST_HEAD = 16 << 10
_BLANK_LINE = b"\r\n\r\n"

Event = tuple[str, str] | bytes | None
"""Of a multipart body: the name and type of a part, some of its content, its end."""


class Body:
    """A multipart body on its way in.

    `received` is what came, as it was sent, `size` what of it is held, `keys` what is written.
    """

    def __init__(self, boundary: bytes, limits: IngestLimits, objects: Objects) -> None:
        self.received = self.size = 0
        self.keys: list[str] = []
        self._parts = Parts(boundary)
        self._limits, self._objects = limits, objects
        self._sorting = Sorting()
        self._head: tuple[str, str] = ("", "")
        self._held: list[bytes] = []
        self._run_id: UUID | None = None
        self._file: Writing | None = None
        self._count = self._written = 0

    async def read(self, request: Request) -> Envelope:
        """Return what the body of a request holds. Raises BodyProblem, and StoreError.

        Whatever is written by then is deleted again if it can not be read to its end.
        """
        try:
            await self._read(request)
            self._parts.end()
        except BaseException:
            await self.give_up()
            raise
        return self._sorting.envelope

    async def give_up(self, but: Collection[str | None] = ()) -> None:
        """Delete what was written, but for some."""
        with suppress(StoreError):
            if self._file is not None:
                await self._file.close()
            await self._objects.delete([key for key in self.keys if key not in but])

    async def _read(self, request: Request) -> None:
        unpack = unpacking(request.headers.get("content-encoding", ""))
        loop, seconds = asyncio.get_running_loop(), self._limits.seconds
        end = loop.time() + seconds
        try:
            async with asyncio.timeout_at(end) as patience:
                async for chunk in request.stream():
                    patience.reschedule(None)  # for what is ours to do
                    begin = loop.time()
                    for piece in unpack.some(chunk):
                        for event in self._parts.some(piece):
                            await self._take(event)
                    before = self.received // _MIB
                    self.received += len(chunk)
                    more = seconds * (self.received // _MIB - before)
                    end += loop.time() - begin + more
                    patience.reschedule(end)
        except TimeoutError:
            raise too_slow(self.received, seconds) from None
        except ClientDisconnect:
            raise BodyProblem(
                400, "DISCONNECTED", "the client left before the body's end"
            ) from None
        unpack.end()

    async def _take(self, event: Event) -> None:
        match event:
            case (name, kind):
                self._begin(name, kind)
            case bytes() if self._file is not None:
                await self._write(self._file, event)
            case bytes():
                await self._hold(event)
            case _:
                await self._end()

    async def _hold(self, piece: bytes) -> None:
        """Keep a piece of a part; of a file that becomes large, write what is kept."""
        self._held.append(piece)
        self.size += len(piece)
        if self._run_id is not None and (held := sum(map(len, self._held))) > LARGE:
            key = new_key(self._run_id)
            self.keys.append(key)
            self._file = self._objects.begin(key)
            self.size -= held
            held_pieces, self._held = self._held, []
            for each in held_pieces:
                await self._write(self._file, each)
        if self.size > self._limits.max_bytes:
            raise _too_large("a body", self._limits.max_bytes, SETTING)

    async def _write(self, file: Writing, piece: bytes) -> None:
        self._written += len(piece)
        if self._written > self._limits.file_bytes:
            raise _too_large("files in one request", self._limits.file_bytes, FILE_SETTING)
        await file.write(piece)

    def _begin(self, name: str, kind: str) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise BodyProblem(413, "TOO_MANY_PARTS", f"more than {MOST_PARTS} parts in one body")
        self._head, self._held, self._run_id = (name, kind), [], None
        sort, _, rest = name.partition(".")
        id_text, _, file = rest.partition(".")
        if sort == "attachment" and file:
            with suppress(ItemProblem):  # what is misnamed is refused as it always is
                self._run_id = id_of(sort, id_text)

    async def _end(self) -> None:
        kept: Kept | None = None
        if self._file is not None:
            file, self._file = self._file, None
            kept = await file.close()
        self._sorting.add(Part(*self._head, b"".join(self._held)), kept)
        self._held = []


class Parts:
    """Finds the parts in pieces of a body (RFC 7578)."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._rest = b"\r\n"  # before the first boundary there may be no line
        self._state = self._content
        self._is_open = self._is_over = False

    def some(self, piece: bytes) -> Iterator[Event]:
        """Give what is in the next piece; what follows the closing boundary is passed over."""
        self._rest = b"" if self._is_over else self._rest + piece
        while not self._is_over and (found := self._state()) is not None:
            yield from found

    def end(self) -> None:
        """Say that there is no more. Raises BodyProblem where the body is not over."""
        if not self._is_over:
            raise _broken("breaks off before its closing boundary")

    def _content(self) -> list[Event] | None:
        """Look for the end of a part, or of what stands before the first."""
        at = self._rest.find(self._delimiter)
        if at < 0:
            sure = len(self._rest) - len(self._delimiter) + 1
            if sure <= 0 or not (some := self._rest[:sure]):
                return None
            self._rest = self._rest[sure:]
            return [some] if self._is_open else []
        before, self._rest = self._rest[:at], self._rest[at + len(self._delimiter) :]
        found: list[Event] = [*([before] if before else []), None] if self._is_open else []
        self._is_open = False
        self._state = self._after_delimiter
        return found

    def _after_delimiter(self) -> list[Event] | None:
        if self._rest.startswith(b"--"):
            self._is_over = True
            return []
        end = self._rest.find(b"\r\n")
        if end < 0:
            if len(self._rest) > _LONGEST_HEAD:
                raise _broken("has a boundary without an end of its line")
            return None
        if self._rest[:end].strip(b" \t"):
            raise _broken("breaks off before its closing boundary")
        self._rest = self._rest[end:]
        self._state = self._headers
        return []

    def _headers(self) -> list[Event] | None:
        blank = self._rest.find(_BLANK_LINE)
        if blank < 0:
            if len(self._rest) > _LONGEST_HEAD:
                raise _broken("has a part without a blank line after its headers")
            return None
        name, kind = head_of(self._rest[: blank + 2])
        self._rest = self._rest[blank + 2 :]  # an empty part's blank line may share its CRLF
        self._is_open = True
        self._state = self._first_content
        return [(name, kind)]

    def _first_content(self) -> list[Event] | None:
        if len(self._rest) < len(self._delimiter):
            return None
        if not self._rest.startswith(self._delimiter):
            self._rest = self._rest[2:]
        self._state = self._content
        return []


def _too_large(what: str, limit: int, setting: str) -> BodyProblem:
    message = f"{what} of more than the {limit} bytes allowed (setting {setting})"
    return BodyProblem(413, "TOO_LARGE", message)


def _broken(how: str) -> BodyProblem:
    return BodyProblem(422, "INVALID_MULTIPART", f"the multipart body {how}")
