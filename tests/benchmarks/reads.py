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
    given = _parser().parse_args(arguments)
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
        if not given.only and not given.warm:
            _print_waits(servers[OURS].url, next(c for c in cells() if c.path == "/big"))
    if not given.only and not given.warm:
        _print_memory(database.heavy())
    return contest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What answers cost, side by side.")
    parser.add_argument("--on", action="append", choices=KINDS, help="only this database")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", help="only this, by the floor's path: one, list, tree, ...")
    parser.add_argument("--without", action="append", default=[], choices=(FLOOR, STOCK))
    parser.add_argument("--warm", action="store_true", help="neither cold texts nor tails")
    parser.add_argument("--size", choices=data.SIZES, default="10k", help="runs of the project")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where databases are kept")
    return parser


def _print(title: str, contest: Contest, some: Sequence[Cell], sizes: dict[str, int]) -> None:
    print(f"\n{title}. CPU ms of the server's process for a request, medians")
    names = list(contest.servers)
    heads = ("ours/floor", "stock/ours", "+literal", "+text")
    print(f"{'':<32}{'KB':>8}", *(f"{name:>9}" for name in names), end="")
    print(*(f"{head:>11}" for head in heads))
    for cell in some:
        name = cell.name
        row = [f"{contest.cost(name, each):>9.3f}" for each in names]
        row += [_ratio(contest, name, OURS, FLOOR, 2), _ratio(contest, name, STOCK, OURS, 1)]
        row += [_extra(contest, name, kind) for kind in (LITERAL, TEXT)]
        print(f"{name:<32}{sizes[name] / 1000:>8,.1f}", *row)


def _ratio(contest: Contest, cell: str, above: str, below: str, places: int) -> str:
    if above not in contest.servers or below not in contest.servers:
        return f"{'':>11}"
    return f"{contest.ratio(cell, above, below):>11.{places}f}"


def _extra(contest: Contest, cell: str, kind: str) -> str:
    if (cell, OURS, kind) not in contest.costs:
        return f"{'':>11}"
    return f"{contest.extra(cell, OURS, kind):>11.2f}"


def _print_waits(url: str, cell: Cell) -> None:
    found = waits(url, cell, answers=20)
    print(f"\n{{__typename}} every 5 ms meanwhile: {cell.name}, 20 times. ms until its answer:")
    print(f"median {found.median:.1f}  p95 {found.p95:.1f}  max {found.max:.1f}", end="")
    print(f"  longest within one answer, median {found.worst:.1f}")


def _print_memory(url: str) -> None:
    print(f"\nPeak memory, {heavy_cell().name}")
    for name in (OURS, FLOOR):
        found = memory_of(name, url)
        print(
            f"{name:<8}answer {found.answer / 1e6:.0f} MB, before {found.before / 1e6:.0f} MB,"
            f" peak {found.peak / 1e6:.0f} MB = {found.peak / found.answer:.2f} answers; without the"
            f" mapped file {found.own / 1e6:.0f} MB = {found.own / found.answer:.2f} answers"
        )


if __name__ == "__main__":
    main()
