"""Numbers of several server processes, told by whichever of them is asked.

Each leaves its own in a folder that all of them know, a few times in a minute and whenever it is
asked; so those of the others are a little old, and each has a label that says whose it is.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

SECONDS = 2.0
"""How old the numbers of others may be."""

_FAMILY = "# HELP "
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


class Shared:
    """The folder, and which of the workers this is."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker

    def put(self, text: str) -> None:
        """Leave the numbers of this process, whole or not at all."""
        part = self._folder / f"{self._worker}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self._folder / f"{self._worker}.txt")

    def text(self, own: str) -> str:
        """Return the numbers of all processes."""
        self.put(own)
        files = sorted(self._folder.glob("*.txt"), key=lambda path: int(path.stem))
        return merged({path.stem: path.read_text(encoding="utf-8") for path in files})

    @asynccontextmanager
    async def kept(self, text: Callable[[], str]) -> AsyncGenerator[None]:
        """Leave numbers again and again while the context is open."""

        async def keep() -> None:
            while True:
                self.put(text())
                await asyncio.sleep(SECONDS)

        task = asyncio.create_task(keep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def merged(texts: Mapping[str, str]) -> str:
    """Return the numbers of several workers as one text, each with a label `worker`."""
    headers: dict[str, str] = {}
    samples: dict[str, list[str]] = {}
    for worker, text in texts.items():
        for name, header, lines in _families(text):
            headers.setdefault(name, header)
            samples.setdefault(name, []).extend(_labelled(lines, worker))
    return "".join(
        f"{headers[name]}\n" + "".join(f"{line}\n" for line in lines)
        for name, lines in samples.items()
    )


def _families(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each metric: its name, what is said of it, and its lines."""
    for part in text.split(_FAMILY)[1:]:
        about, kind, *lines = part.splitlines()
        yield about.partition(" ")[0], f"{_FAMILY}{about}\n{kind}", lines


def _labelled(lines: Iterable[str], worker: str) -> Iterator[str]:
    for line in lines:
        if found := _SAMPLE.match(line):
            name, labels, value = found.groups()
            more = f"{labels}," if labels else ""
            yield f'{name}{{{more}worker="{worker}"}} {value}'
