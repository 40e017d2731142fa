"""The store: its connections, its transactions, its one writing thread.

Reads go through `reading()`, a snapshot for one request. Writes go through one lane: a thread
that folds whatever waits into one transaction and answers only when the commit is on disk. The
lane is bounded in bytes; when it is full, `BusyError` tells the sender to come again.
"""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from db.arrivals import Batch, Outcome
from db.dialects import is_shared, open_engine, take_turn
from db.errors import BusyError, InvalidError, UnavailableError
from db.ingest import fold
from db.news import HISTORY, LocalNews, News
from db.objects import Objects
from db.reach import Reach, keep_within
from db.readers import Readers, Reading, SqliteReaders
from db.schema_version import ensure
from db.servers import Server, is_gone, open_postgres
from db.slow import SlowStatement
from db.watch import Watch, WatchedReaders, watch_engine

if TYPE_CHECKING:
    from db.replica import Replica

P = ParamSpec("P")
T = TypeVar("T")

QUEUE_BYTES = 64 * 1024 * 1024
REPLICA_LAG = 10.0
_GROUP_BYTES = 8 * 1024 * 1024
_PATIENCE = 5.0
"""Seconds for which batches wait for a database that is gone before they are refused."""
_PAUSE = 0.1
_MOMENT = 0.05  # without a batch it makes a lull


@dataclass(frozen=True, slots=True)
class _Job:
    """Something that waits for the writing thread: a batch, or a function to call."""

    work: Batch | Callable[[Connection], Any]
    size: int
    done: Future[Any]
    sender: Any = None


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Store:
    """An open database. `close` it; then nothing that was acknowledged is in memory only."""

    def __init__(
        self,
        engine: Engine,
        readers: Readers,
        news: News,
        *,
        queue_bytes: int = QUEUE_BYTES,
        clock: Callable[[], datetime] = utc_now,
        objects: Objects | None = None,
    ) -> None:
        self.objects = objects
        self._engine = engine
        self._readers = readers
        self.news = news
        self._queue_bytes = queue_bytes
        self._clock = clock
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._batches = 0
        self._watch: Watch | None = None
        self.writing_seconds = 0.0
        self._counting = threading.Lock()
        self._threads: set[asyncio.Task[Any]] = set()
        self._writer = threading.Thread(target=self._write_all, name="rungraph-writer", daemon=True)
        self._writer.start()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        synchronous: str = "full",
        queue_bytes: int = QUEUE_BYTES,
        clock: Callable[[], datetime] = utc_now,
        history: int = HISTORY,
        server: Server | None = None,
        replica: str | None = None,
        replica_lag: float = REPLICA_LAG,
        patience: float | None = None,
        attachments: str | None = None,
    ) -> "Store":
        """Open the database at a URL; an empty SQLite file gets its tables.

        `history` is how many changes are kept for those who were away, `server` what is set of a
        PostgreSQL server. `replica` is the URL of a streaming replica, which is read while it is at
        most `replica_lag` seconds behind. With `patience` one read may take so many seconds.
        `attachments` is the URL of where files go; None: into the database.

        Raises SchemaMismatchError, UnavailableError, and InvalidError for a URL it can not serve.
        """
        objects = None if attachments is None else Objects(attachments)
        try:
            server = server or Server()
            if patience is not None:
                server = replace(server, seconds=patience)
            engine, readers, news = _connected(url, synchronous, history, server)
            if isinstance(readers, SqliteReaders) and patience is not None:
                readers.longest = patience
            if replica is not None:
                readers = _beside(readers, replica, replica_lag, server)
        except OperationalError as error:
            msg = f"can not open {url}: {error.orig}"
            raise UnavailableError(msg) from error
        keep_within(engine)
        try:
            ensure(engine, url)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, readers, news, queue_bytes=queue_bytes, clock=clock, objects=objects)

    async def aclose(self) -> None:
        """Write what waits, then close every connection."""
        await self.news.aclose()
        await asyncio.gather(*self._threads, return_exceptions=True)
        await self._readers.aclose()
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Write what waits, then close the connections that no event loop holds."""
        self._waiting.put(None)
        self._writer.join()
        self._readers.close()
        self._engine.dispose()

    def watch(self, watch: Watch) -> None:
        """Tell somebody of every statement and every flush; before anything is read."""
        self._watch = watch
        self._readers = WatchedReaders(self._readers, watch)
        watch_engine(self._engine, watch)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be written."""
        return self._waiting_bytes

    @property
    def dialect(self) -> str:
        """The name of the database's dialect."""
        return self._engine.dialect.name

    @property
    def slow(self) -> Sequence[SlowStatement]:
        """The statements of queries that were slow in this process."""
        return self._readers.slow.listed()

    @property
    def replica(self) -> "Replica | None":
        """How the replica does; None without one."""
        return getattr(self._readers, "state", None)

    def reading(self, reach: Reach | None = None, *, newest: bool = False) -> Reading:
        """Return a snapshot, of what is within reach, for one request; its owner closes it.

        It may be a replica's, and a little old, unless it must be the `newest`.
        """
        return self._readers.reading(reach, newest=newest)

    async def read_with(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(connection, ...)` in a worker thread; it only reads."""

        def read() -> T:
            with self._engine.connect().execution_options(read_only=True) as connection:
                return function(connection, *args, **kwargs)

        reading = asyncio.create_task(asyncio.to_thread(read))
        self._threads.add(reading)
        reading.add_done_callback(self._threads.discard)
        try:
            return await asyncio.shield(reading)
        except OperationalError as error:
            raise _unavailable(error) from error

    @asynccontextmanager
    async def turn(self, work: str) -> AsyncGenerator[bool]:
        """Say whether this process has its turn at a work; it keeps it while the context is open.

        Of several processes on one database, one at a time has. It costs a connection.
        """
        if not is_shared(self.dialect):
            yield True
            return
        try:
            connection = await asyncio.to_thread(self._engine.connect)
        except OperationalError as error:
            raise _unavailable(error) from error
        try:
            yield await asyncio.to_thread(take_turn, connection, work)
        except OperationalError as error:
            raise _unavailable(error) from error
        finally:
            await asyncio.to_thread(connection.close)

    async def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(connection, ...)` in a transaction of its own; return after the commit."""
        return await self._join(_Job(lambda c: function(c, *args, **kwargs), 0, Future()))

    async def lull(self, most: float) -> None:
        """Wait until no batch comes or is written for a moment, at most so many seconds."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            before = self._batches
            await asyncio.sleep(_MOMENT)
            if self._batches == before and not self._waiting_bytes:
                return

    async def ingest(self, batch: Batch) -> Outcome:
        """Fold a batch into the tables; return when it is on disk, its files where they go as well.

        Raises BusyError when the lane is full, UnavailableError when the database can not write.
        """
        self._batches += 1
        if self.objects is not None and batch.attachments:
            return await self._ingest_beside(self.objects, batch)
        return await self._join(_Job(batch, batch.size, Future()))

    async def _ingest_beside(self, objects: Objects, batch: Batch) -> Outcome:
        """Fold a batch whose files are written outside of the database first."""
        kept = await objects.keep(batch)
        try:
            return await self._join(_Job(kept, kept.size, Future()))
        except BusyError:  # nobody names them, and they are sent again
            await objects.delete([each.object for each in kept.attachments if each.object])
            raise

    async def _join(self, job: _Job) -> Any:
        if self._watch is not None:
            job = replace(job, sender=self._watch.sender())
        with self._counting:
            if self._waiting_bytes and self._waiting_bytes + job.size > self._queue_bytes:
                msg = f"{self._waiting_bytes} bytes wait to be written; at most {self._queue_bytes}"
                raise BusyError(msg)
            self._waiting_bytes += job.size
        self._waiting.put(job)
        return await asyncio.wrap_future(job.done)

    def _write_all(self) -> None:
        while (job := self._waiting.get()) is not None:
            begun = time.perf_counter()
            jobs, last = self._group(job)
            batches = [found for found in jobs if isinstance(found.work, Batch)]
            self._fold(batches)
            for found in jobs:
                if not isinstance(found.work, Batch):
                    self._settle([found], lambda c, work=found.work: [work(c)])
            with self._counting:
                self._waiting_bytes -= sum(found.size for found in jobs)
            self.writing_seconds += time.perf_counter() - begun
            if last:
                return

    def _group(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs, size = [first], first.size
        while size < _GROUP_BYTES:
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
            size += job.size
        return jobs, False

    def _fold(self, jobs: list[_Job]) -> None:
        """Fold batches in one transaction; if that fails, each in its own."""
        now = self._clock()

        def work(connection: Connection, some: list[_Job]) -> Sequence[Outcome]:
            return fold(connection, [job.work for job in some if isinstance(job.work, Batch)], now)

        if len(jobs) > 1 and self._settle(jobs, lambda c: work(c, jobs), final=False):
            return
        for job in jobs:
            self._settle([job], lambda c, job=job: work(c, [job]))

    def _settle(
        self,
        jobs: list[_Job],
        work: Callable[[Connection], Sequence[Any]],
        *,
        final: bool = True,
    ) -> bool:
        """Do work in a transaction and answer the jobs; say whether it was done."""
        try:
            with self._watched(jobs):
                answers, told = self._transact(jobs, work)
        except BaseException as error:  # noqa: BLE001 - it is the sender's to hear
            if not final:
                return False
            fault = _unavailable(error) if isinstance(error, OperationalError) else error
            for job in jobs:
                _answer(job, lambda future: future.set_exception(fault))
            return True
        self.news.publish(told)
        for job, answer in zip(jobs, answers, strict=True):
            _answer(job, lambda future, answer=answer: future.set_result(answer))
        return True

    def _watched(self, jobs: list[_Job]) -> AbstractContextManager[Any]:
        if self._watch is None:
            return nullcontext()
        return self._watch.flush([job.sender for job in jobs], sum(job.size for job in jobs))

    def _transact(
        self, jobs: list[_Job], work: Callable[[Connection], Sequence[Any]]
    ) -> tuple[Sequence[Any], Sequence[bytes]]:
        """Do work in a transaction; return its answers and what to publish.

        When the database goes away meanwhile, nobody knows whether the work was committed. To fold
        the same batches again changes nothing then, so that is tried until the database is back or
        patience is at its end; any other work is refused at once.
        """
        again = all(isinstance(job.work, Batch) for job in jobs)
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                with self._engine.begin() as connection:
                    self.news.begin(connection)
                    answers = work(connection)
                    return answers, self.news.announce(connection)
            except DBAPIError as error:
                if not (again and is_gone(error) and time.monotonic() < end):
                    raise
            time.sleep(_PAUSE)


def _connected(
    url: str, synchronous: str, history: int, server: Server
) -> tuple[Engine, Readers, News]:
    """Return the engine that writes, the connections that read, and what tells of changes."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database:
        path = str(Path(parsed.database).absolute())
        engine = open_engine(f"sqlite:///{path}", synchronous=synchronous)
        return engine, SqliteReaders(path), LocalNews(history)
    if backend == "postgresql":
        from db.notices import NotifiedNews  # noqa: PLC0415 - the driver is an extra
        from db.postgres import PostgresReaders  # noqa: PLC0415 - the driver is an extra

        plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        news = NotifiedNews(server.direct or (None if server.pooled else plain), history)
        return open_postgres(plain, pooled=server.pooled), PostgresReaders(plain, server), news
    msg = f"the database is {url!r}; sqlite:///file.db or postgresql://... is wanted"
    raise InvalidError(msg)


def _beside(primary: Readers, replica: str, lag: float, server: Server) -> Readers:
    """Return readers of a replica and, where that will not do, of the primary."""
    from db.postgres import PostgresReaders  # noqa: PLC0415 - the driver is an extra
    from db.replica import Replica, ReplicatedReaders  # noqa: PLC0415 - as well

    if not isinstance(primary, PostgresReaders):
        raise InvalidError("there is a replica, but the database is not PostgreSQL")
    plain = make_url(replica).set(drivername="postgresql").render_as_string(hide_password=False)
    return ReplicatedReaders(primary, PostgresReaders(plain, server), Replica(lag))


def _answer(job: _Job, set_answer: Callable[[Future[Any]], None]) -> None:
    if job.done.set_running_or_notify_cancel():
        set_answer(job.done)


def _unavailable(error: OperationalError) -> UnavailableError:
    return UnavailableError(f"the database can not do this now: {error.orig}")
