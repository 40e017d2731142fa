"""What a sender limited to some projects may bring, and what is refused by name."""

import itertools
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

import pytest

from db.arrivals import AttachmentArrival, Batch, FeedbackArrival, FeedbackPatch, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.projects import id_of
from tests.conftest import NAMES, NOON

OWN, FOREIGN = id_of("own"), id_of("foreign")
LIMITED = (OWN,)


def run(name: str, project: str | None = "own", parent: RunArrival | None = None, **facts):
    id = uuid5(NAMES, name)
    own = segment(NOON, id)
    return RunArrival(
        **{
            "id": id,
            "post": True,
            "name": name,
            "run_type": "chain",
            "start_time": NOON,
            "session_name": project,
            "trace_id": parent.trace_id if parent else id,
            "parent_run_id": parent.id if parent else None,
            "dotted_order": f"{parent.dotted_order}.{own}" if parent else own,
            **facts,
        }
    )


def patch(of: RunArrival, **facts) -> RunArrival:
    told = {"outputs": '{"by": "patch"}', "end_time": NOON + timedelta(seconds=1), **facts}
    return RunArrival(id=of.id, post=False, **told)


def feedback(name: str, of: RunArrival | None = None, **facts) -> FeedbackArrival:
    told = {"run_id": of.id, "trace_id": of.trace_id} if of else {}
    at = {"created_at": NOON, "modified_at": NOON}
    return FeedbackArrival(**{"id": uuid5(NAMES, name), "key": name, **at, **told, **facts})


def limited(arrival):
    return replace(arrival, projects=LIMITED)


@pytest.fixture
def codes(keep):
    """Fold arrivals of a limited sender; return the codes of what is refused."""

    def codes(**arrivals):
        told = {name: [limited(each) for each in some] for name, some in arrivals.items()}
        return [refusal.code for refusal in keep(**told).refused]

    return codes


def count(store, table: str, where: str = "1 = 1") -> int:
    with store._engine.connect() as connection:
        sql = f"SELECT count(*) FROM {table} WHERE {where}"
        return connection.exec_driver_sql(sql).scalar_one()


def test_runs_of_its_project_are_kept_and_others_refused_by_name(codes, keep, store):
    theirs = run("theirs", "foreign")
    told = [limited(each) for each in (run("mine"), theirs, run("nobody's", None))]
    refused = keep(runs=told).refused

    assert [each.code for each in refused] == ["FORBIDDEN"] * 2
    assert str(theirs.id) in refused[0].message
    assert count(store, "run") == 1
    assert count(store, "project") == 1


def test_a_known_run_elsewhere_is_not_changed(codes, keep, store):
    theirs = run("theirs", "foreign", error="as it was")
    keep(runs=[theirs])

    assert codes(runs=[patch(theirs, error="changed")]) == ["FORBIDDEN"]
    assert codes(runs=[replace(theirs, session_name="own", error="changed")]) == ["FORBIDDEN"]
    assert count(store, "run", "error = 'as it was'") == 1


def test_a_trace_with_runs_elsewhere_takes_nothing(codes, keep):
    theirs = run("theirs", "foreign")
    keep(runs=[theirs])

    assert codes(runs=[run("below", parent=theirs)]) == ["FORBIDDEN"]
    bare = {"dotted_order": None, "trace_id": None}
    assert codes(runs=[run("bare", parent=theirs, **bare)]) == ["FORBIDDEN"]


def test_feedback_and_files_on_runs_elsewhere_are_refused(codes, keep, store):
    theirs = run("theirs", "foreign")
    keep(runs=[theirs], feedback=[feedback("known", theirs)])
    file = AttachmentArrival(run_id=theirs.id, name="a", mime_type="text/plain", data=b"x")

    assert codes(feedback=[feedback("new", theirs)]) == ["FORBIDDEN"]
    assert codes(feedback=[feedback("bare", theirs, trace_id=None)]) == ["FORBIDDEN"]
    assert codes(feedback=[feedback("of project", session_id=FOREIGN)]) == ["FORBIDDEN"]
    assert codes(feedback=[feedback("known", session_id=OWN)]) == ["FORBIDDEN"]
    known = FeedbackPatch(id=uuid5(NAMES, "known"), comment="changed")
    assert codes(feedback_patches=[known]) == ["FORBIDDEN"]
    assert codes(attachments=[file]) == ["FORBIDDEN"]
    assert count(store, "feedback") == 1
    assert count(store, "attachment") == 0


def test_whole_batches_of_its_own_are_kept(codes, store):
    mine = run("mine")
    below = run("below", parent=mine)
    file = AttachmentArrival(run_id=mine.id, name="a", mime_type="text/plain", data=b"x")
    judged = feedback("good", mine)
    changed = FeedbackPatch(id=judged.id, comment="indeed")

    assert not codes(
        runs=[below, mine, patch(mine)],
        feedback=[judged],
        feedback_patches=[changed],
        attachments=[file],
    )
    assert [count(store, name) for name in ("run", "feedback", "attachment")] == [2, 1, 1]
    assert count(store, "feedback", "comment = 'indeed'") == 1


def test_what_waits_for_a_run_is_dropped_when_that_is_elsewhere(codes, keep, store):
    theirs = run("theirs", "foreign")
    file = AttachmentArrival(run_id=theirs.id, name="a", mime_type="text/plain", data=b"x")
    judged = feedback("early", theirs)
    assert not codes(runs=[patch(theirs)], feedback=[judged], attachments=[file])
    assert not codes(feedback_patches=[FeedbackPatch(id=uuid5(NAMES, "late"), comment="by me")])

    outcome = keep(runs=[theirs], feedback=[feedback("late", theirs)])

    assert not outcome.refused
    assert count(store, "run", "status = 'pending'") == 1
    assert count(store, "feedback", "comment = 'by me'") == 0
    assert [count(store, name) for name in ("feedback", "attachment", "parked")] == [1, 0, 0]


def test_what_waits_for_a_run_of_its_own_is_folded_in(codes, keep, store):
    mine = run("mine")
    assert not codes(runs=[patch(mine)], feedback=[feedback("early", mine)])

    keep(runs=[mine])

    assert count(store, "run", "status = 'success'") == 1
    assert count(store, "feedback") == 1


def test_the_order_in_one_fold_makes_no_difference(store):
    theirs = run("theirs", "foreign")
    mine = limited(patch(theirs, error="changed"))
    for order in itertools.permutations([Batch(runs=[mine]), Batch(runs=[theirs])]):
        with store._engine.connect() as connection:
            fold(connection, list(order), NOON)
            changed = connection.exec_driver_sql("SELECT count(*) FROM run WHERE error IS NOT NULL")
            assert changed.scalar_one() == 0
            connection.rollback()


def test_a_project_gets_no_name_that_others_would_send_to(codes, store):
    assert codes(runs=[run("mine", "not there yet", session_id=OWN)]) == ["FORBIDDEN"]
    assert count(store, "project") == 0
