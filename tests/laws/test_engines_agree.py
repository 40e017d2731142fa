"""The law of the engine: whatever is asked, it answers as graphql-core does.

The questions are made from the schema, the rows are good, odd and broken. Compared are the text of
`data`, key for key, and the errors with their paths and codes.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import httpx
import pytest

from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.http import Endpoint
from graph.schema import schema
from graph.settings import Engine, Settings
from tests.conftest import run_id
from tests.laws.asking import Asked, Pools, questions
from tests.laws.hostile import BROKEN, UNICODE, break_, fill

SHARE = 0.8
"""How many of the valid questions the engine has to answer itself."""

LEVELS = (Engine.EXECUTOR, Engine.OPERATION, Engine.HTTP)

_MASKED = re.compile(r"internal error [0-9a-f]{32}")
_DECODER = json.JSONDecoder()


class Answer(NamedTuple):
    """What came back."""

    status: int
    data: str | None
    errors: tuple[str, ...]
    path: str
    statements: list[str]


def read(response: httpx.Response) -> Answer:
    """Take an answer apart; `data` stays the text it is."""
    text = response.text
    if not text.startswith('{"data":'):
        return Answer(response.status_code, text, (), "none", [])
    _, end = _DECODER.raw_decode(text, 8)
    whole = json.loads(text)
    errors = [_MASKED.sub("internal error", json.dumps(e)) for e in whole.get("errors", ())]
    errors = sorted(re.sub(r'"id": "[0-9a-f]{32}"', "", each) for each in errors)
    debug = whole["extensions"]["rungraph"]
    return Answer(response.status_code, text[8:end], tuple(errors), debug["path"], debug["statements"])


@dataclass
class Servers:
    """The same store behind engines switched to different levels."""

    store: Store
    paths: dict[Engine, Counter[str]] = field(
        default_factory=lambda: {level: Counter() for level in LEVELS}
    )
    dear: list[tuple[Engine, int, int, Asked]] = field(default_factory=list)

    def __post_init__(self) -> None:
        urls = AttachmentUrls(b"secret", lambda: 0.0)
        self.clients = {
            engine: httpx.AsyncClient(
                transport=httpx.ASGITransport(
                    Endpoint(
                        Settings(debug=True, engine=engine, host_url="https://runs.example"),
                        self.store,
                        urls,
                    )
                ),
                base_url="http://here",
            )
            for engine in Engine
        }

    async def answer(self, engine: bool, asked: Asked) -> Answer:
        sent = {"query": asked.query, "variables": asked.variables}
        return read(await self.clients[engine].post("/graphql", json=sent))

    async def compare(self, asked: Asked) -> None:
        """Ask all levels the same; what they say has to be what graphql-core says alone."""
        off = await self.answer(Engine.OFF, asked)
        assert off.path in {"graphql-core", "none"}
        valid = off.path != "none" and off.data != "null" and not off.errors
        for engine in LEVELS:
            on = await self.answer(engine, asked)
            told = f"{engine}\n{asked.query}\n{json.dumps(asked.variables)}"
            assert on.status == off.status, told
            assert on.data == off.data, told
            assert on.errors == off.errors, told
            self.paths[engine][on.path] += valid
            if valid and len(on.statements) > len(off.statements) + 1:
                self.dear.append((engine, len(on.statements), len(off.statements), asked))


CURSORS = """{
  runs(first: 6) { edges { cursor node { id descendants(first: 2) { edges { cursor } } feedback { edges { cursor } } } } }
  projects { edges { cursor node { runs(first: 3) { edges { cursor } } } } }
}"""


async def pools(servers: Servers) -> Pools:
    """Values that mean something to the rows of a store."""
    sent = {"query": CURSORS, "variables": {}}
    found = (await servers.clients[Engine.OFF].post("/graphql", json=sent)).text
    ids = "{ runs(first: 200) { nodes { id name feedback { nodes { id } } } } projects { nodes { id } } }"
    sent = {"query": ids, "variables": {}}
    nodes = json.loads((await servers.clients[Engine.OFF].post("/graphql", json=sent)).text)["data"]
    runs = [each["id"] for each in nodes["runs"]["nodes"]]
    judged = [f["id"] for each in nodes["runs"]["nodes"] for f in each["feedback"]["nodes"]]
    projects = [each["id"] for each in nodes["projects"]["nodes"]]
    names = [each["name"] for each in nodes["runs"]["nodes"]]
    return Pools(
        ids=[*runs, *runs, *runs, *judged[:20], *projects * 5, run_id("missing"), run_id("nobody")],
        texts=["odd", "p", "t", "%.0%", "llm", "right", "why", "", UNICODE, *names],
        cursors=re.findall(r'"cursor":"([^"]+)"', found),
        moments=["2026-01-01T12:00:00Z", "2026-01-01T12:00:10.5+00:00", "2030-01-01T00:00:00"],
    )


async def agree(store: Store, seed: int, number: int, spoil: Callable[[], None] | None = None) -> Servers:
    """Ask random questions of all engines, perhaps after rows were spoiled."""
    servers = Servers(store)
    known = await pools(servers)
    if spoil:
        spoil()
        known = replace(known, ids=[*known.ids, *map(run_id, BROKEN)])
    ask = questions(schema._schema, known, seed)
    for _ in range(number):
        await servers.compare(ask())
    return servers


@pytest.fixture
def odd(store: Store, add: Any, judge: Any, attach: Any) -> Store:
    """Rows that are odd, all of which can be answered."""
    fill(store, add, judge, attach)
    return store


def test_x(odd: Store):
    servers = asyncio.run(agree(odd, 1, 150))
    print(servers.paths)
