"""Histograms of durations, sparse and packed: percentiles right within 1 % and 0.01 ms.

Cell n counts the milliseconds m with BASE^n <= m + 1 < BASE^(n + 1). Histograms of parts add up
to that of the whole.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping

BASE = 1.02
_CELL = struct.Struct("<HI")


def pack(cells: Mapping[int, int]) -> bytes:
    """Return cells and their counts as bytes: of each a 16-bit and a 32-bit number."""
    return b"".join([_CELL.pack(cell, cells[cell]) for cell in sorted(cells)])


def add(into: Counter[int], packed: bytes) -> None:
    """Add a packed histogram to another, in place."""
    for cell, count in _CELL.iter_unpack(packed):
        into[cell] += count


def percentiles(
    cells: Mapping[int, int], percents: Iterable[int], least: float, greatest: float
) -> list[float]:
    """Return, in seconds, the percentiles by nearest rank, between the known extremes."""
    order = sorted(cells)
    total = sum(cells.values())
    found: list[float] = []
    for percent in percents:
        rank = -(-total * percent // 100)
        for cell in order:
            rank -= cells[cell]
            if rank <= 0:
                break
        else:
            cell = order[-1]
        found.append(min(max(_middle(cell), least), greatest))
    return found


def _middle(cell: int) -> float:
    return (BASE ** (cell + 0.5) - 1) / 1000
