"""Rows that go to PostgreSQL by a thread of their own, while the next ones are made.

The server takes rows in while nobody here has anything to do: to make the rows of the next table
meanwhile is what the thread is for. It has the connection until it is done, so every statement of
the transaction waits for it (`caught_up`).
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import Connection

_BEHIND = "rungraph behind"
"""Where a connection keeps what is sent behind its back."""


class Behind:
    """What a thread is given to send, in order; after a fault it sends nothing more."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._sent: list[Future[None]] = []
        self._is_broken = False

    def put(self, work: Callable[[], object]) -> None:
        """Have something sent, after what was put before."""
        self._sent.append(self._threads.submit(self._do, work))

    def wait(self) -> None:
        """Wait until all is sent; raise what was raised first."""
        sent, self._sent = self._sent, []
        for each in sent:
            each.result()

    def _do(self, work: Callable[[], object]) -> None:
        if self._is_broken:
            return
        try:
            work()
        except BaseException:
            self._is_broken = True
            raise


@contextmanager
def sent_behind(connection: Connection) -> Generator[None]:
    """Let rows be sent while others are made; all are, or it raises why not, in the end."""
    kept = connection.info  # a connection that gets lost tells it no more
    with ThreadPoolExecutor(1, "rungraph-sender") as threads:
        behind = kept[_BEHIND] = Behind(threads)
        try:
            yield
            behind.wait()
        finally:
            kept.pop(_BEHIND, None)


def behind(connection: Connection) -> Behind | None:
    """Return what sends behind a connection's back now, if anything does."""
    return connection.info.get(_BEHIND)


def caught_up(connection: Connection) -> None:
    """Wait until nothing is sent behind a connection's back; raise what went wrong."""
    if (sending := behind(connection)) is not None:
        sending.wait()
