"""What answers cost: this server, a tuned plain Strawberry, and the least a server could do.

`python -m tests.benchmarks.reads [--rounds 9] [--only tree] [--folder DIR] [--size 10k]`. All
three run in processes of their own and answer the same queries over the same database over HTTP.
See docs/benchmarks.md for what is compared and how the numbers read.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

from tests.benchmarks import data
from tests.benchmarks.cells import Cell, cells, heavy_cell
from tests.benchmarks.contest import FLOOR, LITERAL, OURS, STOCK, TEXT, Contest, check, started
from tests.benchmarks.tails import memory_of, waits

FOLDER = Path(gettempdir()) / "rungraph-benchmarks"


def main(arguments: Sequence[str] | None = None) -> Contest:
    """Measure and print what was asked for; return the costs."""
    given = _parser().parse_args(arguments)
    names = [name for name in (OURS, FLOOR, STOCK) if name not in given.without]
    some = [cell for cell in cells() if not given.only or given.only in cell.path]
    db = f"sqlite:///{data.runs_database(given.folder, given.size)}"
    with started(names, db) as servers:
        sizes = {cell.name: check(servers, cell) for cell in some}
        contest = Contest(servers)
        for _ in range(given.rounds):
            contest.round(some, cold=not given.warm)
        _print(contest, some, sizes, given.rounds)
        if not given.only and not given.warm:
            _print_waits(servers[OURS].url, next(c for c in cells() if c.path == "/big"))
    if not given.only and not given.warm:
        _print_memory(data.heavy_database(given.folder))
    return contest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What answers cost, side by side.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", help="only this, by the floor's path: one, list, tree, ...")
    parser.add_argument("--without", action="append", default=[], choices=(FLOOR, STOCK))
    parser.add_argument("--warm", action="store_true", help="neither cold texts nor tails")
    parser.add_argument("--size", choices=data.SIZES, default="10k", help="runs of the project")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where databases are kept")
    return parser


def _print(contest: Contest, some: Sequence[Cell], sizes: dict[str, int], rounds: int) -> None:
    print(f"\nSQLite. CPU ms per request, medians of {rounds} interleaved rounds")
    names = list(contest.servers)
    print(f"{'':<32}{'KB':>7}", *(f"{name:>9}" for name in names), end="")
    print(*(f"{head:>12}" for head in ("ours/floor", "stock/ours", "+literal", "+text")))
    for cell in some:
        name = cell.name
        print(f"{name:<32}{sizes[name] / 1000:>7.1f}", end=" ")
        print(*(f"{contest.cost(name, each):>9.3f}" for each in names), end="")
        above = contest.ratio(name, OURS, FLOOR) if FLOOR in names else 0
        below = contest.ratio(name, STOCK, OURS) if STOCK in names else 0
        print(f"{above:>12.2f} {below:>12.1f}", end=" ")
        if (name, OURS, TEXT) in contest.costs:
            print(*(f"{contest.extra(name, OURS, kind):>12.3f}" for kind in (LITERAL, TEXT)))
        else:
            print()


def _print_waits(url: str, cell: Cell) -> None:
    found = waits(url, cell, answers=20)
    print(f"\n{{__typename}} every 5 ms meanwhile: {cell.name}, 20 times. ms until its answer:")
    print(f"median {found.median:.1f}  p95 {found.p95:.1f}  max {found.max:.1f}", end="")
    print(f"  longest within one answer, median {found.worst:.1f}")


def _print_memory(path: Path) -> None:
    print(f"\nPeak memory, {heavy_cell().name}")
    for name in (OURS, FLOOR):
        found = memory_of(name, path)
        print(
            f"{name:<8}answer {found.answer / 1e6:.0f} MB, before {found.before / 1e6:.0f} MB,"
            f" peak {found.peak / 1e6:.0f} MB = {found.peak / found.answer:.2f} answers; without the"
            f" mapped file {found.own / 1e6:.0f} MB = {found.own / found.answer:.2f} answers"
        )


if __name__ == "__main__":
    main()
