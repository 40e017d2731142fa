"""A WebSocket message that is too long: its sender hears so, however slowly it is sent."""

import json
import socket
import time
from urllib.parse import urlsplit

from tests.servers import serving

GREETING = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
UNMASKED = bytes(4)
PIECE = bytes(65_536)


def frame(text: bytes) -> bytes:
    return bytes([0x81, 0x80 | len(text)]) + UNMASKED + text


def test_its_sender_hears_why_after_sending_all_of_it(tmp_path):
    begun = bytes([0x81, 0x80 | 127]) + (64 * len(PIECE)).to_bytes(8, "big") + UNMASKED
    with serving("serve", f"sqlite:///{tmp_path / 'rungraph.db'}") as server:
        place = urlsplit(server.url)
        with socket.create_connection((place.hostname, place.port), timeout=20) as client:
            client.sendall(GREETING.format(host=place.netloc).encode())
            assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
            client.sendall(frame(json.dumps({"type": "connection_init"}).encode()))
            assert b"connection_ack" in client.recv(4096)
            client.sendall(begun)
            for _ in range(64):
                client.sendall(PIECE)
                time.sleep(0.001)  # it has heard of it by now, and could be gone
            heard = client.recv(4096)

    opcode, _, code = heard[0], heard[1], int.from_bytes(heard[2:4], "big")
    assert (opcode, code) == (0x88, 1009)
