"""The calendar: which story is told when, over the seven days before a moment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from graph.demo import handbook, invoices, research, support
from graph.demo.conversations import CONVERSATIONS, UNFINISHED
from graph.demo.telling import Trace

SEED = 20260711
DAYS = 7


@dataclass(frozen=True)
class Entry:
    """A story and how long before now it began."""

    project: str
    ago: timedelta
    tell: Callable[[Trace], None]


def week(now: datetime) -> list[Trace]:
    """Return the traces of the week before `now`, oldest first; the same for the same moment."""
    random = Random(SEED)  # noqa: S311 - stories, no secrets
    traces: list[Trace] = []
    for entry in sorted(_entries(random), key=lambda entry: entry.ago, reverse=True):
        trace = Trace(entry.project, now - entry.ago, random)
        entry.tell(trace)
        traces.append(trace)
    return traces


def _entries(random: Random) -> Iterator[Entry]:
    for talk in CONVERSATIONS:
        began = random.uniform(0.2, DAYS)
        for at, turn in enumerate(talk.turns):
            ago = timedelta(days=began, minutes=-4 * at)
            yield Entry(support.PROJECT, ago, partial(support.turn, talk=talk, told=turn))
    for asked in handbook.QUESTIONS:
        ago = timedelta(days=random.uniform(0.05, DAYS))
        yield Entry(handbook.PROJECT, ago, partial(handbook.ask, asked=asked))
    for at, topic in enumerate(research.TOPICS):
        ago = timedelta(days=1 + 2 * at, hours=random.uniform(0, 6))
        yield Entry(research.PROJECT, ago, partial(research.study, topic=topic))
    for at, invoice in enumerate(invoices.INVOICES):
        ago = timedelta(days=at % DAYS, hours=9, minutes=at)
        yield Entry(invoices.PROJECT, ago, partial(invoices.read, invoice=invoice))
    last = partial(support.turn, talk=CONVERSATIONS[0], told=UNFINISHED)
    yield Entry(support.PROJECT, timedelta(minutes=2), last)
