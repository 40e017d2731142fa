"""Which arrivals a sender limited to some projects may bring: none that touches another project.

An arrival touches the project it names, those of the run and of the trace it belongs to, as far as
they are known, and what it replaces. A trace with runs of another project takes nothing: usage adds
up along it. Refusals tell nothing of what they protect, not even that it is there.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from db import projects
from db.arrivals import AttachmentArrival, FeedbackArrival, FeedbackPatch, RunArrival
from db.dialects import key_rows
from db.dotted import trace_of
from db.parking import Arrival, Change
from db.tables import FEEDBACK, RUN

_ids = key_rows("ids", ("id",))
_RUNS = select(RUN.c.id, RUN.c.trace_id, RUN.c.session_id).select_from(
    _ids.join(RUN, RUN.c.id == _ids.c.id)
)
_TRACES = (
    select(RUN.c.trace_id, RUN.c.session_id)
    .select_from(_ids.join(RUN, RUN.c.trace_id == _ids.c.id))
    .distinct()
)
_JUDGED = select(FEEDBACK).select_from(_ids.join(FEEDBACK, FEEDBACK.c.id == _ids.c.id))


class Admission:
    """What is known of the projects that a fold's limited arrivals could touch."""

    def __init__(self, connection: Connection) -> None:
        self.active = False
        self._connection = connection
        self._of_run: dict[UUID, set[UUID]] = {}
        self._of_trace: dict[UUID, set[UUID]] = {}
        self._trace_of: dict[UUID, UUID] = {}
        self._judged: dict[UUID, Any] = {}
        self._named: dict[projects.Wanted, UUID] = {}
        self._before: list[tuple[RunArrival, UUID]] = []

    def look_up(self, changes: Sequence[Change[Any]]) -> None:
        """Find out what changes could touch, if any of them is limited."""
        self.active = self.active or any(c.arrival.projects is not None for c in changes)
        if not self.active:
            return
        arrivals: list[Arrival] = [change.arrival for change in changes]
        noted, self._before = self._before, []
        posts = [post for post, _ in noted]
        posts += [each for each in arrivals if isinstance(each, RunArrival) and each.post]
        wanted = {way for post in posts for way in _ways_named(post)}
        for by_id in (False, True):  # apart: a project by id would take the name it is given
            ways = [way for way in wanted if bool(way[0]) is by_id]
            self._named |= projects.ids_of(self._connection, ways)
        for post, trace in noted:
            self.note(post, trace)
        judged = [each.id for each in arrivals if isinstance(each, FeedbackArrival | FeedbackPatch)]
        for row in self._rows(_JUDGED, judged):
            self._judged[row.id] = row
        runs = {id for each in arrivals for id in _runs_named(each)}
        runs |= {row.run_id for row in self._judged.values() if row.run_id is not None}
        traces = {id for each in arrivals for id in _traces_named(each)}
        traces |= {row.trace_id for row in self._judged.values()}
        for row in self._rows(_RUNS, runs):
            self._of_run.setdefault(row.id, set()).add(row.session_id)
            self._trace_of[row.id] = row.trace_id
            traces.add(row.trace_id)
        for row in self._rows(_TRACES, traces):
            self._of_trace.setdefault(row.trace_id, set()).add(row.session_id)

    def note(self, post: RunArrival, trace: UUID) -> None:
        """Take in where a post that is kept will put its run."""
        if not self.active:
            self._before.append((post, trace))
            return
        project = self._named[wanted_by(post)]
        self._of_run.setdefault(post.id, set()).add(project)
        self._trace_of[post.id] = trace
        self._of_trace.setdefault(trace, set()).add(project)

    def knows(self, run: UUID) -> bool:
        """Say whether a run is stored, or in this fold."""
        return run in self._of_run

    def fault(self, arrival: Arrival, trace: UUID | None = None) -> str | None:
        """Return why an arrival, that would go into a trace, is refused; None if it is not."""
        if arrival.projects is None or self._touched(arrival, trace) <= {*arrival.projects}:
            return None
        what = {
            RunArrival: "run",
            FeedbackArrival: "feedback",
            FeedbackPatch: "feedback",
            AttachmentArrival: "the attachment of run",
        }[type(arrival)]
        id = arrival.run_id if isinstance(arrival, AttachmentArrival) else arrival.id
        return f"{what} {id} is not for this key, which may write to {shown(arrival.projects)}"

    def _touched(self, arrival: Arrival, trace: UUID | None) -> set[UUID]:
        touched: set[UUID] = set()
        if isinstance(arrival, RunArrival) and arrival.post:
            touched |= {self._named[way] for way in _ways_named(arrival)}
        if isinstance(arrival, FeedbackArrival) and arrival.session_id is not None:
            touched.add(arrival.session_id)
        runs, traces = set(_runs_named(arrival)), set(_traces_named(arrival))
        if trace is not None:
            traces.add(trace)
        if isinstance(arrival, FeedbackArrival | FeedbackPatch) and arrival.id in self._judged:
            held = self._judged[arrival.id]
            runs |= {held.run_id} - {None}
            traces.add(held.trace_id)
            touched |= {held.session_id} - {None}
        for run in runs:
            touched |= self._of_run.get(run, set())
            traces |= {self._trace_of[run]} if run in self._trace_of else set()
        for each in traces:
            touched |= self._of_trace.get(each, set())
        return touched

    def _rows(self, statement: Any, ids: Collection[UUID]) -> Iterable[Any]:
        if not ids:
            return ()
        return self._connection.execute(statement, {"ids": [(id,) for id in ids]}).all()


def wanted_by(post: RunArrival) -> projects.Wanted:
    """Return how a post names its project."""
    return post.session_id, post.session_name


def _ways_named(post: RunArrival) -> Iterable[projects.Wanted]:
    """Yield how a post names its project, and the project that its name alone would mean.

    Who may write to a project by its id can not give it a name that others would write to.
    """
    yield wanted_by(post)
    if post.session_name is not None:
        yield None, post.session_name


def shown(allowed: Sequence[UUID]) -> str:
    """Return the projects that a sender may write to, as an error names them."""
    return f"project{'s'[: len(allowed) > 1]} {', '.join(map(str, allowed))}"


def _runs_named(arrival: Arrival) -> Iterable[UUID]:
    match arrival:
        case RunArrival():
            named = (arrival.id, arrival.parent_run_id)
        case FeedbackArrival() | AttachmentArrival():
            named = (arrival.run_id,)
        case FeedbackPatch():
            named = ()
    return [id for id in named if id is not None]


def _traces_named(arrival: Arrival) -> Iterable[UUID]:
    trace = None if isinstance(arrival, FeedbackPatch) else arrival.trace_id
    dotted = arrival.dotted_order if isinstance(arrival, RunArrival) else None
    told = trace_of(dotted) if dotted else None
    return [id for id in (trace, told) if id is not None]
