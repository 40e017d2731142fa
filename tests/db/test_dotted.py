"""Dotted orders, and what is said about wrong ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from db import dotted
from db.arrivals import RunArrival
from tests.telling import at, bare, id_of, post

ROOT = post(1)
CHILD = post(2, ROOT)


def test_a_dotted_order_tells_what_it_was_made_of():
    order = CHILD.dotted_order or ""

    assert dotted.is_dotted(order)
    assert dotted.id_of(order) == CHILD.id
    assert dotted.trace_of(order) == dotted.parent_id_of(order) == ROOT.id
    assert dotted.parent_of(order) == ROOT.dotted_order
    assert dotted.depth_of(order) == 1
    assert dotted.start_of(order) == CHILD.start_time


def test_a_root_has_no_parent():
    order = ROOT.dotted_order or ""

    assert dotted.parent_of(order) is None
    assert dotted.parent_id_of(order) is None
    assert dotted.depth_of(order) == 0


def test_a_segment_is_in_utc_with_six_digits_of_a_second():
    there = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert dotted.segment(there, ROOT.id) == f"20251231T233000000000Z{ROOT.id}"


def test_early_years_keep_their_four_digits():
    assert dotted.segment(datetime(987, 1, 1, tzinfo=UTC), ROOT.id).startswith("09870101T")


@pytest.mark.parametrize("run", [ROOT, CHILD, bare(ROOT), bare(CHILD)])
def test_good_places_have_no_fault(run: RunArrival):
    assert dotted.check_place(run) is None


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        (replace(ROOT, dotted_order="2026"), "dotted_order is '2026'; it must be segments"),
        (
            replace(ROOT, dotted_order=f"20260301T120000001Z{ROOT.id}"),
            "it must be segments of YYYYmmddTHHMMSSffffffZ",
        ),
        (replace(ROOT, dotted_order=f"20261399T120000000000Z{ROOT.id}"), "names no moment"),
        (replace(CHILD, id=id_of(3)), f"ends in {CHILD.id}, which is not the run's id {id_of(3)}"),
        (replace(CHILD, trace_id=id_of(9)), f"begins with {ROOT.id}, not the trace_id {id_of(9)}"),
        (
            replace(CHILD, parent_run_id=id_of(9)),
            f"names {ROOT.id} as the parent, but parent_run_id is {id_of(9)}",
        ),
        (
            replace(ROOT, parent_run_id=id_of(9)),
            f"names no run as the parent, but parent_run_id is {id_of(9)}",
        ),
        (bare(ROOT, start_time=None), "neither a start_time nor a dotted_order"),
        (bare(ROOT, parent_run_id=ROOT.id), "the run itself"),
        (replace(bare(ROOT), trace_id=id_of(9)), f"trace_id is {id_of(9)}, but run {ROOT.id}"),
        (post(1, ROOT, start_time=at(1)), f"names {ROOT.id}, the run itself, as the parent"),
    ],
)
def test_a_wrong_place_is_named(run: RunArrival, fault: str):
    assert fault in (dotted.check_place(run) or "")
