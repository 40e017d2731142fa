"""A small answer leaves in one write: its head with its body.

uvicorn writes each as it comes, and uvloop hands each to the system at once: two system calls and
two packets. ASGI has a server hold the head until something follows.
"""

import asyncio

_SMALL = 16 * 1024
"""Bytes of a body up to which it costs less to copy it than to send it by itself."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STREAMS = b"transfer-encoding: chunked\r\n\r\n"


class Together:
    """What one answer is written to, in place of its connection's transport.

    The head of an answer without a known length is not held: it is a stream, and who reads it wants
    to know that it has begun.
    """

    __slots__ = ("_begun", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write the head, or a part of the body."""
        if self._begun:
            if self._head:
                if len(data) <= _SMALL:
                    data, self._head = self._head + data, b""
                self._flush()
            if data:
                self._transport.write(data)
        elif data == _CONTINUE or data.endswith(_STREAMS):
            self._begun = data != _CONTINUE
            self._transport.write(data)
        else:
            self._begun = True
            self._head = data

    def is_closing(self) -> bool:
        """Say whether the connection is closed, or will be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is held, and close the connection."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""
