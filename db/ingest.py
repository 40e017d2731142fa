"""The fold of arrivals into rows: in any order, any number of times, split into any batches.

The same arrivals end in the same rows; only the moments at which a project was made and a change
was parked are the server's. Two things are decided by who comes first, and told to the other by
name: the trace of a run, and that of a judgement.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from db import attachments, parking, projects
from db.arrivals import Batch, Outcome, Refusal, RunArrival
from db.dialects import only_writer
from db.feedback import fold_feedback
from db.gather import Gathering
from db.merge import Weight, microseconds, rank_of
from db.writing import write_runs


def fold(connection: Connection, batches: Sequence[Batch], now: datetime) -> list[Outcome]:
    """Fold batches into rows, in the caller's transaction; return an outcome for each, in order.

    `now` is the server's clock. A run, a judgement or a file that can not be kept is named in its
    batch's outcome and leaves the others alone.
    """
    only_writer(connection)
    gathering = Gathering(connection, batches)
    _give_projects(connection, gathering, now)
    changed = write_runs(connection, gathering.accounts.values())
    attachments.put_many(connection, gathering.attachments)
    _discard_refused(connection, gathering, batches)
    judged = fold_feedback(
        connection, gathering.feedback, gathering.patches, now, gathering.admission
    )
    waiting = [*gathering.waiting(), *judged.waiting]
    parking.park(connection, [(id, change.arrival) for id, change in waiting], now)
    outcomes = _Outcomes(len(batches))
    for batch, refusal in (*gathering.refused, *judged.refused):
        outcomes.refused[batch].append(refusal)
    for _, change in waiting:
        outcomes.parked[change.batch] += 1
    for id in changed:
        for batch in gathering.batches_of.get(id, (len(batches) - 1,)):
            outcomes.runs[batch].append(id)
    return outcomes.each()


class _Outcomes:
    """What is known so far of what became of each batch."""

    def __init__(self, count: int) -> None:
        self.refused: list[list[Refusal]] = [[] for _ in range(count)]
        self.runs: list[list[UUID]] = [[] for _ in range(count)]
        self.parked = [0] * count

    def each(self) -> list[Outcome]:
        """Return an outcome for each batch."""
        return [
            Outcome(refused=tuple(refused), runs=tuple(runs), parked=parked)
            for refused, runs, parked in zip(self.refused, self.runs, self.parked, strict=True)
        ]


def _discard_refused(
    connection: Connection, gathering: Gathering, batches: Sequence[Batch]
) -> None:
    """Note that the bytes of refused files, if they are outside of the database, are nobody's."""
    sent = {file.object for batch in batches for file in batch.attachments if file.object}
    if sent:
        waiting = {getattr(change.arrival, "object", None) for _, change in gathering.waiting()}
        kept = {file.object for _, file in gathering.attachments}
        attachments.discard(connection, sent - kept - waiting)


def _give_projects(connection: Connection, gathering: Gathering, now: datetime) -> None:
    """Give each run the project that the highest ranking of its posts names."""
    if not gathering.posts:
        return
    wanted = {(post.session_id, post.session_name) for _, post in gathering.posts}
    found = projects.find_or_make(connection, wanted, now)
    for account, post in gathering.posts:
        project = found[post.session_id, post.session_name]
        account.offer("session_id", project, _weight_of_project(post))


def _weight_of_project(post: RunArrival) -> Weight:
    """Return how well a post names its project: by id, by name, not at all."""
    level = 2 if post.session_id else 1 if post.session_name else 0
    return rank_of(post, "session_id", (level, microseconds(post.end_time)))
