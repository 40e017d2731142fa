"""What we run against, served by uvicorn as it comes, with uvloop and httptools.

`python -m tests.benchmarks.peers stock|floor --port 0 --db URL`.
"""

import argparse
import asyncio
import gc
from contextlib import closing
from importlib import import_module

import uvicorn
import uvloop

from graph import memory
from graph.server import address, listen


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
        memory.keep()
    config = uvicorn.Config(app, http="httptools", log_config=None, access_log=False)
    with closing(listen("127.0.0.1", given.port)) as listener:
        print(f"{given.peer}: {address(listener)}", flush=True)  # the socket takes who comes by now
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main()
