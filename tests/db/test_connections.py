"""Connections are lent to one at a time, in turn, and never more than a number of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from db.connections import Connections


class Fake:
    """A connection that knows whether it is closed."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - as asyncpg has it
        self.closed = timeout > 0


class Server:
    """Gives connections, and counts them."""

    def __init__(self) -> None:
        self.made: list[Fake] = []
        self.refuses = False

    async def connect(self) -> Fake:
        if self.refuses:
            raise ConnectionRefusedError
        self.made.append(Fake())
        return self.made[-1]


@pytest.fixture
def server() -> Server:
    return Server()


def run(server: Server, work: Callable[[Connections], Awaitable[None]], most: int = 2) -> None:
    """Work with the connections of a server."""
    asyncio.run(_run(Connections(server.connect, most), work))


async def _run(connections: Connections, work: Callable[[Connections], Awaitable[None]]) -> None:
    await work(connections)
    await connections.aclose()


async def begun(connections: Connections) -> "asyncio.Task[Fake]":
    """Return a task that waits for a connection."""
    task = asyncio.create_task(connections.take(60))
    await asyncio.sleep(0)
    return task


def test_a_connection_that_is_given_back_is_lent_again(server: Server):
    async def work(connections: Connections) -> None:
        first = await connections.take(60)
        connections.give(first)
        assert await connections.take(60) is first

    run(server, work)
    assert len(server.made) == 1


def test_who_comes_first_is_served_first_and_there_are_never_more(server: Server):
    async def work(connections: Connections) -> None:
        one, two = await connections.take(60), await connections.take(60)
        waiting = [await begun(connections) for _ in range(3)]
        connections.give(two)
        connections.give(one)
        assert [await waiting[0], await waiting[1]] == [two, one]
        connections.give(one)
        assert await waiting[2] is one

    run(server, work)
    assert len(server.made) == 2


def test_who_waits_too_long_is_told(server: Server):
    async def work(connections: Connections) -> None:
        lent = await connections.take(60)
        with pytest.raises(TimeoutError):
            await connections.take(0)
        connections.give(lent)
        assert await connections.take(60) is lent

    run(server, work, most=1)


def test_one_that_is_lost_makes_room_for_another(server: Server):
    async def work(connections: Connections) -> None:
        lent = await connections.take(60)
        waiting = await begun(connections)
        connections.drop(lent)
        connections.give(await waiting)

    run(server, work, most=1)
    assert [fake.closed for fake in server.made] == [True, True]


def test_one_that_was_closed_meanwhile_is_not_lent(server: Server):
    async def work(connections: Connections) -> None:
        lent = await connections.take(60)
        connections.give(lent)
        lent.closed = True
        assert await connections.take(60) is not lent

    run(server, work, most=1)


def test_who_gives_up_gets_none_and_the_next_one_does(server: Server):
    async def work(connections: Connections) -> None:
        lent = await connections.take(60)
        first, second = await begun(connections), await begun(connections)
        connections.give(lent)
        first.cancel()  # its turn has come, but it does not know yet
        assert await second is lent
        assert first.cancelled()

    run(server, work, most=1)


def test_a_server_that_refuses_does_not_use_up_the_number(server: Server):
    async def work(connections: Connections) -> None:
        server.refuses = True
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await connections.take(60)
        server.refuses = False
        assert await connections.take(60)

    run(server, work, most=1)


def test_what_is_lent_at_the_end_is_closed_when_it_comes_back(server: Server):
    async def work(connections: Connections) -> None:
        lent = await connections.take(60)
        await connections.aclose()
        assert not lent.closed
        connections.give(lent)
        await asyncio.sleep(0)
        assert lent.closed

    run(server, work)
