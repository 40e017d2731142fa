"""The answers that wait for their clients to read them, and how many bytes they may have together.

A large answer stays in memory until its client has taken it. Who asks for many and reads none
would fill the memory; so one more that finds no room is refused: its sender may come again.
"""

from collections.abc import Generator
from contextlib import contextmanager

from db.errors import BusyError
from graph.settings import SETTINGS

LEAST = 256 * 1024
"""Bytes below which an answer is not counted: the system's own buffers take about as much."""


class Unread:
    """Counts the bytes of answers that are not read yet; `most` are allowed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0

    @contextmanager
    def held(self, size: int) -> Generator[None]:
        """Hold an answer of so many bytes until it is read; one alone may be of any size.

        Raises BusyError where there is no room for it.
        """
        if size < LEAST:
            yield
            return
        if self.bytes and self.bytes + size > self._most:
            most = f"at most {self._most} (setting {SETTINGS['answer_queue_bytes'].variable})"
            message = f"{self.bytes} bytes of answers wait to be read, this one has {size}; {most}"
            raise BusyError(message)
        self.bytes += size
        try:
            yield
        finally:
            self.bytes -= size
