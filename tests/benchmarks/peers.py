"""What we run against, served as `rungraph serve` is.

`python -m tests.benchmarks.peers stock|floor --port 0 --db URL`.
"""

import argparse
import gc
from contextlib import closing
from importlib import import_module

from graph.server import address, listen, run


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
        gc.freeze()  # as a careful server does: what is loaded is left to no collector
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


if __name__ == "__main__":
    main()
