"""Bringing what arrived together with what is stored and parked: who belongs to which run.

What waits for a run is woken by it: here, while the run itself arrives, or later, from the parked.
Posts that tell no dotted order stand under their parent, and wait for it.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db import parking
from db.admission import Admission
from db.arrivals import (
    AttachmentArrival,
    Batch,
    FeedbackArrival,
    FeedbackPatch,
    Refusal,
    RunArrival,
)
from db.derive import LONGEST_NAME
from db.dotted import start_of, trace_of
from db.merge import Account
from db.parking import Arrival, Change
from db.placing import awaited_parent, fault_of, place_under, told_place
from db.recall import Memory

log = logging.getLogger(__name__)


class Gathering:
    """The arrivals of a fold, sorted out.

    `accounts` are the runs that something arrived for, by id; `posts` the posts that went into
    them; `batches_of` the places of the batches that told of a run. Feedback and attachments
    have their traces. `refused` and `waiting`, which is to be parked, have their batch.
    `admission` says what limited senders may do.
    """

    def __init__(self, connection: Connection, batches: Sequence[Batch]) -> None:
        self.posts: list[tuple[Account, RunArrival]] = []
        self.feedback: list[tuple[UUID, Change[FeedbackArrival]]] = []
        self.patches: list[Change[FeedbackPatch]] = []
        self.attachments: list[tuple[UUID, AttachmentArrival]] = []
        self.refused: list[tuple[int, Refusal]] = []
        self.batches_of: dict[UUID, set[int]] = {}
        self._connection = connection
        self._memory = Memory(connection)
        self.admission = Admission(connection)
        self.accounts = self._memory.accounts
        self._waiting: dict[UUID, list[Change[Any]]] = {}
        self._asked: set[UUID] = set()
        changes: Sequence[Change[Any]] = _changes(batches)
        while changes:
            self.admission.look_up(changes)
            self._memory.look_up(*_ids_in(changes))
            for change in changes:
                self._take(change)
            changes = self._woken()

    def waiting(self) -> Iterable[tuple[UUID, Change[Any]]]:
        """Give what is to be parked, each change under the id it waits for."""
        for id, changes in self._waiting.items():
            for change in changes:
                yield id, change

    def _woken(self) -> Sequence[Change[Any]]:
        """Return what was parked for the runs of this fold."""
        new = self.accounts.keys() - self._asked
        self._asked |= new
        return [
            Change(arrival, max(self.batches_of.get(id, {0})), woken=True)
            for id, arrival in parking.take(self._connection, new)
        ]

    def _take(self, change: Change[Any]) -> None:
        """Put a change where it belongs, and after it what waited for it in this fold."""
        queue = deque([change])
        while queue:
            next_change = queue.popleft()
            arrival: Arrival = next_change.arrival
            match arrival:
                case RunArrival():
                    self._take_run(arrival, next_change)
                    if arrival.post and arrival.id in self.accounts:
                        queue.extend(self._waiting.pop(arrival.id, ()))
                case FeedbackArrival():
                    self._take_feedback(arrival, next_change)
                case AttachmentArrival():
                    self._take_attachment(arrival, next_change)
                case FeedbackPatch():
                    if self._admits(next_change):
                        self.patches.append(next_change)

    def _take_run(self, arrival: RunArrival, change: Change[Any]) -> None:
        fault = fault_of(arrival)
        if fault is not None:
            self._refuse(change, "INVALID", fault)
        elif self._admits(change):
            self._take_valid(arrival, change)

    def _take_valid(self, arrival: RunArrival, change: Change[Any]) -> None:
        if arrival.post:
            self._take_post(arrival, change)
        elif arrival.id in self.accounts:
            dotted = arrival.dotted_order
            trace = trace_of(dotted) if dotted else self.accounts[arrival.id].trace_id
            self._tell(arrival, change, trace)
        else:
            self._wait(arrival.id, change)

    def _take_post(self, arrival: RunArrival, change: Change[Any]) -> None:
        place = told_place(arrival)
        if place is None and (parent := awaited_parent(arrival)) is not None:
            above = self._memory.place_of(parent)
            if above is None:
                self._wait(parent, change)
                return
            place = place_under(above, arrival)
        if place is None:
            fault = f"run {arrival.id} would stand below itself"
            self._refuse(change, "INVALID", fault)
            return
        trace = trace_of(place.dotted_order)
        if not self._admits(change, trace):
            return
        account = self._tell(arrival, change, trace)
        if account is not None:
            self.admission.note(arrival, trace)
            account.offer("dotted_order", place.dotted_order, place.weight)
            if arrival.start_time is None:
                account.tell_start(start_of(place.dotted_order), arrival)
            self.posts.append((account, arrival))

    def _tell(self, arrival: RunArrival, change: Change[Any], trace: UUID) -> Account | None:
        """Return the run's account with the arrival in it; None if that names another trace."""
        account = self.accounts.get(arrival.id)
        known = trace if account is None else account.trace_id
        other = next(
            (each for each in (trace, arrival.trace_id) if each not in (None, known)), None
        )
        if other is not None:
            fault = f"run {arrival.id} is in trace {known}; trace {other} was given"
            self._refuse(change, "CONFLICT", fault)
            return None
        if account is None:
            account = self.accounts[arrival.id] = Account(trace, arrival.id)
        self.batches_of.setdefault(arrival.id, set()).add(change.batch)
        account.tell(arrival)
        return account

    def _admits(self, change: Change[Any], trace: UUID | None = None) -> bool:
        """Say whether the sender may bring a change, which goes into a trace; else refuse it."""
        fault = self.admission.fault(change.arrival, trace)
        if fault is not None:
            self._refuse(change, "FORBIDDEN", fault)
        return fault is None

    def _awaited(self, arrival: FeedbackArrival | AttachmentArrival) -> UUID | None:
        """Return the run without which it can not be told whether a limited sender may do this."""
        run = arrival.run_id or arrival.trace_id
        if arrival.projects is None or run is None or self.admission.knows(run):
            return None
        return run

    def _take_feedback(self, arrival: FeedbackArrival, change: Change[Any]) -> None:
        if not self._admits(change):
            return
        if (run := self._awaited(arrival)) is not None:
            self._wait(run, change)
            return
        trace = arrival.trace_id
        if trace is None and arrival.run_id is not None:
            trace = self._memory.trace_of(arrival.run_id)
            if trace is None:
                self._wait(arrival.run_id, change)
                return
        trace = trace or arrival.session_id
        if trace is None:
            fault = f"feedback {arrival.id} names no run_id, no trace_id and no session_id"
            self._refuse(change, "INVALID", fault)
        else:
            self.feedback.append((trace, change))

    def _take_attachment(self, arrival: AttachmentArrival, change: Change[Any]) -> None:
        trace = arrival.trace_id or self._memory.trace_of(arrival.run_id)
        if len(arrival.name) > LONGEST_NAME:
            size = len(arrival.name)
            fault = f"an attachment's name is {size} characters long; at most {LONGEST_NAME}"
            self._refuse(change, "INVALID", fault)
        elif not self._admits(change):
            return
        elif trace is None or self._awaited(arrival) is not None:
            self._wait(arrival.run_id, change)
        else:
            self.attachments.append((trace, arrival))

    def _wait(self, id: UUID, change: Change[Any]) -> None:
        self._waiting.setdefault(id, []).append(change)

    def _refuse(self, change: Change[Any], code: str, fault: str) -> None:
        arrival: Arrival = change.arrival
        if change.woken and code == "FORBIDDEN":  # it is none of the business of who woke it
            log.warning("dropped what waited: %s", fault)
            return
        id = arrival.run_id if isinstance(arrival, AttachmentArrival) else arrival.id
        self.refused.append((change.batch, Refusal(id, code, fault)))


def _changes(batches: Sequence[Batch]) -> list[Change[Any]]:
    return [
        Change(arrival, place)
        for place, batch in enumerate(batches)
        for arrivals in (batch.runs, batch.feedback, batch.feedback_patches, batch.attachments)
        for arrival in arrivals
    ]


def _ids_in(changes: Sequence[Change[Any]]) -> tuple[set[UUID], set[UUID]]:
    """Return the ids of runs that changes are about, and of those that they lean on."""
    changed: set[UUID] = set()
    named: set[UUID | None] = set()
    for change in changes:
        arrival: Arrival = change.arrival
        match arrival:
            case RunArrival():
                changed.add(arrival.id)
                named.add(awaited_parent(arrival))
            case FeedbackArrival() | AttachmentArrival():
                if arrival.trace_id is None:
                    named.add(arrival.run_id)
            case FeedbackPatch():
                pass
    return changed, {id for id in named if id is not None}
