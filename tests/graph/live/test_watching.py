"""Who watches costs others nothing, and a slow reader holds up nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import orjson
import pytest

import graph.watching
from db.arrivals import Batch
from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.limits.bounds import Limits
from graph.live import EndedError, Watcher
from graph.settings import Settings
from graph.watching import Operations
from tests.conftest import run_id
from tests.graph.live.conftest import arriving

EVERYTHING = "subscription { runChanges { kind run { name } } }"
OF_TRACE = "subscription ($t: ID!) { runChanges(where: {traceId: {eq: $t}}) { run { name } } }"


class Watch:
    """Operations without a server around them."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        urls = AttachmentUrls(b"0123456789abcdef")
        self.operations = Operations(settings, store, urls, Limits.of(settings))
        self.stack = AsyncExitStack()

    async def watch(self, query: str, **variables: Any) -> Watcher:
        begun = await self.operations.begin(query, variables, None)
        assert not isinstance(begun, str)
        return await self.stack.enter_async_context(begun)

    async def send(self, *names: str) -> None:
        for name in names:
            await self.store.ingest(Batch(runs=[arriving(name)]))


@pytest.fixture
def during(store: Store, settings: Settings) -> Callable[..., Any]:
    """Run something while news are heard."""

    def during(scene: Callable[[Watch], Awaitable[Any]], **changes: Any) -> Any:
        async def whole() -> Any:
            await store.news.open()
            watch = Watch(store, replace(settings, **changes))
            try:
                async with watch.stack:
                    return await asyncio.wait_for(scene(watch), 60)
            finally:
                await store.news.aclose()
                await store._readers.aclose()

        return asyncio.run(whole())

    return during


async def events(watcher: Watcher, last: str) -> list[dict[str, Any]]:
    """Return the events up to the run of a name."""
    found: list[dict[str, Any]] = []
    while not found or (found[-1]["run"] or {}).get("name") != last:
        found += [orjson.loads(text)["data"]["runChanges"] for text in await watcher.next()]
    return found


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the runs that were shown, for each time that a selection was executed."""
    times: list[list[str]] = []
    show = graph.watching.Selection.show

    async def noted(self: Any, context: Any, changes: Any) -> list[str]:
        times.append([each.run_id for each in changes])
        return await show(self, context, changes)

    monkeypatch.setattr(graph.watching.Selection, "show", noted)
    return times


def test_equal_subscriptions_share_the_work_and_the_bytes(during, shown):
    async def scene(watch: Watch) -> Any:
        watchers = [await watch.watch(EVERYTHING) for _ in range(50)]
        await watch.send("a")
        return [(await each.next())[0] for each in watchers]

    texts = during(scene)

    assert len(shown) == 1
    assert all(text is texts[0] for text in texts)


def test_a_run_is_work_for_those_only_who_watch_its_trace(during, shown):
    async def scene(watch: Watch) -> Any:
        watchers = [await watch.watch(OF_TRACE, t=run_id(str(number))) for number in range(300)]
        await watch.send("7", "nobody's")
        seventh, *_ = await watchers[7].next()
        await watch.send("250")  # then, as two who watch are told side by side, in any order
        return seventh, (await watchers[250].next())[0]

    texts = during(scene)

    assert [orjson.loads(text)["data"]["runChanges"]["run"]["name"] for text in texts] == [
        "7",
        "250",
    ]
    assert shown == [[run_id("7")], [run_id("250")]]


def test_a_slow_reader_is_told_to_reload_and_others_hear_everything(during):
    names = [f"run {number}" for number in range(30)]

    async def scene(watch: Watch) -> Any:
        slow, quick = await watch.watch(EVERYTHING), await watch.watch(EVERYTHING)
        heard: list[dict[str, Any]] = []
        for name in names:
            await watch.send(name)
            heard += await events(quick, name)
        return heard, await events(slow, names[-1])

    quick, slow = during(scene, subscription_queue=8)

    assert [each["run"]["name"] for each in quick] == names
    kinds = [each["kind"] for each in slow]
    assert kinds[0] == "RELOAD"
    assert kinds.count("RELOAD") == 1
    assert len(slow) <= 9
    after = [each["run"]["name"] for each in slow[1:]]
    assert after == names[len(names) - len(after) :]


def test_very_long_events_fill_a_queue_as_many_do(during, monkeypatch):
    monkeypatch.setattr("graph.live.MOST_BYTES", 200)

    async def scene(watch: Watch) -> Any:
        slow, quick = await watch.watch(EVERYTHING), await watch.watch(EVERYTHING)
        for name in ("a" * 150, "b" * 150, "c" * 150, "d"):
            await watch.send(name)
            await events(quick, name)
        return await events(slow, "d")

    assert [each["kind"] for each in during(scene)] == ["RELOAD", "FINISHED"]


def test_an_event_longer_than_the_queue_is_told_to_who_waits_for_it(during, monkeypatch):
    monkeypatch.setattr("graph.live.MOST_BYTES", 200)

    async def scene(watch: Watch) -> Any:
        watcher = await watch.watch(EVERYTHING)
        await watch.send("a" * 500)
        return await events(watcher, "a" * 500)

    assert [each["kind"] for each in during(scene)] == ["FINISHED"]


def test_those_who_watch_are_told_of_what_was_missed(during):
    async def scene(watch: Watch) -> Any:
        watcher = await watch.watch(EVERYTHING)
        watch.store.news.history.miss()
        await watch.send("a")
        return await events(watcher, "a")

    assert [each["kind"] for each in during(scene)] == ["RELOAD", "FINISHED"]


def test_all_end_when_the_server_does(during):
    async def scene(watch: Watch) -> Any:
        watcher = await watch.watch(EVERYTHING)
        waiting = asyncio.create_task(watcher.next())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        watch.operations.live.close()
        with pytest.raises(EndedError):
            await waiting

    during(scene)
