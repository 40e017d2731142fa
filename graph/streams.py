"""GraphQL as a stream of events: the protocol graphql-sse, in its mode of distinct connections.

Each request has a stream of its own, which carries one operation of any kind. Errors of a document
come as an event, because an EventSource in a browser sees no other answer. The mode of a single
connection is not spoken: its streams would have to be found by requests that may reach another
process; whoever wants many operations over one connection has WebSockets.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, suppress

import orjson
from starlette.types import Receive, Send
from strawberry.types.graphql import OperationType

from graph.auth import CLOSED, LOCAL, AuthError, Door, Keyring, Viewer
from graph.http.reading import Asked
from graph.live import EndedError, Watcher
from graph.settings import Settings
from graph.watching import Operations, RefusedError

Header = tuple[bytes, bytes]

_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_COMPLETE = b"event: complete\ndata:\n\n"
_PING = b":\n\n"
_STUCK = 60.0
"""Seconds that a client may take nothing before its stream is ended."""


class Streams:
    """Answers requests with streams of events."""

    def __init__(
        self, settings: Settings, operations: Operations, keyring: Keyring | None = None
    ) -> None:
        self._settings = settings
        self._operations = operations
        self._keyring = keyring

    async def serve(
        self,
        query: str,
        asked: Asked,
        allowed: Iterable[OperationType],
        receive: Receive,
        send: Send,
        headers: Sequence[Header] = (),
        viewer: Viewer = LOCAL,
    ) -> None:
        """Execute an operation and stream what comes of it, until it ends or the client goes."""
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *headers]})
        events = asyncio.create_task(
            self._stream(self._events(query, asked, allowed, viewer), send)
        )
        going = asyncio.create_task(_gone(receive))
        closing = asyncio.create_task(self._closed(Door(viewer, self._keyring)))
        tasks = (events, going, closing)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            shut = closing.done()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if shut and events.cancelled():
            await _say_closed(send)
        error = None if events.cancelled() else events.exception()
        if error is not None and not isinstance(error, OSError | TimeoutError):
            raise error

    async def _closed(self, door: Door) -> None:
        """Wait until the key that opened a stream is not good any more."""
        is_open = True
        while is_open:
            await asyncio.sleep(self._settings.socket_ping_seconds)
            is_open = await door.is_open()

    async def _stream(self, events: AsyncGenerator[bytes], send: Send) -> None:
        async with aclosing(events):
            async for event in events:
                async with asyncio.timeout(_STUCK):
                    await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _events(
        self, query: str, asked: Asked, allowed: Iterable[OperationType], viewer: Viewer
    ) -> AsyncGenerator[bytes]:
        try:
            begun = await self._operations.begin(
                query, asked.variables, asked.name, allowed, viewer, "STREAM"
            )
            if isinstance(begun, str):
                with self._operations.unread.held(len(begun)):
                    yield _next(begun)
            else:
                async with begun as watcher:
                    yield _PING  # nothing is missed from here on
                    async for texts in self._pinged(watcher):
                        yield b"".join(map(_next, texts)) or _PING
        except EndedError as ended:
            if ended.cause is None:
                return  # without an end, so that the client comes back
            yield _errors(self._operations.refused(ended.cause))
        except RefusedError as refused:
            yield _errors(refused)
        except Exception as error:  # noqa: BLE001 - it is shown masked, and logged
            yield _errors(self._operations.refused(error))
        yield _COMPLETE

    async def _pinged(self, watcher: Watcher) -> AsyncGenerator[Sequence[str]]:
        """Yield what comes, and nothing whenever nothing has come for a while."""
        waiting = asyncio.ensure_future(watcher.next())
        try:
            while True:
                done, _ = await asyncio.wait((waiting,), timeout=self._settings.socket_ping_seconds)
                if not done:
                    yield ()
                    continue
                texts = waiting.result()
                if not texts:
                    return
                yield texts
                waiting = asyncio.ensure_future(watcher.next())
        finally:
            waiting.cancel()


async def _say_closed(send: Send) -> None:
    """Tell why a stream ends, to whoever still listens."""
    error = {"message": CLOSED, "extensions": {"code": AuthError.code}}
    last = _errors(RefusedError([error])) + _COMPLETE
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await send({"type": "http.response.body", "body": last})


async def _gone(receive: Receive) -> None:
    """Wait until the client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _next(text: str) -> bytes:
    return b"event: next\ndata: " + text.encode() + b"\n\n"


def _errors(refused: RefusedError) -> bytes:
    return _next(orjson.dumps({"errors": refused.errors}).decode())
