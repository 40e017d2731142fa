"""A server in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

RUNGRAPH = (sys.executable, "-m", "graph")
HOME = Path(__file__).parents[1]


@dataclass(frozen=True)
class Server:
    """A server that is up."""

    url: str
    process: "subprocess.Popen[str]"

    def ask(self, query: str, **variables: object) -> dict:
        """Send a query; return its data, or fail with its errors."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=30).json()
        assert "errors" not in answer, answer
        return answer["data"]


def environ(**settings: str) -> dict[str, str]:
    """The environment of a fresh shell, without settings but these."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("RUNGRAPH_")}
    return {**ours, **settings}


@contextmanager
def serving(
    command: str,
    db: str | None,
    *,
    program: Sequence[str] = RUNGRAPH,
    cwd: Path = HOME,
    settings: Mapping[str, str] | None = None,
) -> Generator[Server]:
    """Start `rungraph serve` or `demo` on a free port; end it afterwards."""
    flags = ["--port", "0", *(["--db", db] if db else [])]
    process = subprocess.Popen(
        [*program, command, *flags],
        cwd=cwd,
        env=environ(**(settings or {})),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, f"instead of an address it printed {line!r}"
        yield Server(found[0], process)
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
