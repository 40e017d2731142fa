"""How a story tells its runs: nested `with` blocks, on a clock of its own.

with trace.run("RetrievalChain", inputs={"question": "..."}) as root:
    with trace.run("VectorStore", "retriever", inputs=...) as search:
        trace.take(0.2)
        search.outputs = {"documents": [...]}
    root.outputs = {"answer": "..."}
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

Json = Mapping[str, Any]

REVISION = "9f3c1e7"
RUNTIME = {
    "sdk": "langsmith-py",
    "sdk_version": "0.15.0",
    "library": "langchain-core",
    "runtime": "python",
    "runtime_version": "3.11.9",
    "py_implementation": "CPython",
    "langchain_core_version": "1.7.2",
}


class StepError(Exception):
    """A step of the story fails; its text is the run's error, and each parent's."""


class StillRunning(Exception):  # noqa: N818 - nothing is wrong
    """The story ends while its open runs have not."""


@dataclass(kw_only=True, eq=False)
class Run:
    """One run being told; `end_time` stays None while it is unfinished."""

    id: UUID
    parent: "Run | None"
    name: str
    run_type: str
    start_time: datetime
    end_time: datetime | None = None
    inputs: Json
    outputs: Json | None = None
    error: str | None = None
    serialized: Json | None = None
    metadata: dict[str, Any]
    params: Json = field(default_factory=dict[str, Any])
    tags: Sequence[str] = ()
    events: list[Json] = field(default_factory=list[Json])
    attachments: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, tuple[str, bytes]])

    @property
    def root(self) -> "Run":
        """The run that began the trace."""
        return self.parent.root if self.parent else self

    @property
    def dotted_order(self) -> str:
        """The run's place in its trace."""
        own = f"{self.start_time:%Y%m%dT%H%M%S%fZ}{self.id}"
        return f"{self.parent.dotted_order}.{own}" if self.parent else own

    @property
    def extra(self) -> Json:
        """What the SDK adds to a run."""
        found = {"metadata": self.metadata, "runtime": RUNTIME}
        return {"invocation_params": self.params, **found} if self.params else found


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Feedback on a run."""

    id: UUID
    run: Run
    at: datetime
    key: str
    score: float | None
    value: Any
    comment: str | None
    source: Json


class Trace:
    """Tells one trace of `project`, from `start` on; `random` makes its ids and delays."""

    def __init__(self, project: str, start: datetime, random: Random) -> None:
        self.project = project
        self.now = start
        self.random = random
        self.runs: list[Run] = []
        self.judgements: list[Judgement] = []
        self._open: list[Run] = []

    def new_id(self) -> UUID:
        """Return a version 7 UUID of this moment."""
        milliseconds = int(self.now.timestamp() * 1000)
        bits = self.random.getrandbits(74)
        low = 0b10 << 62 | bits & (1 << 62) - 1
        return UUID(int=milliseconds << 80 | 7 << 76 | (bits >> 62) << 64 | low)

    def take(self, seconds: float) -> None:
        """Let about so many seconds pass."""
        self.now += timedelta(seconds=seconds * self.random.uniform(0.7, 1.5))

    @contextmanager
    def run(
        self,
        name: str,
        run_type: str = "chain",
        *,
        inputs: Json,
        tags: Sequence[str] = (),
        **metadata: Any,
    ) -> Generator[Run]:
        """Tell a run, the child of the one that is open; metadata is handed down."""
        parent = self._open[-1] if self._open else None
        told = Run(
            id=self.new_id(),
            parent=parent,
            name=name,
            run_type=run_type,
            start_time=self.now,
            inputs=inputs,
            tags=tags,
            metadata={**(parent.metadata if parent else {"revision_id": REVISION}), **metadata},
        )
        told.events.append({"name": "start", "time": self.now.isoformat()})
        self.runs.append(told)
        self._open.append(told)
        self.take(0.002)
        try:
            yield told
        except StepError as failure:
            told.error = str(failure)
            self._end(told, "error")
            raise
        else:
            self._end(told, "end")
        finally:
            self._open.pop()

    def _end(self, told: Run, event: str) -> None:
        self.take(0.001)
        told.end_time = self.now
        told.events.append({"name": event, "time": self.now.isoformat()})

    def judge(
        self,
        run: Run,
        key: str,
        score: float | None = None,
        *,
        value: Any = None,
        comment: str | None = None,
        source: str = "api",
    ) -> None:
        """Tell feedback on a run, some time after it."""
        self.take(20)
        self.judgements.append(
            Judgement(
                id=self.new_id(),
                run=run,
                at=self.now,
                key=key,
                score=score,
                value=value,
                comment=comment,
                source={"type": source, "metadata": {}},
            )
        )
