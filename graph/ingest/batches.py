"""Envelope -> batch: what can be kept, and by name what can not."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from db.arrivals import AttachmentArrival, Batch, FeedbackArrival, Refusal, RunArrival
from db.dotted import check_place
from graph.ingest import convert, wire
from graph.ingest.envelopes import Envelope, File
from graph.ingest.problems import ItemProblem, shown

log = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sorted:
    """What of a request goes to the store, and what was refused before."""

    batch: Batch
    refused: tuple[Refusal, ...]

    @property
    def size(self) -> int:
        """How many items are in the batch."""
        batch = self.batch
        return len(batch.runs) + len(batch.feedback) + len(batch.attachments)


def sort(envelope: Envelope, size: int, now: datetime) -> Sorted:
    """Validate and convert every item; `size` is the length of the body."""
    refused = list(envelope.refused)

    def run(item: wire.Item) -> RunArrival:
        arrival = convert.run_arrival(wire.run(item))
        if fault := check_place(arrival):
            raise ItemProblem("INVALID_FIELD", f"{item.label}: {fault}", arrival.id)
        return arrival

    def judgement(item: wire.Item) -> FeedbackArrival:
        return convert.feedback_arrival(wire.feedback(item), now)

    runs = _kept(envelope.runs, run, refused)
    feedback = _kept(envelope.feedback, judgement, refused)
    lost = {refusal.id for refusal in refused} - {run.id for run in runs}
    traces = {run.id: run.trace_id for run in runs if run.trace_id}

    def file(sent: File) -> AttachmentArrival:
        if sent.run_id in lost:
            message = f"attachment {shown(sent.name)}: its run {sent.run_id} was refused"
            raise ItemProblem("RUN_REFUSED", message, sent.run_id)
        return convert.attachment_arrival(sent, traces.get(sent.run_id))

    files = _kept(envelope.files, file, refused)
    for refusal in refused:
        log.warning("refused %s: %s: %s", refusal.id, refusal.code, refusal.message)
    batch = Batch(runs=runs, feedback=feedback, attachments=files, size=size)
    return Sorted(batch, tuple(refused))


def _kept(sent: Iterable[S], read: Callable[[S], T], refused: list[Refusal]) -> list[T]:
    kept: list[T] = []
    for item in sent:
        try:
            kept.append(read(item))
        except ItemProblem as problem:
            refused.append(Refusal(problem.id, problem.code, problem.message))
    return kept
