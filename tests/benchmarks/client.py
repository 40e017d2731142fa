"""A client that costs little: one keep-alive connection, whole requests out, whole bodies in."""

import socket
from collections.abc import Iterable, Sequence
from typing import Self
from urllib.parse import urlsplit


class Client:
    """A connection to one server; posts to one path."""

    def __init__(self, url: str, path: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming = self._socket.makefile("rb", buffering=262_144)
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: benchmark\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._incoming.close()
        self._socket.close()

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._socket.fileno()

    def send(self, body: bytes) -> None:
        """Send one request."""
        self._socket.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))

    def receive(self) -> bytes:
        """Return the body of an answer; anything but 200 is an error."""
        incoming = self._incoming
        status = incoming.readline()
        size = 0
        while (line := incoming.readline().lower()) != b"\r\n":
            if line.startswith(b"content-length:"):
                size = int(line[15:])
            elif line.startswith(b"transfer-encoding:"):
                size = -1
        body = incoming.read(size) if size >= 0 else b"".join(iter(self._chunk, b""))
        if b" 200 " not in status:
            raise RuntimeError(f"{status!r}: {body[:500]!r}")
        return body

    def ask(self, body: bytes) -> bytes:
        """Send one request and return the answer's body."""
        self.send(body)
        return self.receive()

    def _chunk(self) -> bytes:
        size = int(self._incoming.readline(), 16)
        chunk = self._incoming.read(size)
        self._incoming.readline()
        return chunk


def ask_all(clients: Sequence[Client], bodies: Iterable[bytes]) -> int:
    """Send all requests, one at a time on each connection; return how many bytes came back."""
    received = 0
    waiting: list[Client] = []
    for at, body in enumerate(bodies):
        client = clients[at % len(clients)]
        if len(waiting) == len(clients):
            received += len(waiting.pop(0).receive())
        client.send(body)
        waiting.append(client)
    return received + sum(len(client.receive()) for client in waiting)
