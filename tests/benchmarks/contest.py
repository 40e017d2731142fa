"""Servers side by side: who they are, whether they answer alike, what a request costs each.

A cost is CPU time (user and system, all threads) of the server's process, read from its own clock
before and after a turn of requests: what else the machine does hardly shows in it. Turns take
turns, and ratios are of neighbours.
"""

import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from statistics import median, quantiles

import orjson

from tests.benchmarks.cells import Cell
from tests.benchmarks.client import Client, ask_all
from tests.servers import Server, serving

PEERS = (sys.executable, "-m", "tests.benchmarks.peers")
OURS, FLOOR, STOCK = "ours", "floor", "stock"
WARM, LITERAL, TEXT = "warm", "literal", "text"

Turn = tuple[str, str]
"""A server's name, and how it was asked."""


def cpu_ns(pid: int) -> int:
    """Return the CPU time a process has used; the clock's id is made as by clock_getcpuclockid."""
    return time.clock_gettime_ns((~pid << 3) | 2)


@contextmanager
def started(names: Sequence[str], db: str) -> Generator[dict[str, Server]]:
    """Start servers over one database, each in a process of its own."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                serving("serve", db) if name == OURS else serving(name, db, program=PEERS)
            )
            for name in names
        }


def path_of(name: str, cell: Cell) -> str:
    """Return where a server answers what a cell asks."""
    return cell.path if name == FLOOR else "/graphql"


def ask_once(server: Server, path: str, body: bytes) -> bytes:
    """Ask over a new connection."""
    with Client(server.url, path) as client:
        return client.ask(body)


def check(servers: Mapping[str, Server], cell: Cell) -> int:
    """See that all servers answer alike, the floor byte for byte; return the answer's size."""
    bodies = [cell.plain(), next(cell.new_literals())]
    answers = [ask_once(servers[OURS], path_of(OURS, cell), body) for body in bodies]
    assert answers[0] == answers[1], f"{cell.name}: a literal changes the answer"
    assert b'"errors"' not in answers[0][:200], answers[0][:500]
    for name, server in servers.items():
        answer = ask_once(server, path_of(name, cell), bodies[0])
        if name == STOCK:
            assert orjson.loads(answer)["data"] == orjson.loads(answers[0])["data"], cell.name
        else:
            assert answer == answers[0], f"{cell.name}: {name} answers {answer[:300]!r}"
    return len(answers[0])


@dataclass(slots=True)
class Contest:
    """Turns of requests for one thing, and what each cost: milliseconds of CPU for a request.

    `size` is the answer's, in bytes.
    """

    cell: Cell
    servers: Mapping[str, Server]
    size: int
    costs: dict[Turn, list[float]] = field(default_factory=dict)
    _bodies: dict[Turn, Iterator[bytes]] = field(default_factory=dict)
    _order: deque[str] = field(init=False)

    def __post_init__(self) -> None:
        self._order = deque(self.servers)

    def round(self, *, cold: bool = True) -> None:
        """Let every server take a turn at everything."""
        for kind in (WARM, LITERAL, TEXT) if cold else (WARM,):
            for name in self._order:
                few = name == STOCK
                if kind == WARM or (name != FLOOR and self.cell.is_asked_cold(few=few)):
                    self._turn(name, kind)
        self._order.rotate()

    def _turn(self, name: str, kind: str) -> None:
        cell, server = self.cell, self.servers[name]
        count = cell.few if name == STOCK else cell.requests
        if kind != WARM:
            count = max(1, count // 2)
        bodies = self._bodies.setdefault((name, kind), _bodies(cell, kind))
        with ExitStack() as stack:
            clients = [
                stack.enter_context(Client(server.url, path_of(name, cell)))
                for _ in range(min(cell.connections, count))
            ]
            if count > 1:
                ask_all(clients[:1], islice(bodies, 1))  # not counted: the turn before shows in it
            before = cpu_ns(server.process.pid)
            ask_all(clients, islice(bodies, count))
            spent = cpu_ns(server.process.pid) - before
        self.costs.setdefault((name, kind), []).append(spent / count / 1e6)

    def cost(self, name: str, kind: str = WARM) -> float | None:
        """Return the median cost of a request, None where there was none."""
        found = self.costs.get((name, kind))
        return median(found) if found else None

    def ratio(self, above: str, below: str) -> float:
        """Return the median of one server's cost over another's in the same round."""
        return median(self._ratios(above, below))

    def spread(self, above: str, below: str) -> tuple[float, float]:
        """Return between what the middle half of these ratios lies; what noise there was."""
        low, _, high = quantiles(self._ratios(above, below), n=4, method="inclusive")
        return low, high

    def _ratios(self, above: str, below: str) -> list[float]:
        pairs = zip(self.costs[above, WARM], self.costs[below, WARM], strict=True)
        return [one / other for one, other in pairs]

    def extra(self, name: str, kind: str) -> float | None:
        """Return the median of what asking so costs above warm in the same round."""
        if (name, kind) not in self.costs:
            return None
        pairs = zip(self.costs[name, kind], self.costs[name, WARM], strict=True)
        return median(one - other for one, other in pairs)


def _bodies(cell: Cell, kind: str) -> Iterator[bytes]:
    if kind == LITERAL:
        return islice(cell.new_literals(), 1, None)  # the first one was sent by `check`
    return cell.new_texts() if kind == TEXT else cell.warm()
