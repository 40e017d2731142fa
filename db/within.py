"""A store as somebody may see it: of some projects only, in whatever is read or written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from db.arrivals import (
    AttachmentArrival,
    Batch,
    FeedbackArrival,
    FeedbackPatch,
    Outcome,
    RunArrival,
)
from db.errors import ForbiddenError
from db.reach import OPTION, Reach
from db.readers import Reading
from db.store import Store

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A", RunArrival, FeedbackArrival, FeedbackPatch, AttachmentArrival)


class OpenStore(Protocol):
    """What requests do with a store."""

    @property
    def dialect(self) -> str:
        """The name of the database's dialect."""
        ...

    def reading(self, *, newest: bool = False) -> Reading:
        """Return a snapshot for one request; its owner closes it."""
        ...

    async def read_with(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(connection, ...)` in a worker thread; it only reads."""
        ...

    async def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(connection, ...)` in a transaction of its own; return after the commit."""
        ...

    async def ingest(self, batch: Batch) -> Outcome:
        """Fold a batch into the tables; return when it is on disk."""
        ...


def within(store: Store, reach: Reach | None, *, writes: bool = True) -> OpenStore:
    """Return a store as who has this reach may see it; without `writes`, and not change it."""
    return store if reach is None and writes else _Within(store, reach, writes)


@dataclass(frozen=True, slots=True)
class _Within:
    """A store of which somebody sees and changes some projects, or changes nothing."""

    store: Store
    reach: Reach | None
    writes: bool

    @property
    def dialect(self) -> str:
        """The name of the database's dialect."""
        return self.store.dialect

    def reading(self, *, newest: bool = False) -> Reading:
        """Return a snapshot of what is within reach."""
        return self.store.reading(self.reach, newest=newest)

    async def read_with(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function that reads what is within reach."""
        return await self.store.read_with(self._limited(function), *args, **kwargs)

    async def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function that finds what is within reach; what it makes it has to check."""
        self._check()
        return await self.store.write(self._limited(function), *args, **kwargs)

    async def ingest(self, batch: Batch) -> Outcome:
        """Fold what of a batch belongs into these projects; the rest is refused by name."""
        self._check()
        if self.reach is None:
            return await self.store.ingest(batch)
        projects = tuple(sorted(self.reach.projects))
        told = replace(
            batch,
            runs=_sent_by(projects, batch.runs),
            feedback=_sent_by(projects, batch.feedback),
            feedback_patches=_sent_by(projects, batch.feedback_patches),
            attachments=_sent_by(projects, batch.attachments),
        )
        return await self.store.ingest(told)

    def _check(self) -> None:
        if not self.writes:
            raise ForbiddenError("this key may read, and not write")

    def _limited(
        self, function: Callable[Concatenate[Connection, P], T]
    ) -> Callable[Concatenate[Connection, P], T]:
        def limited(connection: Connection, *args: P.args, **kwargs: P.kwargs) -> T:
            return function(connection.execution_options(**{OPTION: self.reach}), *args, **kwargs)

        return limited


def _sent_by(projects: tuple[UUID, ...], arrivals: Sequence[A]) -> Sequence[A]:
    return [replace(arrival, projects=projects) for arrival in arrivals]
