"""Batching: equal questions of many rows, asked in one breath, are sent as one."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from db import row_answers
from db.entity import Column, Entity
from db.questions import Count, Nodes, Question, Rows, Then, Values
from db.readers import Reading
from db.rows import Derived, Row

Lacking = dict[int, tuple[Row, set[Column]]]
"""Rows by identity, each with the columns it lacks."""

Send = Callable[[list[Row | None]], Awaitable[list[Any]]]


@dataclass(slots=True)
class _Batch:
    """Parents that asked the same, and how to answer them all."""

    send: Send
    parents: list[Row | None] = field(default_factory=list[Row | None])
    answers: list[asyncio.Future[Any]] = field(default_factory=list[asyncio.Future[Any]])


class Loading:
    """The questions of one request: what is open, and what was answered already."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._open: dict[Hashable, _Batch] = {}
        self._lacking: dict[Hashable, Lacking] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._answered: dict[Hashable, tuple[Any, asyncio.Future[Any]]] = {}

    def close(self) -> None:
        """Give up what is still being sent."""
        for task in self._sending:
            task.cancel()

    async def answer(self, question: Question) -> Any:
        """Return the answer; see `db.questions` for what each question is answered with."""
        match question:
            case Derived():
                await self._load(question)
                return question.value()
            case Then():
                return question.make(await self.answer(question.question))
            case Rows():
                return await self._ask(question, question.parent, self._rows_of(question))
            case Count():
                return await self._ask(question, question.parent, self._count_of(question))
            case Values():
                return await self._ask(question, question.parent, self._values_of(question))
            case Nodes():
                found = await row_answers.nodes(self._reading, question.ids)
                return found[0] if question.one else found

    def _rows_of(self, question: Rows) -> Send:
        return lambda parents: row_answers.rows(self._reading, question, parents)

    def _count_of(self, question: Count) -> Send:
        return lambda parents: row_answers.counts(self._reading, question.rows, parents)

    def _values_of(self, question: Values) -> Send:
        return lambda parents: row_answers.values(self._reading, question, parents)

    def _ask(self, question: Hashable, parent: Row | None, send: Send) -> asyncio.Future[Any]:
        """Ask a question with its equals; the same one twice is asked once."""
        same = (question, id(parent))
        known = self._answered.get(same)
        if known is None:
            answer = self._join(question, parent, send)
            known = self._answered[same] = (parent, answer)  # holds the parent: its id stays its
        return known[1]

    def _join(self, question: Hashable, parent: Row | None, send: Send) -> asyncio.Future[Any]:
        """Put a parent in the batch of its question, which closes when all have asked."""
        loop = asyncio.get_running_loop()
        batch = self._open.get(question)
        if batch is None:
            batch = self._open[question] = _Batch(send)
            loop.call_soon(loop.call_soon, self._close, loop, question)  # after all who are ready
        answer: asyncio.Future[Any] = loop.create_future()
        batch.parents.append(parent)
        batch.answers.append(answer)
        return answer

    def _close(self, loop: asyncio.AbstractEventLoop, question: Hashable) -> None:
        self._lacking.pop(question, None)  # who lacks something from now on is the next batch's
        task = loop.create_task(_send(self._open.pop(question)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _load(self, question: Derived) -> None:
        """Load the columns a derived attribute lacks, with those its neighbours lack."""
        row = question.row
        missing = {column for column in question.columns if not row.has(column)}
        if missing:
            shared = ("more", row.entity)
            lacking = self._lacking.setdefault(shared, {})
            lacking.setdefault(id(row), (row, set()))[1].update(missing)
            await self._join(shared, row, self._more_of(row.entity, lacking))

    def _more_of(self, entity: Entity, lacking: Lacking) -> Send:
        async def send(parents: list[Row | None]) -> list[None]:
            rows = [row for row, _ in lacking.values()]
            columns = tuple(sorted({c for _, some in lacking.values() for c in some}, key=str))
            found = await row_answers.more(self._reading, entity, rows, columns)
            for row, loaded in zip(rows, found, strict=True):
                row.add(loaded)
            return [None for _ in parents]

        return send


async def _send(batch: _Batch) -> None:
    try:
        found = await batch.send(batch.parents)
    except BaseException as error:  # noqa: BLE001 - each asker is told
        for answer in batch.answers:
            if not answer.done():
                answer.set_exception(error)
        return
    for answer, value in zip(batch.answers, found, strict=True):
        if not answer.done():
            answer.set_result(value)
