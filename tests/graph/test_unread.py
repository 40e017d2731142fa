"""Answers that nobody reads take no more memory than is set, and what is refused leaves none."""

import asyncio
import gc
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from graphql.language import Token

from db.bulky import MUCH, Bulky
from db.errors import BusyError
from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.http import Endpoint
from graph.settings import Settings
from graph.unread import LEAST, Unread

PAYLOADS = b'{"query": "{ runs { nodes { inputs } } }"}'
HEADERS = [(b"content-type", b"application/json")]


@dataclass
class Client:
    """Somebody who asks, and takes the answer only once `reads` is set."""

    reads: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, endpoint: Endpoint) -> None:
        waiting = [{"type": "http.request", "body": PAYLOADS}]

        async def receive() -> Any:
            return waiting.pop() if waiting else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            self.sent.append(message)
            self.begun.set()
            if message["type"] == "http.response.body" and message.get("more_body"):
                await self.reads.wait()

        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
        await endpoint({**scope, "headers": HEADERS}, receive, send)

    @property
    def body(self) -> Any:
        return json.loads(b"".join(message["body"] for message in self.sent[1:]))


@pytest.fixture
def urls() -> AttachmentUrls:
    return AttachmentUrls(b"secret")


@pytest.fixture
def endpoint(
    store: Store, settings: Settings, urls: AttachmentUrls, add: Callable[..., Any]
) -> Endpoint:
    """A server with answers of half a MiB, of which one and a half may wait to be read."""
    for at in range(4):
        add(f"large {at}", inputs={"text": "x" * 150_000})
    return Endpoint(replace(settings, answer_queue_bytes=900_000), store, urls)


def test_who_reads_nothing_keeps_others_from_large_answers_only(endpoint: Endpoint, store: Store):
    async def scenario() -> None:
        lazy, refused, later = Client(), Client(), Client()
        first = asyncio.create_task(lazy.ask(endpoint))
        await lazy.begun.wait()
        await refused.ask(endpoint)

        assert refused.sent[0]["status"] == 503
        assert (b"retry-after", b"1") in refused.sent[0]["headers"]
        (error,) = refused.body["errors"]
        assert error["extensions"]["code"] == "BUSY"
        assert "at most 900000 (setting RUNGRAPH_ANSWER_QUEUE_BYTES)" in error["message"]

        lazy.reads.set()
        later.reads.set()
        await first
        await later.ask(endpoint)
        assert lazy.sent[0]["status"] == later.sent[0]["status"] == 200
        assert len(later.body["data"]["runs"]["nodes"]) == 4
        await store._readers.aclose()

    asyncio.run(scenario())


def test_the_length_of_a_text_that_is_sent_in_pieces_is_told(endpoint: Endpoint, store: Store):
    async def scenario() -> None:
        client = Client()
        client.reads.set()
        await client.ask(endpoint)
        length = sum(len(message["body"]) for message in client.sent[1:])
        assert (b"content-length", b"%d" % length) in client.sent[0]["headers"]
        assert client.sent[-1]["body"] == b""  # it is over once the rest is taken
        await store._readers.aclose()

    asyncio.run(scenario())


def test_one_answer_alone_may_be_of_any_size_and_small_ones_do_not_count():
    unread = Unread(LEAST)
    with unread.held(100 * LEAST), unread.held(LEAST - 1):
        assert unread.bytes == 100 * LEAST
        with pytest.raises(BusyError), unread.held(LEAST):
            pass
    assert unread.bytes == 0


def test_what_brings_much_is_remembered_until_it_does_not():
    bulky = Bulky()
    bulky.note("much", [(b"x" * MUCH,)] * 100)
    bulky.note("little", [(b"x",)] * 100)
    assert bulky.known == {"much"}
    bulky.note("much", [])
    assert not bulky.known


def tokens() -> int:
    """The words of GraphQL texts that are still in memory."""
    return sum(type(each) is Token for each in gc.get_objects())


def test_texts_that_are_refused_leave_no_garbage(answer: Callable[..., Any]):
    fields = " ".join(f"f{at}: nothing" for at in range(300))
    answer(f"query First {{ {fields} }}")
    gc.collect()
    before = tokens()
    gc.disable()
    try:
        for at in range(20):
            answer(f"query Q{at} {{ {fields} }}")
        left = tokens() - before
    finally:
        gc.enable()
    assert left < 20 * 3 * 300 / 2
