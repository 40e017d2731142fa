"""What a large answer does to others: how long they wait, and how much memory is left."""

import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
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
    """How long a small query waited, in milliseconds; `longest` within an answer, at the median.

    Queries go out on time whether or not those before are answered: a long wait counts for all
    that would have come meanwhile.
    """

    median: float
    p95: float
    max: float
    longest: float


def waits(url: str, cell: Cell, *, answers: int) -> Waits:
    """Ask a small query every few milliseconds while a large one is answered so many times.

    With no answers: for a second, to see what the machine does to it anyway.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        other.submit(abs, 0).result()  # it has started
        loading = other.submit(_load, url, cell.plain(), answers)
        asked = _ask_on_time(url, lambda: not loading.done())
        spans = loading.result()
    found = sorted((answered - began) * 1000 for began, answered in asked)
    longest = [
        max((done - sent) * 1000 for sent, done in asked if sent < end and done > begin)
        for begin, end in spans
    ]
    return Waits(median(found), found[int(len(found) * 0.95)], found[-1], median(longest))


def _load(url: str, body: bytes, answers: int) -> list[tuple[float, float]]:
    """Ask the same again and again; return when each was asked and answered."""
    began = time.perf_counter()
    if not answers:
        time.sleep(1)
        return [(began, time.perf_counter())]
    spans: list[tuple[float, float]] = []
    with Client(url, "/graphql") as client:
        for _ in range(answers):
            began = time.perf_counter()
            client.ask(body)
            spans.append((began, time.perf_counter()))
    return spans


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
