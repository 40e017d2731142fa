"""Holds the port and runs uvicorn on it, from a bound socket to a clean end."""

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from graph import memory
from graph.headers import Requests, close_slow
from graph.unread import LEAST

BACKLOG = 2048
LINGER_SECONDS = 5
"""How long at most the rest of a message is taken that was refused, and thrown away."""
QUIET_SECONDS = 0.5
"""After how long without any more of it that is over."""
STUCK_SECONDS = 60
"""Seconds after which the system drops a connection whose other end takes nothing of what waits."""
_TICKS = 10
"""Of uvicorn's looks around, how many are a second."""
_SECONDS_IDLE = 5
"""How long memory may lie idle."""


class PortError(Exception):
    """The address can not be listened on; its text says why."""


class _Sockets(WebSocketsSansIOProtocol):
    """Refuses a message that is too long so that its sender hears why."""

    _patience = 0.0

    def handle_parser_exception(self) -> None:
        """Say why the connection is closed, and throw away what is still sent for a while.

        Were it closed at once, what is not read would reset it, and nothing be heard.
        """
        close = self.conn.close_sent
        if self.close_sent or close is None:
            return
        told: Any = {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
        self.queue.put_nowait(told)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.resume_reading()
        self._patience = self.loop.time() + LINGER_SECONDS
        self._hear_out()

    async def send(self, message: Any) -> None:
        """Send a message; a large one is not sent before its receiver has taken most of it."""
        await super().send(message)
        if len(message.get("text") or "") >= LEAST:
            await self.writable.wait()

    def _hear_out(self) -> None:
        """Close once nothing more comes, or the patience is over; until then nobody else closes."""
        if self.close_timer is not None:
            self.close_timer.cancel()
        at = min(self.loop.time() + QUIET_SECONDS, self._patience)
        self.close_timer = self.loop.call_at(at, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Read on, until something was refused; what comes then is thrown away."""
        if self.conn.parser_exc is None:
            super().data_received(data)
        elif not self.transport.is_closing():
            self._hear_out()


class _Server(uvicorn.Server):
    """Tells when it is up: not before the socket is open and the app has started."""

    def __init__(
        self,
        config: uvicorn.Config,
        up: Callable[[], None],
        stopping: Callable[[], None],
        header_seconds: float,
    ) -> None:
        super().__init__(config)
        self._header_seconds = header_seconds
        self._up = up
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell, then stop."""
        self._stopping()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Close connections whose headers do not come, and give back memory that lies idle."""
        if counter % _TICKS == 0:
            close_slow(self.server_state.connections, self._header_seconds)
        if counter % (_SECONDS_IDLE * _TICKS) == 0:
            await asyncio.to_thread(memory.give_back)
        return await super().on_tick(counter)

    def stop(self) -> None:
        """Stop as a signal would have it."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._up()


def listen(host: str, port: int) -> socket.socket:
    """Open the port, so that what stands in the way is known before any work is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).partition(" (while")[0]
        raise PortError(f"can not listen on {host} port {port}: {reason}") from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections have it from who listens
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_SECONDS * 1000)
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL of an open port."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(
    app: ASGIApp,
    listener: socket.socket,
    *,
    first: Callable[[ASGIApp], Awaitable[None]] | None = None,
    up: Callable[[], None],
    stopping: Callable[[], None],
    lifeline: int | None = None,
    stop_seconds: int,
    header_seconds: float,
    message_bytes: int,
    ping_seconds: float,
) -> None:
    """Serve until a signal says stop; do `first` before, call `up` once requests are taken.

    It also stops when `lifeline`, a file descriptor, can be read. `stopping` is called before
    requests are waited for, `stop_seconds` at most: some would never end. Headers arrive within
    `header_seconds`, or their connection is closed. WebSockets have messages of at most
    `message_bytes`, and are closed where nothing comes back for a ping.
    """
    memory.keep()
    signal.signal(signal.SIGTERM, _stopped)  # what uvicorn hands the signal to, once it is done
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Requests,
        log_config=None,
        log_level=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app reads them, where it makes addresses
        ws=_Sockets,
        ws_max_size=message_bytes,
        ws_ping_interval=ping_seconds,
        ws_ping_timeout=ping_seconds,
        ws_per_message_deflate=False,  # it would cost each message, for each who reads it
        timeout_graceful_shutdown=stop_seconds,
    )

    async def work() -> None:
        if first is not None:
            await first(app)
        server = _Server(config, up, stopping, header_seconds)
        if lifeline is not None:
            asyncio.get_running_loop().add_reader(lifeline, server.stop)
        await server.serve([listener])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def _stopped(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
