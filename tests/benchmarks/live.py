"""How long after a run is acknowledged its subscribers hear of it, while 500 runs a second arrive.

`python -m tests.benchmarks.live`. One server process on SQLite, with every commit on the disk. A
process of its own sends batches of 10 runs of about 3 KB at a steady rate and notes when each is
acknowledged; this one subscribes over WebSockets and notes when each event comes. An event may well
come before the answer to the request that brought its run: then its time is below zero.
"""

import asyncio
import base64
import http.client
import multiprocessing
import os
import random
import re
import statistics
import struct
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import orjson

from tests.benchmarks.arriving import BOUNDARY, closing, part, payloads
from tests.servers import serving

RATE = 500
AT_ONCE = 10
WARM_UP = 2.0
FIELDS = "{ cursor kind runId run { name status runType latency totalTokens } }"
EVERYTHING = f"subscription {{ runChanges {FIELDS} }}"
OF_TRACE = f"subscription ($t: ID!) {{ runChanges(where: {{traceId: {{eq: $t}}}}) {FIELDS} }}"
PER_CONNECTION = 20
QUIET = {"RUNGRAPH_SOCKET_PING_SECONDS": "3600"}
"""These clients answer no pings."""

_RUN_ID = re.compile(rb'"kind":"(\w+)","runId":"([0-9a-f-]{36})"')


@dataclass(slots=True)
class Heard:
    """What came over all connections: moments by run, and how often there was a RELOAD."""

    moments: list[tuple[bytes, float]] = field(default_factory=list)
    reloads: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What one case came to; `delays` in milliseconds."""

    name: str
    rate: float
    heard: int
    expected: int
    reloads: int
    delays: list[float]


def main(seconds: float = 15.0, cases: Sequence[int] = (1, 50, 1000)) -> list[Result]:
    """Measure each number of subscribers, print a table, and return it."""
    results: list[Result] = []
    for subscribers in cases:
        with (
            TemporaryDirectory() as folder,
            serving("serve", f"sqlite:///{Path(folder, 'live.db')}", settings=QUIET) as server,
        ):
            results.append(_case(server.url, subscribers, seconds))
    _print(results)
    return results


def _case(url: str, subscribers: int, seconds: float) -> Result:
    traces = [str(uuid.uuid4()) for _ in range(1000)]
    of_traces = subscribers >= len(traces)
    here, there = multiprocessing.Pipe()
    sender = multiprocessing.Process(target=_send_all, args=(there, url, traces, seconds))
    sender.start()
    watched = traces[:subscribers] if of_traces else [None] * subscribers
    heard, acknowledged = asyncio.run(_listen(url, watched, here))
    sender.join()
    began = min(acknowledged.values()) + WARM_UP
    counted = {id: at for id, at in acknowledged.items() if at > began}
    delays = [1e3 * (at - counted[id]) for id, at in heard.moments if id in counted]
    name = "1,000 on 1,000 traces" if of_traces else f"{subscribers} on everything"
    return Result(
        name=name,
        rate=len(acknowledged) / seconds,
        heard=len(delays),
        expected=len(counted) * (1 if of_traces else subscribers),
        reloads=heard.reloads,
        delays=delays,
    )


# -- who sends ------------------------------------------------------------------------------


def _send_all(pipe: Connection, url: str, traces: Sequence[str], seconds: float) -> None:
    """Send runs at a steady rate once told to; then tell when each was acknowledged."""
    carried = payloads(random.Random())
    parts = {name: orjson.dumps(value) for name, value in carried.items()}
    acknowledged: dict[bytes, float] = {}
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "x-api-key": "any"}
    pipe.recv()
    began = time.monotonic()
    for at in range(int(seconds * RATE / AT_ONCE)):
        body, ids = _batch(traces, at, parts)
        time.sleep(max(0.0, began + at * AT_ONCE / RATE - time.monotonic()))
        connection.request("POST", "/runs/multipart", body, headers)
        answer = connection.getresponse()
        told = answer.read()
        now = time.monotonic()
        assert answer.status == 202, told
        acknowledged.update((id, now) for id in ids)
    pipe.send(acknowledged)


def _batch(traces: Sequence[str], at: int, parts: dict[str, bytes]) -> tuple[bytes, list[bytes]]:
    pieces: list[bytes] = []
    ids: list[bytes] = []
    for place in range(AT_ONCE):
        now = datetime.now(UTC)
        id, trace = str(uuid.uuid4()), traces[(at * AT_ONCE + place) % len(traces)]
        run = {
            "id": id,
            "trace_id": trace,
            "parent_run_id": trace,
            "dotted_order": f"20260101T000000000000Z{trace}.{now:%Y%m%dT%H%M%S%f}Z{id}",
            "name": "step",
            "run_type": random.choice(("chain", "tool", "retriever")),
            "start_time": now,
            "end_time": now,
            "session_name": "benchmark",
        }
        ids.append(id.encode())
        pieces.append(part(f"post.{id}", run))
        pieces += [part(f"post.{id}.{name}", orjson.Fragment(text)) for name, text in parts.items()]
    return b"".join([*pieces, closing()]), ids


# -- who listens ----------------------------------------------------------------------------


async def _listen(
    url: str, watched: Sequence[str | None], sender: Connection
) -> tuple[Heard, dict[bytes, float]]:
    """Subscribe, have runs sent, and return what came and when each run was acknowledged."""
    heard = Heard()
    some = [watched[at : at + PER_CONNECTION] for at in range(0, len(watched), PER_CONNECTION)]
    if watched[0] is None:
        some = [[each] for each in watched]
    links = [await _connect(url, each) for each in some]
    tasks = [asyncio.create_task(_read(reader, heard)) for reader, _ in links]
    await asyncio.sleep(1)
    sender.send("begin")
    acknowledged: dict[bytes, float] = await asyncio.to_thread(sender.recv)
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _, writer in links:
        writer.close()
    return heard, acknowledged


async def _connect(
    url: str, watched: Sequence[str | None]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket by hand: a library would spend more on each message than the server does."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**22)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /graphql HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head, head
    writer.write(_frame({"type": "connection_init"}))
    await reader.readuntil(b"connection_ack")
    for at, trace in enumerate(watched):
        payload: dict[str, object] = {"query": EVERYTHING}
        if trace is not None:
            payload = {"query": OF_TRACE, "variables": {"t": trace}}
        writer.write(_frame({"id": str(at), "type": "subscribe", "payload": payload}))
    return reader, writer


def _frame(message: dict[str, object]) -> bytes:
    """Return a text frame; masked by zeros, which is a mask as well."""
    text = orjson.dumps(message)
    length = bytes([128 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
    return b"\x81" + length + b"\0\0\0\0" + text


async def _read(reader: asyncio.StreamReader, heard: Heard) -> None:
    rest = b""
    while data := await reader.read(2**20):
        now = time.monotonic()
        text = rest + data
        last = 0
        for found in _RUN_ID.finditer(text):
            heard.moments.append((found[2], now))
            last = found.end()
        heard.reloads += text.count(b'"RELOAD"', len(rest))
        rest = text[max(last, len(text) - 128) :]


def _print(results: Sequence[Result]) -> None:
    print(f"{'subscribers':<24}{'runs/s':>7}{'events':>9}{'missed':>8}{'RELOAD':>8}", end="")
    print(f"{'median ms':>11}{'p90':>8}{'p99':>8}")
    for each in results:
        cuts = statistics.quantiles(each.delays, n=100)
        print(
            f"{each.name:<24}{each.rate:>7,.0f}{each.heard:>9,}"
            f"{each.expected - each.heard:>8,}{each.reloads:>8,}"
            f"{statistics.median(each.delays):>11.1f}{cuts[89]:>8.1f}{cuts[98]:>8.1f}"
        )


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if sys.argv[1:] else 15.0,
        [int(n) for n in sys.argv[2:]] or (1, 50, 1000),
    )
