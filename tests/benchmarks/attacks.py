"""What the attacks of `tests/attacks` do to others: how long these wait, how much memory is taken.

`python -m tests.benchmarks.attacks`: each attack is sent again and again over a few connections,
while `{ __typename }` is asked on another. Slow clients are among them: hundreds of bodies that
never end, and readers that never read an answer of ten MB.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.attacks.table import ATTACKS, Attack, asking
from tests.benchmarks.client import Client
from tests.servers import serving

CONNECTIONS = 4
SLOW_CLIENTS = 200
ALLOWED_MS = 300
ALLOWED_MB = 50
_EVERY = 0.01
_SMALL = asking("{ __typename }")
_LARGE = asking("{ runs(first: 1000) { nodes { id inputs } } }")


def bytes_of(attack: Attack, host: str) -> bytes:
    """Return a request as it goes over the wire; of one that stalls, without its end."""
    content = attack.content()
    headers = {"host": host, "connection": "close", **attack.headers}
    headers.setdefault("content-length", str(len(content) + 1_000 * attack.stalls))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{attack.method} {attack.path} HTTP/1.1\r\n{lines}\r\n".encode() + content


async def _exchange(place: tuple[str, int], request: bytes, *, reads: bool = True) -> None:
    """Send a request; read its answer to the end, or hold on and read nothing."""
    reader, writer = await asyncio.open_connection(*place)
    try:
        writer.write(request)
        if reads:
            await asyncio.wait_for(reader.read(), 30)
        else:
            await asyncio.sleep(2)
    except (ConnectionError, TimeoutError):
        pass  # it was shown the door
    finally:
        writer.close()


def attack(url: str, requests: list[bytes], reads: bool = True) -> None:
    """Send requests, all at once."""
    split = urlsplit(url)
    place = (str(split.hostname), int(split.port or 80))

    async def work() -> None:
        await asyncio.gather(*(_exchange(place, request, reads=reads) for request in requests))

    asyncio.run(work())


def waits(url: str, go_on: Callable[[], bool]) -> list[float]:
    """Ask the small query again and again; return how long each took, in ms."""
    found: list[float] = []
    with Client(url, "/graphql") as client:
        while go_on() or not found:
            began = time.perf_counter()
            client.ask(_SMALL)
            found.append((time.perf_counter() - began) * 1000)
            time.sleep(_EVERY)
    return found


def memory_of(pid: int) -> float:
    """Return the MB of memory that a process has for itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("RssAnon",)) / 1024


def measure(url: str, pid: int, repeats: int) -> list[tuple[str, float, float, float]]:
    """Return, for each attack, its name, the median and longest wait, and the memory after it."""
    host = urlsplit(url).netloc
    jobs: list[tuple[str, Callable[..., None], list[list[bytes]]]] = []
    for each in ATTACKS:
        some = SLOW_CLIENTS if each.stalls else CONNECTIONS
        times = 1 if each.stalls else repeats
        jobs.append((each.name, attack, [[bytes_of(each, host)] * some] * times))
    large = Attack("readers that do not read", 200, None, _LARGE)
    jobs.append((large.name, partial(attack, reads=False), [[bytes_of(large, host)] * 20]))
    found: list[tuple[str, float, float, float]] = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        other.submit(abs, 0).result()  # it has started
        for name, send, rounds in jobs:
            slowest: list[float] = []
            for requests in rounds:
                done = other.submit(send, url, requests)
                slowest += waits(url, lambda done=done: not done.done())
                done.result()
            found.append((name, median(slowest), max(slowest), memory_of(pid)))
    return found


def fill(url: str) -> None:
    """Store runs with payloads, for answers that are large."""
    runs = [
        {
            "id": f"00000000-0000-4000-8000-{at:012x}",
            "name": "large",
            "run_type": "chain",
            "start_time": "2026-01-01T00:00:00Z",
            "inputs": {"text": "x" * 10_000},
        }
        for at in range(1000)
    ]
    import httpx  # noqa: PLC0415 - for this alone

    for begin in range(0, len(runs), 100):
        body = {"post": runs[begin : begin + 100]}
        httpx.post(f"{url}/runs/batch", json=body, timeout=60).raise_for_status()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(
            "serve",
            f"sqlite:///{folder}/attacks.db",
            settings={"RUNGRAPH_LOG_REQUESTS": "off"},
        ) as server,
    ):
        fill(server.url)
        for _ in range(20):
            server.ask("{ runs(first: 1000) { nodes { id inputs } } }")
        until = time.perf_counter() + 2
        calm = waits(server.url, lambda: time.perf_counter() < until)
        before = memory_of(server.process.pid)
        found = measure(server.url, server.process.pid, repeats)
    print(f"nothing else asked: median {median(calm):.1f} ms, longest {max(calm):.1f} ms")
    print(f"memory before: {before:.0f} MB; most after: {max(row[3] for row in found):.0f} MB\n")
    print("| ten that others wait for longest, ms | median | longest | MB more |")
    print("| --- | --: | --: | --: |")
    for name, middle, longest, memory in sorted(found, key=lambda row: -row[2])[:10]:
        print(f"| {name} | {middle:.1f} | {longest:.1f} | {memory - before:.0f} |")
    print("\n| ten after which the server had most more memory, MB | |\n| --- | --: |")
    steps = zip([before, *(row[3] for row in found)], found, strict=False)
    for step, name in sorted(((row[3] - last, row[0]) for last, row in steps), reverse=True)[:10]:
        print(f"| {name} | {step:.0f} |")
    late = [name for name, _, longest, _ in found if longest > ALLOWED_MS]
    grown = max(memory for *_, memory in found) - before
    print(f"\nof {len(found)}: {len(late)} made others wait more than {ALLOWED_MS} ms {late}")
    print(f"memory grew by {grown:.0f} MB ({ALLOWED_MB} allowed)")


if __name__ == "__main__":
    main()
