"""GraphQL over WebSockets: the protocol graphql-transport-ws of the library graphql-ws, version 5.

The legacy protocol, which called itself graphql-ws, is not spoken. Each operation is a task of its
own, so that a subscription that waits, or a client that reads slowly, holds up no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
from starlette.types import Message, Receive, Scope, Send

from graph.auth import CLOSED, AuthError, Door, Keyring, viewer_in
from graph.documents import Documents
from graph.http.persisted import text_of
from graph.http.reading import Asked, asked_in, value_of
from graph.http.refusals import Refusal
from graph.live import EndedError
from graph.settings import SETTINGS, Settings
from graph.watching import Operations, RefusedError

PROTOCOL = "graphql-transport-ws"

_PONG = '{"type":"pong"}'
_PING = '{"type":"ping"}'
_SILENCE = 2.5
"""Pings after which a connection is given up from which nothing has come."""

_OBJECT_OR_NULL = "an object or null"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class _Close(Exception):  # noqa: N818 - it ends the connection
    """The connection is closed with a code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sockets:
    """Takes WebSockets in."""

    def __init__(
        self,
        settings: Settings,
        operations: Operations,
        documents: Documents,
        keyring: Keyring | None = None,
    ) -> None:
        self._settings = settings
        self._operations = operations
        self._documents = documents
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await receive()
        if _is_foreign(dict(scope["headers"]), self._settings):
            await send({"type": "websocket.close", "code": 4403})  # before accepting: HTTP 403
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            reason = f"Subprotocol not acceptable; {PROTOCOL} is spoken"
            await send({"type": "websocket.close", "code": 4406, "reason": reason})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        door = Door(viewer_in(scope), self._keyring)
        socket = _Socket(self._settings, self._operations, self._documents, door, receive, send)
        await socket.serve()


class _Socket:
    """One connection."""

    def __init__(
        self,
        settings: Settings,
        operations: Operations,
        documents: Documents,
        door: Door,
        receive: Receive,
        send: Send,
    ) -> None:
        self._settings = settings
        self._operations = operations
        self._documents = documents
        self._door = door
        self._receive = receive
        self._send = send
        self._begun = False
        self._deadline = asyncio.timeout(settings.socket_init_seconds)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._heard = asyncio.get_running_loop().time()
        self._silent = False

    async def serve(self) -> None:
        """Do what the client says until it goes, or does what it may not."""
        connection = asyncio.current_task()
        assert connection is not None  # noqa: S101 - whoever serves is a task
        pinging = asyncio.create_task(self._ping(connection))
        try:
            async with self._deadline:
                while (message := await self._receive())["type"] == "websocket.receive":
                    self._heard = asyncio.get_running_loop().time()
                    await self._take(message)
        except _Close as close:
            await self._close(close.code, close.reason)
        except TimeoutError:
            await self._close(4408, "Connection initialisation timeout")
        except asyncio.CancelledError:
            if not self._silent:
                raise
            connection.uncancel()
            await self._close(4408, "No answer to a ping")
        except OSError:
            pass  # the client has gone
        finally:
            tasks = [pinging, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(1):
                await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})
        except (OSError, TimeoutError):
            pass  # the client has gone, or takes nothing

    async def _ping(self, connection: "asyncio.Task[Any]") -> None:
        """Ping now and then; end a connection from which nothing has come for two pings."""
        seconds = self._settings.socket_ping_seconds
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(seconds)
            if loop.time() - self._heard > _SILENCE * seconds:
                self._silent = True
                connection.cancel()
                return
            if not await self._door.is_open():
                await self._close(4401, CLOSED)
            if self._begun:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._say(_PING), seconds)

    async def _say(self, text: str) -> None:
        """Send a message. Raises OSError where the connection has ended meanwhile."""
        try:
            await self._send({"type": "websocket.send", "text": text})
        except RuntimeError as error:  # so says the server of one that it has closed itself
            raise ConnectionError(str(error)) from None

    async def _take(self, message: Message) -> None:
        text = message.get("text")
        if text is None:
            raise _Close(4400, "A message is text")
        most = self._settings.socket_max_bytes
        if len(text) > most or len(text.encode()) > most:
            name = SETTINGS["socket_max_bytes"].variable
            raise _Close(1009, f"A message has more than {most} bytes (setting {name})")
        try:
            sent = value_of(text.encode(), self._settings.max_json_depth)
        except Refusal as refusal:
            raise _Close(4400, refusal.message) from None
        told: Mapping[str, Any] = cast("Any", sent) if isinstance(sent, dict) else {}
        kind = told.get("type")
        act = _ACTS.get(kind) if isinstance(kind, str) else None
        if act is None:
            raise _Close(4400, f"An object with a type is wanted: {', '.join(_ACTS)}")
        await act(self, told)

    async def connection_init(self, told: Mapping[str, Any]) -> None:
        """Begin: the client says who it is, where its headers did not."""
        payload = _payload(told)
        if self._begun:
            raise _Close(4429, "Too many initialisation requests")
        try:
            await self._door.open(payload or {})
        except AuthError as error:
            raise _Close(4403, f"Forbidden: {error}") from None
        self._begun = True
        self._deadline.reschedule(None)
        await self._say('{"type":"connection_ack"}')

    async def pinged(self, told: Mapping[str, Any]) -> None:
        """Answer a ping, with what it carries."""
        payload = _payload(told)
        pong = {"type": "pong", "payload": payload}
        await self._say(_PONG if payload is None else orjson.dumps(pong).decode())

    async def ponged(self, told: Mapping[str, Any]) -> None:
        """Hear that the client is there."""
        _payload(told)

    async def complete(self, told: Mapping[str, Any]) -> None:
        """End an operation; one that has ended meanwhile is none any more."""
        task = self._running.pop(_id(told), None)
        if task is not None:
            task.cancel()

    async def subscribe(self, told: Mapping[str, Any]) -> None:
        """Begin an operation."""
        id = _id(told)
        payload = told.get("payload")
        if not isinstance(payload, dict):
            raise _Close(4400, "The payload of subscribe is an object with a query")
        try:
            asked = asked_in(cast("dict[str, Any]", payload))
        except Refusal as refusal:
            raise _Close(4400, refusal.message) from None
        if not self._begun:
            raise _Close(4401, "Unauthorized")
        if id in self._running:
            raise _Close(4409, f"Subscriber for {id} already exists")
        most = self._settings.subscriptions_per_connection
        if len(self._running) >= most:
            name = SETTINGS["subscriptions_per_connection"].variable
            message = f"{most} operations run on this connection; no more may (setting {name})"
            error = {"message": message, "extensions": {"code": "TOO_MANY_OPERATIONS"}}
            await self._end(id, error=[error])
            return
        self._running[id] = asyncio.create_task(self._operate(id, asked))

    async def _operate(self, id: str, asked: Asked) -> None:
        """Execute one operation, and say how it ended."""
        try:
            await self._execute(
                f'{{"id":{orjson.dumps(id).decode()},"type":"next","payload":', asked
            )
        except OSError:
            return  # the client has gone
        except Refusal as refusal:
            await self._end(id, error=[refusal.shown])
        except EndedError as ended:
            if ended.cause is not None:
                await self._end(id, error=self._operations.refused(ended.cause).errors)
        except RefusedError as refused:
            await self._end(id, error=refused.errors)
        except Exception as error:  # noqa: BLE001 - it is shown masked, and logged
            await self._end(id, error=self._operations.refused(error).errors)
        else:
            await self._end(id)

    async def _execute(self, head: str, asked: Asked) -> None:
        query = asked.query
        if asked.id or asked.extensions or self._settings.documents_only:
            query = text_of(asked, self._documents, only=self._settings.documents_only)
        viewer = self._door.viewer
        begun = await self._operations.begin(query, asked.variables, asked.name, viewer=viewer)
        if isinstance(begun, str):
            with self._operations.unread.held(len(begun)):
                await self._say(f"{head}{begun}}}")
            return
        async with begun as watcher:
            while texts := await watcher.next():
                for text in texts:
                    await self._say(f"{head}{text}}}")

    async def _end(self, id: str, *, error: Any = None) -> None:
        """Say that an operation has ended; its id is free before the client can know."""
        if self._running.get(id) is asyncio.current_task():
            del self._running[id]
        end = {"type": "complete"} if error is None else {"type": "error", "payload": error}
        with suppress(OSError):  # the client may have gone
            await self._say(orjson.dumps({"id": id, **end}).decode())


_ACTS: Mapping[str, Callable[[_Socket, Mapping[str, Any]], Awaitable[None]]] = {
    "connection_init": _Socket.connection_init,
    "subscribe": _Socket.subscribe,
    "complete": _Socket.complete,
    "ping": _Socket.pinged,
    "pong": _Socket.ponged,
}
"""What a client may say."""


def _payload(told: Mapping[str, Any]) -> dict[str, Any] | None:
    payload = told.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise _Close(4400, f"The payload of {told['type']} is {_OBJECT_OR_NULL}")
    return cast("dict[str, Any] | None", payload)


def _id(told: Mapping[str, Any]) -> str:
    id = told.get("id")
    if not isinstance(id, str) or not id:
        raise _Close(4400, f"The id of {told['type']} is a text that is not empty")
    return id


def _is_foreign(headers: Mapping[bytes, bytes], settings: Settings) -> bool:
    """Say whether a browser connects for the page of another site; other clients name no origin."""
    origin = headers.get(b"origin")
    if origin is None or settings.cors_origins == ("*",):
        return False
    text = origin.decode("latin-1")
    parts = urlsplit(text)
    own = headers.get(b"host", b"").decode("latin-1")
    if parts.netloc and parts.netloc == own.removesuffix(_DEFAULT_PORTS.get(parts.scheme, "")):
        return False
    host_url = settings.host_url or ""
    home = "{0.scheme}://{0.netloc}".format(urlsplit(host_url))
    allowed = {*(settings.cors_origins or ()), home}
    return text not in allowed
