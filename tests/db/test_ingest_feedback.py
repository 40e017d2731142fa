"""Judgements, in whatever order."""

from dataclasses import replace
from datetime import timedelta

from db.arrivals import Batch, FeedbackPatch, Outcome
from db.feedback import delete_feedback
from db.parking import parked_count
from tests.telling import NOW, Book, at, id_of, judged, post

RUN = post(1)
GOOD = judged(100, run_id=RUN.id, score=1.0)


def judge(book: Book, *told: object) -> Outcome:
    patches = [each for each in told if isinstance(each, FeedbackPatch)]
    whole = [each for each in told if not isinstance(each, FeedbackPatch)]
    return book.fold(Batch(feedback=whole, feedback_patches=patches))[0]  # type: ignore[arg-type]


def test_a_judgement_takes_the_trace_of_its_run(book: Book):
    child = post(2, RUN)
    book.tell(RUN, child, feedback=[judged(100, run_id=child.id)])

    (row,) = book.rows("feedback")
    assert (row["trace_id"], row["run_id"]) == (RUN.id, child.id)


def test_a_judgement_on_an_unknown_run_waits_for_it(book: Book):
    assert judge(book, GOOD).parked == 1
    assert book.rows("feedback") == []

    book.tell(RUN)

    assert book.rows("feedback")[0]["score"] == 1.0
    assert parked_count(book.connection) == 0


def test_a_judgement_that_names_its_trace_does_not_wait(book: Book):
    judge(book, replace(GOOD, trace_id=RUN.id))

    assert book.rows("feedback")[0]["trace_id"] == RUN.id


def test_a_judgement_on_a_project_takes_its_id_as_trace(book: Book):
    judge(book, judged(100, session_id=id_of(50)))

    (row,) = book.rows("feedback")
    assert (row["trace_id"], row["session_id"], row["run_id"]) == (id_of(50), id_of(50), None)


def test_a_judgement_on_nothing_is_refused(book: Book):
    outcome = judge(book, judged(100), replace(GOOD, trace_id=RUN.id))

    (refusal,) = outcome.refused
    assert (refusal.id, refusal.code) == (id_of(100), "INVALID")
    assert len(book.rows("feedback")) == 1


def test_of_a_judgement_told_twice_the_later_is_kept(book: Book):
    first = replace(GOOD, trace_id=RUN.id)
    later = replace(first, score=0.0, modified_at=GOOD.modified_at + timedelta(seconds=1))
    judge(book, later)

    judge(book, first)

    assert book.rows("feedback")[0]["score"] == 0.0


def test_a_changed_judgement_is_not_undone_by_its_creation_sent_again(book: Book):
    told = replace(GOOD, trace_id=RUN.id)
    judge(book, told)
    judge(book, FeedbackPatch(id=GOOD.id, score=0.25))

    judge(book, told)

    (row,) = book.rows("feedback")
    assert (row["score"], row["modified_at"]) == (0.25, NOW)


def test_a_change_is_later_than_what_it_changes_whatever_the_clock_says(book: Book):
    ahead = NOW + timedelta(days=9)
    judge(book, replace(GOOD, trace_id=RUN.id, modified_at=ahead))

    judge(book, FeedbackPatch(id=GOOD.id, comment="hm"))

    (row,) = book.rows("feedback")
    assert row["modified_at"] == ahead + timedelta(microseconds=1)
    assert (row["comment"], row["score"]) == ("hm", 1.0)


def test_the_same_change_again_changes_nothing(book: Book):
    judge(book, replace(GOOD, trace_id=RUN.id), FeedbackPatch(id=GOOD.id, score=0.25))
    before = book.everything()

    judge(book, FeedbackPatch(id=GOOD.id, score=0.25))

    assert book.everything() == before


def test_a_change_to_an_unknown_judgement_waits_even_through_its_own_wait(book: Book):
    judge(book, FeedbackPatch(id=GOOD.id, comment="hm"))
    judge(book, GOOD)
    assert parked_count(book.connection) == 2

    book.tell(RUN)

    assert book.rows("feedback")[0]["comment"] == "hm"
    assert parked_count(book.connection) == 0


def test_a_judgement_stays_in_the_trace_it_was_first_told_in(book: Book):
    judge(book, replace(GOOD, trace_id=RUN.id))

    outcome = judge(book, replace(GOOD, trace_id=id_of(9), modified_at=at(999)))

    assert [(each.id, each.code) for each in outcome.refused] == [(GOOD.id, "CONFLICT")]
    assert [row["trace_id"] for row in book.rows("feedback")] == [RUN.id]


def test_judgements_of_a_refused_run_are_kept(book: Book):
    book.tell(RUN)

    outcome = book.tell(post(1, post(8)), feedback=[GOOD])

    assert len(outcome.refused) == 1
    assert len(book.rows("feedback")) == 1


def test_deleting_tells_which_judgements_were_there(book: Book):
    judge(book, replace(GOOD, trace_id=RUN.id), judged(101, trace_id=RUN.id))

    assert delete_feedback(book.connection, [GOOD.id, id_of(999)]) == [GOOD.id]
    assert [row["id"] for row in book.rows("feedback")] == [id_of(101)]
