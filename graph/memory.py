"""What the C library keeps of memory that was freed: some, for the next large answer, not all.

Were nothing kept, each large answer would fetch its pages from the system anew, which costs as much
as to write it. Were all kept, a burst of large requests would be remembered for ever.
"""

import ctypes
from typing import Any, ClassVar

MOST_IDLE = 32 * 2**20
"""Bytes that may lie idle."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_KEPT = 256 * 2**20


class _Found(ctypes.Structure):
    """`struct mallinfo2` of malloc.h; `fordblks` are the bytes that lie idle."""

    _fields_: ClassVar[Any] = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks"),
            *("uordblks", "fordblks", "keepcost"),
        )
    ]


def keep() -> None:
    """Have what is freed kept, and what one thread has freed taken by others."""
    mallopt = _of_library("mallopt")
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, MOST_IDLE)
        mallopt(_M_ARENA_MAX, 2)


def give_back() -> bool:
    """Give back what lies idle if that is much, which takes a few milliseconds; say whether so."""
    found, trim = _of_library("mallinfo2"), _of_library("malloc_trim")
    if found is None or trim is None:
        return False
    found.restype = _Found
    return found().fordblks > MOST_IDLE and bool(trim(0))


def _of_library(name: str) -> Any:
    """Return a function of the C library; None where it has none, as other than glibc."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
