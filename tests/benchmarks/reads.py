"""What answers cost: this server, a tuned plain Strawberry, and the least a server could do.

`python -m tests.benchmarks.reads [--on sqlite] [--rounds 15] [--only tree] [--size 10k]`. All three
run in processes of their own and answer the same queries over the same database over HTTP.
See docs/benchmarks.md for what is compared and how the numbers read.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

from tests.benchmarks import data
from tests.benchmarks.cells import Cell, cells, heavy_cell
from tests.benchmarks.contest import (
    FLOOR,
    LITERAL,
    OURS,
    STOCK,
    TEXT,
    WARM,
    Contest,
    check,
    started,
)
from tests.benchmarks.databases import KINDS, Database, complete
from tests.benchmarks.tails import memory_of, waits

FOLDER = Path(gettempdir()) / "rungraph-benchmarks"
_FEWEST_ROUNDS = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print what was asked for."""
    given = parsed(arguments)
    for kind in given.on or KINDS:
        with KINDS[kind](given.folder) as database:
            measure(database, given)


def measure(database: Database, given: argparse.Namespace) -> list[Contest]:
    """Measure on one database, print the tables, return the costs."""
    names = [name for name in (OURS, FLOOR, STOCK) if name not in given.without]
    some = [cell for cell in cells() if not given.only or given.only == cell.path[1:]]
    url = database.runs(given.size)
    asyncio.run(complete(url))  # else a server would do it meanwhile
    contests: list[Contest] = []
    for cell in some:
        with started(names, url) as servers:  # new ones: what one cell leaves behind is its own
            contests.append(Contest(cell, servers, check(servers, cell)))
            for _ in range(given.rounds):
                contests[-1].round(cold=not given.warm)
    _print(f"{database.name}, {given.rounds} rounds", contests)
    if not given.warm:
        _print_cold(contests)
    if not given.warm and not given.only:
        _print_waits(url, next(cell for cell in some if cell.path == "/big"))
        _print_memory(database.heavy())
    return contests


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < _FEWEST_ROUNDS:
        raise argparse.ArgumentTypeError(f"{rounds} given; at least {_FEWEST_ROUNDS}")
    return rounds


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what a command line asks for."""
    parser = argparse.ArgumentParser(description="What answers cost, side by side.")
    parser.add_argument("--on", action="append", choices=KINDS, help="only this database")
    parser.add_argument("--rounds", type=_rounds, default=15)
    parser.add_argument("--only", help="only this, by the floor's path: one, list, tree, ...")
    parser.add_argument("--without", action="append", default=[], choices=(FLOOR, STOCK))
    parser.add_argument("--warm", action="store_true", help="neither cold texts nor tails")
    parser.add_argument("--size", choices=data.SIZES, default="10k", help="runs of the project")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where databases are kept")
    return parser.parse_args(arguments)


def _print(title: str, contests: Sequence[Contest]) -> None:
    names = list(contests[0].servers)
    pairs = [(a, b) for a, b in ((OURS, FLOOR), (STOCK, OURS)) if {a, b} <= set(names)]
    print(f"\n{title}. CPU ms of the server's process for a request, medians\n")
    heads = [head for above, below in pairs for head in (f"{above}/{below}", "middle half")]
    _row("", "KB", *names, *heads)
    for each in contests:
        costs = (_number(each.cost(name)) for name in names)
        ratios: list[str] = []
        for pair in pairs:
            low, high = each.spread(*pair)
            ratios += [f"{each.ratio(*pair):.2f}", f"{low:.2f}-{high:.2f}"]
        _row(each.cell.name, f"{each.size / 1000:,.1f}", *costs, *ratios)


def _print_cold(contests: Sequence[Contest]) -> None:
    print("\nThe same when each query has a new literal, or is a new text; CPU ms, medians\n")
    turns = [(name, kind) for name in (OURS, STOCK) for kind in (WARM, LITERAL, TEXT)]
    _row("", *(f"{name} {kind}" for name, kind in turns), "literal-warm")
    for each in contests:
        extra = each.extra(OURS, LITERAL)
        if extra is not None:
            _row(each.cell.name, *(_number(each.cost(*turn)) for turn in turns), _number(extra))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"


def _row(name: str, *values: str) -> None:
    print(f"{name:<32}", *(f"{value:>13}" for value in values))


def _print_waits(url: str, cell: Cell) -> None:
    print(f"\n{{__typename}} every 5 ms, while the {cell.name} is answered; ms until its answer\n")
    _row("", "median", "p95", "max", "longest, med.")
    with started([OURS], url) as servers:
        for name, answers in (("nothing else", 0), ("20 answers", 20)):
            found = waits(servers[OURS].url, cell, answers=answers)
            each = (found.median, found.p95, found.max, found.longest)
            _row(name, *(f"{value:.1f}" for value in each))


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
