"""What a large answer does to others: how long they wait, and how much memory is left."""

import select
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from tests.benchmarks.cells import Cell, heavy_cell
from tests.benchmarks.client import Client
from tests.benchmarks.contest import ask_once, path_of, started

_EVERY = 0.005
_SMALL = orjson.dumps({"query": "{ __typename }"})
_KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a small query waited, in milliseconds; `worst`: the median of each answer's worst.

    Queries go out on time whether or not those before are answered: a long wait counts for all
    that would have come meanwhile.
    """

    median: float
    p95: float
    max: float
    worst: float


def waits(url: str, cell: Cell, *, answers: int) -> Waits:
    """Ask a small query every few milliseconds while a large one is answered so many times."""
    spans: list[tuple[float, float]] = []

    def load() -> None:
        with Client(url, "/graphql") as client:
            for _ in range(answers):
                began = time.perf_counter()
                client.ask(cell.plain())
                spans.append((began, time.perf_counter()))

    loading = threading.Thread(target=load)
    loading.start()
    asked = _ask_on_time(url, loading.is_alive)
    loading.join()
    found = sorted((answered - began) * 1000 for began, answered in asked)
    worst = [
        max((done - sent) * 1000 for sent, done in asked if sent < end and done > begin)
        for begin, end in spans
    ]
    return Waits(median(found), found[int(len(found) * 0.95)], found[-1], median(worst))


def _ask_on_time(url: str, go_on: Callable[[], bool]) -> list[tuple[float, float]]:
    """Return when each small query was sent and answered, for as long as wanted."""
    asked: list[tuple[float, float]] = []
    with ExitStack() as stack:
        idle: list[Client] = []
        waiting: dict[Client, float] = {}
        due = time.perf_counter()
        while go_on() or waiting:
            now = time.perf_counter()
            if now >= due and go_on():
                client = idle.pop() if idle else stack.enter_context(Client(url, "/graphql"))
                client.send(_SMALL)
                waiting[client] = now
                due += _EVERY
            pause = max(0.0, due - time.perf_counter())
            for client in select.select(waiting, [], [], pause)[0]:
                client.receive()
                asked.append((waiting.pop(client), time.perf_counter()))
                idle.append(client)
    return asked


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: of the answer; resident before it was asked for, and at most meanwhile.

    `own` is the peak without pages of files, which the mapped database is: seen every millisecond.
    """

    answer: int
    before: int
    peak: int
    own: int


def memory_of(name: str, url: str) -> Memory:
    """Ask a fresh server for the heavy answer, once."""
    cell = heavy_cell()
    with started([name], url) as servers:
        server, pid = servers[name], servers[name].process.pid
        before = _memory(pid, "VmRSS")
        own: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.001):
                own.append(_memory(pid, "RssAnon"))

        watching = threading.Thread(target=watch)
        watching.start()
        answer = ask_once(server, path_of(name, cell), cell.plain())
        done.set()
        watching.join()
        return Memory(len(answer), before, _memory(pid, "VmHWM"), max(own))


def _memory(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KILOBYTE
    raise ValueError(name)
