"""Runs as the SDK sends them, to measure how fast they are taken in.

The bytes of each request are made beforehand, and sent over plain sockets: what the sender costs
would be missing to the server, which shares the machine.
"""

import random
import socket
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import orjson

RUNS = 100
"""Runs of a request."""

BOUNDARY = "ca2947ee1f9d4f0c8f0e4c0f4f5c6d7e"
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "in", "Paris")
_HEAD = (
    "POST /runs/multipart HTTP/1.1\r\nHost: {host}\r\nx-api-key: any\r\n"
    "Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {size}\r\n\r\n"
)


def bodies(count: int, seed: int) -> list[bytes]:
    """Return the bodies of so many requests, each of one trace."""
    chance = random.Random(seed)
    return [body(chance) for _ in range(count)]


def body(chance: random.Random) -> bytes:
    """Return a batch of one trace: a root, chains under it, llm calls and tools under these."""
    begin = datetime.now(UTC) - timedelta(seconds=60)
    trace, thread = new_id(chance), f"thread {chance.randrange(100)}"
    dotted: list[str] = []
    pieces: list[bytes] = []
    for at in range(RUNS):
        id = trace if at == 0 else new_id(chance)
        start = begin + timedelta(milliseconds=at * 10)
        above = dotted[(at - 1) // 4] if at else None
        segment = f"{start:%Y%m%dT%H%M%S%f}Z{id}"
        dotted.append(f"{above}.{segment}" if above else segment)
        run = {
            "id": id,
            "trace_id": trace,
            "parent_run_id": above[-36:] if above else None,
            "dotted_order": dotted[-1],
            "name": chance.choice(WORDS),
            "run_type": ("chain", "llm", "tool", "llm")[at % 4],
            "start_time": start,
            "end_time": start + timedelta(milliseconds=5),
            "session_name": "benchmark",
            "tags": ["prod", "v2"],
        }
        pieces += [part(f"post.{id}", run)]
        carried = payloads(chance, thread)
        pieces += [part(f"post.{id}.{name}", each) for name, each in carried.items()]
    return b"".join([*pieces, closing()])


def payloads(chance: random.Random, thread: str = "thread 1") -> dict[str, object]:
    """Return what a run carries, about 2.4 KB of JSON."""
    usage = {"input_tokens": 27, "output_tokens": 13, "total_tokens": 40}
    return {
        "inputs": {"messages": [{"role": "user", "content": _text(chance, 160)}]},
        "outputs": {
            "choices": [{"message": {"content": _text(chance, 120)}}],
            "usage_metadata": usage,
        },
        "events": [{"name": "new_token", "time": datetime.now(UTC)}],
        "extra": {
            "metadata": {
                "ls_provider": "openai",
                "ls_model_name": "gpt-4o-mini",
                "thread_id": thread,
                "revision_id": "rev-1.2.3",
                "usage_metadata": usage,
            },
            "runtime": {"sdk": "langsmith-py", "sdk_version": "0.15.0", "platform": "Linux"},
        },
        "serialized": {"name": "ChatOpenAI", "kwargs": {"template": _text(chance, 20)}},
    }


def new_id(chance: random.Random) -> uuid.UUID:
    """Return a random id, the same for the same seed."""
    return uuid.UUID(int=chance.getrandbits(128), version=4)


def part(name: str, value: object) -> bytes:
    """Return a part of a body."""
    sent = orjson.dumps(value)
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent + b"\r\n"


def closing() -> bytes:
    """Return what ends a body."""
    return f"--{BOUNDARY}--\r\n".encode()


def requests(url: str, some: Sequence[bytes]) -> list[bytes]:
    """Return the bytes of requests that bring these bodies."""
    host = urlsplit(url).netloc
    return [_HEAD.format(host=host, boundary=BOUNDARY, size=len(b)).encode() + b for b in some]


class Clients:
    """Connections that each send one request after the other, and wait for the answers."""

    def __init__(self, url: str, count: int) -> None:
        place = urlsplit(url)
        address = (place.hostname or "", place.port or 80)
        self._sockets = [socket.create_connection(address) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def send(self, some: Sequence[bytes]) -> None:
        """Send requests; return when all are acknowledged."""
        lanes = len(self._sockets)
        shares = [some[at::lanes] for at in range(lanes)]
        for _ in self._threads.map(_send, self._sockets, shares):
            pass

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown()
        for each in self._sockets:
            each.close()


def _send(connection: socket.socket, some: Sequence[bytes]) -> None:
    answers = _answers(connection)
    for request in some:
        connection.sendall(request)
        status, told = next(answers)
        assert status == b"202", told
        assert b"refused" not in told, told


def _answers(connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Yield the status and the body of each answer."""
    with connection.makefile("rb") as reader:
        while line := reader.readline():
            size = 0
            while header := reader.readline().strip().lower():
                name, _, value = header.partition(b":")
                size = int(value) if name == b"content-length" else size
            yield line.split()[1], reader.read(size)


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))
