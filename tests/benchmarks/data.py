"""Runs to measure with: made from a seed, always the same, stored by the product's own fold."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import orjson

from db.arrivals import Batch, RunArrival
from db.dotted import segment
from db.store import Store

EDITION = 1
"""Counted up when the same call makes other rows, so that kept files are not taken for them."""

SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}
"""Runs of the flat project, by name."""

FLAT = UUID("fa7fa7fa-0000-4abc-8def-abcdefabcdef")
PAGED = UUID("badcafe0-0000-4abc-8def-abcdefabcdef")
TREES = UUID("deadbeef-0000-4abc-8def-abcdefabcdef")
"""Projects: small traces, runs with 10 KB of JSON, large traces."""

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_FOLD = 500
_POOL = 64
_TEXT = (
    "the model answered with a plan that used retrieval over documents and then called tools to"
    " compute totals before writing the final summary for the user in plain text café — “quoted”"
    " naïve \\n tab\\t emoji \U0001f600 end"
)
_WORDS = _TEXT.split()


def all_sorts(size: str = "10k") -> Iterator[RunArrival]:
    """Yield a flat project, runs with 10 KB of JSON, traces of 1,000 runs and one of 10,000."""
    yield from flat(SIZES[size], FLAT, 2_400, seed=1)
    yield from flat(300, PAGED, 10_000, seed=2)
    for seed in (11, 12, 13):
        yield from tree(1_000, seed=seed)
    yield from tree(10_000, seed=14)


def heavy() -> Iterator[RunArrival]:
    """Yield one trace: 10,000 runs with 10 KB of JSON each."""
    return tree(10_000, seed=21, size=10_000)


def flat(
    count: int, project: UUID, size: int, *, seed: int, apart: timedelta = timedelta(seconds=1)
) -> Iterator[RunArrival]:
    """Yield traces of a single run, evenly apart; `size` is bytes of inputs and outputs."""
    maker = _Maker(seed, project, size)
    for at in range(count):
        yield maker.run(maker.id(), BEGIN + at * apart, None)


def tree(count: int, *, seed: int, size: int = 0) -> Iterator[RunArrival]:
    """Yield one trace of many runs, parents first, each with up to four children."""
    maker = _Maker(seed, TREES, size)
    begin = BEGIN + timedelta(days=seed)
    runs: list[RunArrival] = []
    for at in range(count):
        parent = runs[(at - 1) // 4] if at else None
        runs.append(maker.run(maker.id(), begin + timedelta(milliseconds=10 * at), parent))
        yield runs[-1]


def root_of_tree(seed: int) -> UUID:
    """Return the id of the root of the trace that `tree` makes from a seed."""
    return next(tree(1, seed=seed)).id


class _Maker:
    """Makes runs of one project; all chance comes from its seed."""

    def __init__(self, seed: int, project: UUID, size: int) -> None:
        self._random = random.Random(seed)
        self._ids = random.Random(seed)  # the same for every size
        self._project = project
        half = size // 2
        self._inputs = [self._messages(half) for _ in range(_POOL)] if size else [None]
        self._outputs = [self._generations(half) for _ in range(_POOL)] if size else [None]
        self._extras = [self._extra() for _ in range(_POOL)]

    def id(self) -> UUID:
        """Return a new id."""
        return UUID(int=self._ids.getrandbits(128), version=4)

    def run(self, id: UUID, start: datetime, parent: RunArrival | None) -> RunArrival:
        """Return a post, whole in its place."""
        chance = self._random
        run_type = chance.choice(("llm", "chain", "tool", "llm", "retriever"))
        took = timedelta(microseconds=chance.randrange(1_000, 20_000_000))
        own = segment(start, id)
        return RunArrival(
            id=id,
            post=True,
            trace_id=parent.trace_id if parent else id,
            parent_run_id=parent.id if parent else None,
            dotted_order=f"{parent.dotted_order}.{own}" if parent else own,
            session_id=self._project,
            session_name=f"benchmark {self._project}",
            name=chance.choice(("ChatOpenAI", "RunnableSequence", "retrieve_docs", 'format "x"')),
            run_type=run_type,
            start_time=start,
            end_time=start + took if chance.random() < 0.98 else None,
            error=f"ValueError: {self._text(120)}" if chance.random() < 0.07 else None,
            tags=tuple(chance.sample(("prod", "beta", "v1", "v2", "canary"), chance.randrange(4))),
            inputs=chance.choice(self._inputs),
            outputs=chance.choice(self._outputs),
            extra=chance.choice(self._extras),
            events=_events(start) if run_type == "llm" and self._inputs[0] else None,
            usage=self._usage() if run_type == "llm" else None,
            manifest_id=self.id() if run_type == "llm" else None,
        )

    def _usage(self) -> str:
        prompt, completion = self._random.randrange(1, 6_000), self._random.randrange(1, 2_000)
        return orjson.dumps(
            {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            }
        ).decode()

    def _extra(self) -> str:
        metadata = {
            "ls_provider": "openai",
            "ls_model_name": self._random.choice(("gpt-4o", "gpt-4o-mini")),
            "thread_id": f"thread {self._random.randrange(500)}",
            "revision_id": f"rev-{self._random.randrange(50)}",
            "env": self._random.choice(("prod", "dev")),
        }
        runtime = {"sdk": "langsmith-py", "sdk_version": "0.15.0", "platform": "Linux"}
        return orjson.dumps({"metadata": metadata, "runtime": runtime}).decode()

    def _messages(self, size: int) -> str:
        messages = [
            {
                "role": self._random.choice(("system", "user", "assistant")),
                "content": self._text(part - 85),
                "meta": {"t": round(self._random.random(), 6), "ok": True},
            }
            for part in _parts(size)
        ]
        return orjson.dumps({"messages": messages, "temperature": 0.7, "stop": None}).decode()

    def _generations(self, size: int) -> str:
        found = [
            {"text": self._text(part - 60), "index": at, "logprob": -self._random.random()}
            for at, part in enumerate(_parts(size))
        ]
        return orjson.dumps({"generations": found}).decode()

    def _text(self, size: int) -> str:
        words: list[str] = []
        while size > 0:
            words.append(self._random.choice(_WORDS))
            size -= len(words[-1].encode()) + 1
        return " ".join(words)


def _parts(size: int) -> list[int]:
    """Divide a size into parts of about 700 bytes."""
    count = max(1, round(size / 700))
    return [size // count] * count


def _events(start: datetime) -> str:
    time = (start + timedelta(milliseconds=300)).isoformat()
    return orjson.dumps([{"name": "new_token", "time": time}] * 3).decode()


def fill(url: str, runs: Iterable[RunArrival]) -> None:
    """Store runs in the empty database at a URL, by the product's own fold."""
    asyncio.run(_fill(url, runs))


async def _fill(url: str, runs: Iterable[RunArrival]) -> None:
    store = Store.open(url, synchronous="normal")
    try:
        coming = iter(runs)
        while some := tuple(islice(coming, _FOLD)):
            outcome = await store.ingest(Batch(runs=some))
            assert not outcome.refused, outcome.refused
    finally:
        store.close()
