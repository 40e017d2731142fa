"""What answers cost: this server, a tuned plain Strawberry, and the least a server could do.

`python -m tests.benchmarks.reads [--on sqlite] [--rounds 9] [--only tree] [--size 10k]`. All three
run in processes of their own and answer the same queries over the same database over HTTP.
See docs/benchmarks.md for what is compared and how the numbers read.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

from tests.benchmarks import data
from tests.benchmarks.cells import Cell, cells, heavy_cell
from tests.benchmarks.contest import FLOOR, LITERAL, OURS, STOCK, TEXT, Contest, check, started
from tests.benchmarks.databases import KINDS, Database
from tests.benchmarks.tails import memory_of, waits

FOLDER = Path(gettempdir()) / "rungraph-benchmarks"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print what was asked for."""
    given = parsed(arguments)
    for kind in given.on or KINDS:
        with KINDS[kind](given.folder) as database:
            measure(database, given)


def measure(database: Database, given: argparse.Namespace) -> Contest:
    """Measure on one database; print the table, return the costs."""
    names = [name for name in (OURS, FLOOR, STOCK) if name not in given.without]
    some = [cell for cell in cells() if not given.only or given.only == cell.path[1:]]
    with started(names, database.runs(given.size)) as servers:
        sizes = {cell.name: check(servers, cell) for cell in some}
        contest = Contest(servers)
        for _ in range(given.rounds):
            contest.round(some, cold=not given.warm)
        _print(f"{database.name}, {given.rounds} rounds", contest, some, sizes)
        if not given.warm:
            _print_cold(contest, some)
        if not given.only and not given.warm:
            _print_waits(servers[OURS].url, next(c for c in cells() if c.path == "/big"))
    if not given.only and not given.warm:
        _print_memory(database.heavy())
    return contest


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what a command line asks for."""
    parser = argparse.ArgumentParser(description="What answers cost, side by side.")
    parser.add_argument("--on", action="append", choices=KINDS, help="only this database")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", help="only this, by the floor's path: one, list, tree, ...")
    parser.add_argument("--without", action="append", default=[], choices=(FLOOR, STOCK))
    parser.add_argument("--warm", action="store_true", help="neither cold texts nor tails")
    parser.add_argument("--size", choices=data.SIZES, default="10k", help="runs of the project")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where databases are kept")
    return parser.parse_args(arguments)


def _print(title: str, contest: Contest, some: Sequence[Cell], sizes: dict[str, int]) -> None:
    names = list(contest.servers)
    pairs = [(a, b) for a, b in ((OURS, FLOOR), (STOCK, OURS)) if {a, b} <= set(names)]
    print(f"\n{title}. CPU ms of the server's process for a request, medians\n")
    _row("", "KB", *names, *(f"{above}/{below}" for above, below in pairs))
    for cell in some:
        costs = (f"{contest.cost(cell.name, name):.3f}" for name in names)
        ratios = (f"{contest.ratio(cell.name, *pair):.2f}" for pair in pairs)
        _row(cell.name, f"{sizes[cell.name] / 1000:,.1f}", *costs, *ratios)


def _print_cold(contest: Contest, some: Sequence[Cell]) -> None:
    turns = [(name, kind) for name in (OURS, STOCK) for kind in (LITERAL, TEXT)]
    print("\nAbove warm, when each query has a new literal, or is a new text; CPU ms\n")
    _row("", *(f"{name} {kind}" for name, kind in turns))
    for cell in some:
        extras = [contest.extra(cell.name, *turn) for turn in turns]
        if any(extra is not None for extra in extras):
            _row(cell.name, *("" if extra is None else f"{extra:.2f}" for extra in extras))


def _row(name: str, *values: str) -> None:
    print(f"{name:<32}", *(f"{value:>13}" for value in values))


def _print_waits(url: str, cell: Cell) -> None:
    found = waits(url, cell, answers=20)
    print(f"\n{{__typename}} every 5 ms meanwhile: {cell.name}, 20 times; ms until its answer\n")
    _row("", "median", "p95", "max", "longest, med.")
    each = (found.median, found.p95, found.max, found.worst)
    _row("ours", *(f"{value:.1f}" for value in each))


def _print_memory(url: str) -> None:
    print(f"\nMemory, {heavy_cell().name}; MB, and peaks in answers\n")
    _row("", "answer", "before", "peak", "", "without files", "")
    for name in (OURS, FLOOR):
        found = memory_of(name, url)
        peaks = [
            text
            for peak in (found.peak, found.own)
            for text in (f"{peak / 1e6:.0f}", f"{peak / found.answer:.2f}")
        ]
        _row(name, f"{found.answer / 1e6:.0f}", f"{found.before / 1e6:.0f}", *peaks)


if __name__ == "__main__":
    main()
