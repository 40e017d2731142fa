"""Several server processes on one socket, and the parent that keeps them.

The parent opens nothing but the socket. It forks the workers, starts one anew that has died, hands
on the signal to stop and waits for the end. A worker whose parent has died ends as well.
"""

import logging
import os
import selectors
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

log = logging.getLogger(__name__)

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_GRACE = 5.0
"""Seconds that workers may take to end, beyond what requests have; then they are killed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LONG = 10.0
"""Seconds after which a worker that dies is no sign of a trouble that stays."""
_NUDGE = 0.2


@dataclass(frozen=True, slots=True)
class Worker:
    """One of the processes: it says `up`, and ends when `lifeline` can be read.

    `number` tells them apart, and is taken over by who takes a place; `folder` is known to all.
    """

    up: Callable[[], None]
    lifeline: int
    number: int
    folder: Path


@dataclass(slots=True)
class _Child:
    """A worker as its parent knows it; `pipe` is where it says that it is up."""

    number: int
    pid: int
    pipe: int
    since: float
    is_up: bool = False


def fork_workers(count: int, up: Callable[[], None], stop_seconds: float) -> Worker:
    """Return in each of `count` new processes; the parent stays here and exits, with SystemExit.

    Requests have `stop_seconds` to be answered once the workers are told to stop. `up` is called in
    the parent once all workers are up. If one ends before that, so do all.
    """
    parent = _Parent(count, up, stop_seconds + _GRACE)
    while True:
        worker = parent.tend()
        if worker is not None:
            return worker


class _Parent:
    def __init__(self, count: int, up: Callable[[], None], grace: float) -> None:
        self._wanted = count
        self._up = up
        self._grace = grace
        self._told = False
        self._children: dict[int, _Child] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="rungraph-workers-"))
        self._lifeline, self._held = os.pipe()
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wakes, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._stopped: int | None = None
        self._killing = 0.0
        self._code = 0
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0
        signal.set_wakeup_fd(self._wakes)
        signal.signal(signal.SIGCHLD, _nothing)
        for number in _STOPS:
            signal.signal(number, self._stop)

    def tend(self) -> Worker | None:
        """Do what is to be done now, wait for something to happen. Returns a `Worker` in one."""
        if self._stopped is None:
            while len(self._children) < self._wanted and time.monotonic() >= self._not_before:
                worker = self._fork()
                if worker is not None:
                    return worker
        elif not self._children:
            shutil.rmtree(self._folder, ignore_errors=True)
            sys.exit(self._code)
        elif time.monotonic() > self._killing:
            self._tell_all(signal.SIGKILL)
        for key, _ in self._selector.select(_NUDGE):
            self._read(key.fd)
        self._bury()
        return None

    def _fork(self) -> Worker | None:
        reads, writes = os.pipe()
        taken = {child.number for child in self._children.values()}
        number = next(each for each in range(self._wanted) if each not in taken)
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # until it is clear whose they are
        try:
            pid = os.fork()
            if pid == 0:
                return self._become(reads, writes, number)
            os.close(writes)
            self._children[pid] = _Child(number, pid, reads, time.monotonic())
            self._selector.register(reads, selectors.EVENT_READ)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        return None

    def _become(self, reads: int, writes: int, number: int) -> Worker:
        """Be a worker: forget all that was the parent's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in _STOPS:
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)  # Ctrl-C is for the parent, which hands it on once
        self._selector.close()
        others = [child.pipe for child in self._children.values()]
        for fd in (reads, self._held, self._woken, self._wakes, *others):
            os.close(fd)

        def up() -> None:
            os.write(writes, b"!")
            os.close(writes)

        return Worker(up, self._lifeline, number, self._folder)

    def _read(self, fd: int) -> None:
        if fd == self._woken:
            os.read(fd, 4096)
            return
        child = next(each for each in self._children.values() if each.pipe == fd)
        child.is_up = os.read(fd, 1) == b"!"
        self._selector.unregister(fd)
        if not self._told and sum(each.is_up for each in self._children.values()) == self._wanted:
            self._told = True
            self._up()

    def _bury(self) -> None:
        """See who has died, and why."""
        for child in list(self._children.values()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                del self._children[pid]
                if child.pipe in self._selector.get_map():
                    self._selector.unregister(child.pipe)
                os.close(child.pipe)
                self._judge(child, os.waitstatus_to_exitcode(status))

    def _judge(self, child: _Child, code: int) -> None:
        if self._stopped is not None:
            return
        if not self._told:
            self._code = code if code > 0 else 1
            self._end(signal.SIGTERM)
            return
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        log.error("worker %d %s; another takes its place", child.pid, how)
        if time.monotonic() - child.since > _LONG:
            self._pause = _FIRST_PAUSE
        self._not_before = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _stop(self, number: int, _: FrameType | None) -> None:
        if self._stopped is None:
            self._code = 0 if number == signal.SIGINT else 128 + number
        self._end(number)

    def _end(self, number: int) -> None:
        """Tell the workers to end; a second time, that they shall not wait for anybody."""
        self._stopped = number
        self._killing = self._killing or time.monotonic() + self._grace
        self._tell_all(signal.SIGTERM)

    def _tell_all(self, number: int) -> None:
        for pid in self._children:
            os.kill(pid, number)  # they are not waited for yet, so the ids are theirs


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Be woken."""
