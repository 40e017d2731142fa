"""Runs told by posts and patches, in whatever order."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from db.arrivals import Batch, RunArrival
from db.columns import RUN_COLUMNS
from db.merge import packed, unpacked
from db.parking import age_out, parked_count
from db.tables import RUN
from tests.telling import NOW, Book, at, bare, chain, id_of, patch, post

ROOT = post(1)
CHILD = post(2, ROOT)


def test_a_late_post_does_not_wipe_what_a_patch_brought(book: Book):
    told = {"outputs": '{"answer": 1}', "events": '[{"name": "end"}]', "error": "broken"}
    book.tell(ROOT)
    book.tell(patch(ROOT, end_time=at(9), **told))

    book.tell(replace(ROOT, outputs="{}", events="[]", error=""))

    assert {name: book.payload(ROOT)[name] for name in ("outputs", "events")} == {
        "outputs": told["outputs"],
        "events": told["events"],
    }
    assert book.run(ROOT)["error"] == "broken"


@pytest.mark.parametrize("empty", ["{}", "[]", "null", '""', " { } "])
def test_an_empty_patch_does_not_wipe_what_a_post_brought(book: Book, empty: str):
    book.tell(replace(ROOT, inputs='{"a": 1}'), patch(ROOT, inputs=empty))

    assert book.payload(ROOT)["inputs"] == '{"a": 1}'


def test_of_two_patches_the_one_that_ended_later_counts(book: Book):
    book.tell(ROOT, patch(ROOT, end_time=at(9), outputs='{"late": 1}'))
    book.tell(patch(ROOT, end_time=at(8), outputs='{"early": "and longer"}'))

    assert book.payload(ROOT)["outputs"] == '{"late": 1}'
    assert book.run(ROOT)["end_time"] == at(9)


def test_the_same_arrival_again_changes_nothing(book: Book):
    story = (ROOT, CHILD, patch(CHILD, end_time=at(9), error="broken"))
    book.tell(*story)
    before = book.everything()

    outcome = book.tell(*story)

    assert outcome.runs == ()
    assert book.everything() == before


def test_a_patch_before_its_post_waits_and_shows_nowhere(book: Book):
    outcome = book.tell(patch(ROOT, end_time=at(9)))

    assert (outcome.parked, outcome.runs) == (1, ())
    assert book.rows("run") == []

    outcome = book.tell(ROOT)

    assert outcome.runs == (ROOT.id,)
    assert book.run(ROOT)["end_time"] == at(9)
    assert parked_count(book.connection) == 0


def test_a_patch_before_its_post_in_the_same_fold_does_not_wait(book: Book):
    first, second = book.fold(Batch(runs=[patch(ROOT, end_time=at(9))]), Batch(runs=[ROOT]))

    assert (first.parked, second.parked) == (0, 0)
    assert first.runs == second.runs == (ROOT.id,)
    assert book.run(ROOT)["status"] == "success"


def test_the_same_patch_parked_twice_is_one_row(book: Book):
    book.tell(patch(ROOT, end_time=at(9)))
    book.tell(patch(ROOT, end_time=at(9)))

    assert parked_count(book.connection) == 1


def test_everything_a_patch_carries_survives_being_parked(book: Book):
    told = patch(
        ROOT,
        end_time=at(9),
        tags=("a", "ü"),
        reference_example_id=id_of(7),
        in_dataset=True,
        extra='{"metadata": {"n": 1}}',
        usage='{"prompt_tokens": 3}',
    )
    book.tell(told)
    book.tell(ROOT)
    waited = book.everything()

    book.connection.rollback()
    book.tell(ROOT)
    book.tell(told)

    assert book.everything() == waited


def test_old_parked_changes_are_forgotten(book: Book):
    book.fold(Batch(runs=[patch(ROOT)]), now=at(0))
    book.fold(Batch(runs=[patch(CHILD)]), now=at(60))

    assert age_out(book.connection, at(30)) == 1
    assert parked_count(book.connection) == 1


def test_a_root_without_a_place_is_its_own_trace(book: Book):
    book.tell(bare(ROOT))

    run = book.run(ROOT)
    assert (run["trace_id"], run["dotted_order"]) == (ROOT.trace_id, ROOT.dotted_order)


def test_a_child_without_a_place_stands_under_its_parent(book: Book):
    book.tell(ROOT)
    book.tell(bare(CHILD))

    run = book.run(CHILD)
    assert (run["trace_id"], run["dotted_order"]) == (ROOT.id, CHILD.dotted_order)
    assert (run["parent_run_id"], run["depth"]) == (ROOT.id, 1)


def test_children_without_a_place_wait_for_their_parents_however_many(book: Book):
    posts = chain(6)
    for run in reversed(posts):
        book.tell(patch(run, end_time=at(99)))
        book.tell(bare(run))

    assert {row["dotted_order"] for row in book.rows("run")} == {r.dotted_order for r in posts}
    assert {row["status"] for row in book.rows("run")} == {"success"}
    assert parked_count(book.connection) == 0


def test_a_start_is_read_from_the_place(book: Book):
    book.tell(replace(ROOT, start_time=None))

    assert book.run(ROOT)["start_time"] == ROOT.start_time


def test_a_run_that_tells_neither_start_nor_place_is_refused_and_its_neighbours_kept(book: Book):
    outcome = book.tell(bare(ROOT, start_time=None), post(3))

    assert [(each.id, each.code) for each in outcome.refused] == [(ROOT.id, "INVALID")]
    assert outcome.runs == (id_of(3),)


def test_a_second_trace_of_a_run_is_refused_by_name(book: Book):
    book.tell(CHILD)
    other = post(2, post(8))

    first, second = book.fold(Batch(runs=[post(5)]), Batch(runs=[other, post(6)]))

    assert first.refused == ()
    (refusal,) = second.refused
    assert (refusal.id, refusal.code) == (CHILD.id, "CONFLICT")
    assert str(CHILD.trace_id) in refusal.message
    assert str(other.trace_id) in refusal.message
    assert book.run(CHILD)["trace_id"] == CHILD.trace_id
    assert book.names() == ["run 2", "run 5", "run 6"]


def test_a_child_that_names_another_trace_than_its_parents_is_refused(book: Book):
    outcome = book.tell(ROOT, replace(bare(CHILD), trace_id=id_of(9)))

    assert [each.code for each in outcome.refused] == ["CONFLICT"]


def test_a_patch_that_names_another_trace_is_refused(book: Book):
    book.tell(ROOT)

    outcome = book.tell(patch(replace(ROOT, trace_id=id_of(9), dotted_order=None), error="x"))

    assert [each.code for each in outcome.refused] == ["CONFLICT"]
    assert book.run(ROOT)["error"] is None


def test_children_without_a_place_follow_when_their_parent_moves(book: Book):
    top, side, below = post(1), post(2, post(1)), post(3, post(1), run_type="llm")
    moved = post(3, side, run_type="llm")
    leaf = post(4, moved)
    book.tell(top, below, bare(leaf))
    book.tell(side)
    assert book.run(side)["llm_descendants"] == 0

    book.tell(replace(below, dotted_order=moved.dotted_order, parent_run_id=side.id))

    assert book.run(leaf)["dotted_order"] == leaf.dotted_order
    assert book.run(side)["llm_descendants"] == 1
    assert book.run(leaf)["depth"] == 3


def test_a_run_can_not_stand_below_itself(book: Book):
    book.tell(ROOT, bare(CHILD))

    outcome = book.tell(bare(ROOT, parent_run_id=CHILD.id))

    assert [each.message for each in outcome.refused] == [f"run {ROOT.id} would stand below itself"]
    assert book.run(ROOT)["parent_run_id"] is None


@pytest.mark.parametrize("year", [1, 999, 2026])
def test_moments_are_kept_to_the_microsecond_and_in_utc(book: Book, year: int):
    east = datetime(year, 5, 6, 7, 8, 9, 10, timezone(timedelta(hours=2)))

    book.tell(bare(ROOT, start_time=east))

    run = book.run(ROOT)
    assert run["start_time"] == east
    assert run["dotted_order"] == f"{year:04d}0506T050809000010Z{ROOT.id}"


def test_a_moment_that_is_none_in_utc_is_refused(book: Book):
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))

    outcome = book.tell(replace(ROOT, end_time=early), post(3))

    assert "end_time is 0001-01-01 00:00:00+14:00" in outcome.refused[0].message
    assert book.names() == ["run 3"]


def test_a_patch_with_a_place_and_no_trace_is_held_to_its_place(book: Book):
    book.tell(ROOT)
    elsewhere = post(1, post(8))

    outcome = book.tell(replace(patch(elsewhere), trace_id=None), replace(patch(ROOT), error="x"))

    assert [each.code for each in outcome.refused] == ["CONFLICT"]
    assert book.run(ROOT)["status"] == "error"


def test_a_run_type_longer_than_an_index_holds_is_refused(book: Book):
    outcome = book.tell(replace(ROOT, run_type="x" * 257))

    assert outcome.refused[0].message == "run_type is 257 characters long; at most 256"


def test_a_run_without_a_name_has_one(book: Book):
    book.tell(RunArrival(id=ROOT.id, post=True, start_time=at(1)))

    run = book.run(ROOT)
    assert (run["name"], run["run_type"]) == ("unnamed", "chain")


def test_weights_come_back_from_the_text_they_are_stored_as():
    weights = {"name": (0, -(1 << 63)), "outputs": (1, 1_772_366_400_000_000), "error": (1, -5)}

    assert unpacked(packed(weights)) == weights


def test_an_outcome_names_ancestors_whose_sums_changed(book: Book):
    book.tell(ROOT)

    outcome = book.tell(replace(CHILD, run_type="llm"))

    assert set(outcome.runs) == {ROOT.id, CHILD.id}


def test_nothing_makes_no_rows(book: Book):
    assert book.fold(Batch(), Batch(), now=NOW)[1].runs == ()
    assert not any(book.everything().values())


def test_the_columns_of_a_run_are_written_in_the_order_of_its_table():
    assert tuple(RUN.c.keys()) == RUN_COLUMNS
