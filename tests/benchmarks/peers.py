"""What we run against, served as `rungraph serve` is.

`python -m tests.benchmarks.peers stock|floor --port 0 --db URL`.
"""

import argparse
import ctypes
import gc
from contextlib import closing
from importlib import import_module

from graph.server import address, listen, run

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=("stock", "floor"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", required=True)
    given = parser.parse_args()
    module = import_module(f"tests.benchmarks.{given.peer}")
    app = module.create_app(given.db)
    if given.peer == "floor":
        _settle()
    with closing(listen("127.0.0.1", given.port)) as listener:
        run(
            app,
            listener,
            up=lambda: print(f"{given.peer}: {address(listener)}", flush=True),
            stopping=lambda: None,
            stop_seconds=10,
            header_seconds=10,
            message_bytes=1,
            ping_seconds=60,
        )


def _settle() -> None:
    """Do what a careful server does once: leave what is loaded to no collector, keep buffers.

    Else malloc may give an answer's buffer back to the system each time, and take it again page by
    page; see mallopt(3).
    """
    gc.freeze()
    libc = ctypes.CDLL(None)
    libc.mallopt(_TRIM_THRESHOLD, 256 * 1024 * 1024)
    libc.mallopt(_MMAP_THRESHOLD, 32 * 1024 * 1024)


if __name__ == "__main__":
    main()
