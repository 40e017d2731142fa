"""One line for each request: what was asked by whom and what it took; no payloads, no keys.

What is told is gathered, and written as lines by a thread a few times a second, so that a request
pays for a note only, and a terminal or a pipe that takes nothing holds nobody up: what is too much
is thrown away, and counted.
"""

import logging
import os
import threading
import time
from collections import deque
from functools import lru_cache

import orjson

from graph.observe import Seen

MOST_WAITING = 20_000
_PAUSE = 0.2


class RequestLog:
    """Writes lines to a file descriptor: JSON, or for people."""

    def __init__(self, descriptor: int, *, as_json: bool) -> None:
        self._descriptor = descriptor
        self._line = _json if as_json else _plain
        self._told: deque[tuple[float, str, str, int, float, Seen]] = deque()
        self._something = threading.Event()
        self._closed = False
        self.lost = 0
        self._thread = threading.Thread(target=self._write_all, name="rungraph-log", daemon=True)
        self._thread.start()

    def tell(self, method: str, path: str, status: int, seconds: float, seen: Seen) -> None:
        """Log one request."""
        if len(self._told) >= MOST_WAITING:
            self.lost += 1
            return
        self._told.append((time.time(), method, path, status, seconds, seen))
        if len(self._told) == 1:  # else the thread is not done with the one before
            self._something.set()

    def close(self) -> None:
        """Write what waits, for at most a second."""
        self._closed = True
        self._something.set()
        self._thread.join(timeout=1)

    def _write_all(self) -> None:
        while not self._closed or self._told:
            if not self._told:
                self._something.wait()
                self._something.clear()
            if not self._closed:
                time.sleep(_PAUSE)
            text = b"".join([self._line(*self._told.popleft()) for _ in range(len(self._told))])
            try:
                while text:
                    text = text[os.write(self._descriptor, text) :]
            except OSError:
                self.lost += 1


class JsonLines(logging.Formatter):
    """Makes everything else that is logged JSON objects too, a line for each."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        told: dict[str, object] = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(told, default=str).decode()


def _plain(at: float, method: str, path: str, status: int, seconds: float, seen: Seen) -> bytes:
    name = f" {seen.operation}" if seen.operation else ""
    key = f" key={seen.key}" if seen.key else ""
    took = (
        f"{seconds * 1000:.1f} ms statements={seen.statements}"
        f" database={seen.database * 1000:.1f} ms errors={seen.errors}"
    )
    what = f"{method} {_clean(path)}{_clean(name)}"
    return f"{_second(int(at))} {what} {status} {took}{key}\n".encode()


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _json(at: float, method: str, path: str, status: int, seconds: float, seen: Seen) -> bytes:
    told = {
        "time": at,
        "method": method,
        "path": _clean(path),
        "operation": seen.operation,
        "status": status,
        "ms": round(seconds * 1000, 2),
        "statements": seen.statements,
        "database_ms": round(seen.database * 1000, 2),
        "cost": seen.cost,
        "errors": seen.errors,
        "key": seen.key,
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _clean(text: str) -> str:
    """Return text of a client so that it stays on its line."""
    if text.isprintable() and len(text) <= _LONGEST:
        return text
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])


_LONGEST = 200
