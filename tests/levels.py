"""The same store behind servers whose compiled execution is switched to different levels."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from db.reach import Reach
from db.store import Store
from db.within import within
from graph.attachment_urls import AttachmentUrls
from graph.http import Endpoint
from graph.setting_kinds import Engine
from graph.settings import Settings

_MASKED = re.compile(r"internal error [0-9a-f]{32}")
_ID = re.compile(r', "id": "[0-9a-f]{32}"')
_DECODER = json.JSONDecoder()


class Answer(NamedTuple):
    """What came back: `data` as the text it is, errors without the ids that are made for them."""

    status: int
    data: str | None
    errors: tuple[str, ...]
    path: str
    statements: list[str]

    @property
    def decoded(self) -> Any:
        """The data."""
        return json.loads(self.data or "null")


def read(response: httpx.Response) -> Answer:
    """Take an answer apart."""
    status, text = response.status_code, response.text
    if not text.startswith(('{"data":', '{"errors":')):
        return Answer(status, text, (), "none", [])
    whole = json.loads(text)
    if "data" not in whole:
        text, end = '{"data":null', 12  # it was not executed
    else:
        _, end = _DECODER.raw_decode(text, 8)
    errors = [_MASKED.sub("internal error", json.dumps(e)) for e in whole.get("errors", ())]
    told = tuple(sorted(_ID.sub("", each) for each in errors))
    debug = whole.get("extensions", {}).get("rungraph", {"path": "none", "statements": []})
    return Answer(status, text[8:end], told, debug["path"], debug["statements"])


class Levels:
    """Servers over one store, by the level of compiled execution; `reach`: what they may see."""

    def __init__(self, store: Store, reach: Reach | None = None) -> None:
        self.store = store
        seen = store if reach is None else within(store, reach)
        urls = AttachmentUrls(b"secret", lambda: 0.0)

        def client(engine: Engine) -> httpx.AsyncClient:
            settings = Settings(debug=True, engine=engine, host_url="https://runs.example")
            transport = httpx.ASGITransport(Endpoint(settings, seen, urls))
            return httpx.AsyncClient(transport=transport, base_url="http://here")

        self._clients = {engine: client(engine) for engine in Engine}

    async def answer(
        self,
        engine: Engine,
        query: str,
        variables: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Answer:
        """Send a query to the server of a level."""
        sent = {"query": query, "variables": variables or {}, **others}
        return read(await self._clients[engine].post("/graphql", json=sent))

    async def get(self, engine: Engine, **sent: str) -> Answer:
        """Send a query in the address."""
        return read(await self._clients[engine].get("/graphql", params=sent))

    async def close(self) -> None:
        """Give everything up that the event loop holds."""
        for client in self._clients.values():
            await client.aclose()
        await self.store._readers.aclose()
