"""Arrivals in any order, any number of times, split into any batches: the same rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.arrivals import AttachmentArrival, Batch, FeedbackPatch, RunArrival
from tests.telling import OpenBook, at, bare, id_of, judged, patch, post, used

KINDS = {
    RunArrival: "runs",
    type(judged(0)): "feedback",
    FeedbackPatch: "feedback_patches",
    AttachmentArrival: "attachments",
}
SPAN = ("start_time", "last_time", "end_time", "trace_count")
MEASURES = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_cost", "total_cost")


def maybe(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | value


small = st.integers(0, 3)
counts = st.builds(used, small, small) | st.builds(
    lambda kind, count: used(count, 1, input_token_details={kind: count}),
    st.sampled_from(("cache_read", "audio")),
    small,
)
given_usage = st.builds(
    lambda tokens, cost: json.dumps({"prompt_tokens": tokens, "total_cost": cost}), small, small
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "end_time": st.integers(0, 2).map(lambda second: at(100 + second)),
        "run_type": st.sampled_from(("llm", "chain", "tool")),
        "name": st.sampled_from(("a", "b", "")),
        "error": st.sampled_from(("", "broken")),
        "outputs": st.sampled_from(("{}", '{"answer": 1}')) | counts,
        "inputs": st.sampled_from(("{}", '{"model": "gpt-4o"}')),
        "events": st.sampled_from(("[]", '[{"name": "new_token", "time": 1772366401}]')),
        "tags": st.sampled_from(((), ("x",), ("x", "y"))),
        "extra": st.sampled_from(
            (
                "{}",
                '{"metadata": null}',
                '{"metadata": {"thread_id": "t", "n": 1}}',
                '{"metadata": {"session_id": "other", "n": 1}}',
                '{"metadata": {"ls_model_name": "gpt-4o-mini", "n": 2}}',
            )
        ),
        "serialized": st.sampled_from(("{}", '{"a": 1}')),
        "usage": given_usage,
    },
)
projects = st.sampled_from(
    [
        {"session_id": id and id_of(id), "session_name": name}
        for id, name in ((None, None), (None, "p"), (None, "q"), (900, None), (901, "mine"))
    ]
)
"""Ways to name a project; a name is never given with two ids, the first to come would have it."""


@st.composite
def stories(draw: Callable[..., Any]) -> list[Any]:
    """Return the arrivals of one or two traces."""
    told: list[Any] = []
    runs: list[RunArrival] = []
    for number in range(draw(st.integers(1, 7))):
        same = [run for run in runs if run.trace_id == runs[0].trace_id]
        parent = draw(maybe(st.sampled_from(same))) if same and number != 4 else None
        run = post(number, parent, **draw(projects))
        runs.append(run)
        told += draw(arrivals_of(run, runs))
    return told


@st.composite
def arrivals_of(draw: Callable[..., Any], run: RunArrival, runs: list[RunArrival]) -> list[Any]:
    told: list[Any] = []
    if draw(st.integers(0, 5)):
        told.append(post_again(run, draw(fields), barely=not draw(small)))
    if not draw(st.integers(0, 4)):
        told.append(post_again(run, {**draw(fields), **draw(projects)}, barely=not draw(small)))
    elsewhere = [
        other
        for other in runs
        if run.trace_id == other.trace_id and str(run.id) not in (other.dotted_order or "")
    ]
    if run.parent_run_id and elsewhere and not draw(st.integers(0, 9)):
        told.append(moved_under(draw(st.sampled_from(elsewhere)), run))
    told += [patch(run, **each) for each in draw(st.lists(fields, max_size=2))]
    if not draw(small):
        told += draw(judgements(run))
    if not draw(small):
        trace = draw(st.sampled_from((None, run.trace_id)))
        told += [
            AttachmentArrival(
                run_id=run.id, trace_id=trace, name="file", mime_type="text/plain", data=data
            )
            for data in draw(st.lists(st.sampled_from((b"", b"a", b"b")), max_size=2))
        ]
    return told


def post_again(run: RunArrival, more: dict[str, Any], *, barely: bool) -> RunArrival:
    again = replace(run, **more)
    return bare(again) if barely else again


def moved_under(parent: RunArrival, run: RunArrival) -> RunArrival:
    _, _, own = (run.dotted_order or "").rpartition(".")
    return replace(run, dotted_order=f"{parent.dotted_order}.{own}", parent_run_id=parent.id)


@st.composite
def judgements(draw: Callable[..., Any], run: RunArrival) -> list[Any]:
    number = 500 + run.id.int % 100
    trace = draw(st.sampled_from((None, run.trace_id)))
    first = judged(number, run_id=run.id, trace_id=trace, score=1.0)
    if draw(st.booleans()):
        return [first, FeedbackPatch(id=first.id, comment="hm", score=draw(maybe(st.just(0.5))))]
    later = judged(
        number, run_id=run.id, score=2.0, modified_at=at(number + draw(st.integers(0, 1)))
    )
    return [first, later]


@st.composite
def tellings(draw: Callable[..., Any], told: list[Any]) -> list[list[Batch]]:
    """Return arrivals shuffled, some of them twice, in folds of batches."""
    again = draw(st.lists(st.sampled_from(told), max_size=4)) if told else []
    order = draw(st.permutations([*told, *again]))
    folds: list[list[Batch]] = []
    while order:
        folds.append([])
        for size in draw(st.lists(st.integers(1, 5), min_size=1, max_size=2)):
            some, order = order[:size], order[size:]
            sorted_out: dict[str, list[Any]] = {kind: [] for kind in KINDS.values()}
            for arrival in some:
                sorted_out[KINDS[type(arrival)]].append(arrival)
            folds[-1].append(Batch(**sorted_out))
    return folds


def check_law(open_book: OpenBook, data: st.DataObject) -> None:
    told = data.draw(stories())
    with open_book() as book:
        for batches in data.draw(tellings(told)):
            book.fold(*batches)
        one_way = book.everything()
    with open_book() as book:
        for batches in data.draw(tellings(told)):
            book.fold(*batches)
        other_way = book.everything()
    assert differing(one_way, other_way) == []
    check_sums(one_way["run"], one_way["run_payload"])
    check_threads(one_way["run"], one_way["thread"])


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return (table, row number, column, value, other value) of what is not the same."""
    found = [(name, len(one[name]), len(other[name])) for name in one]
    found = [each for each in found if each[1] != each[2]]
    for name, rows in one.items():
        for number, (row, same) in enumerate(zip(rows, other[name], strict=False)):
            found += [
                (name, number, key, row[key], same[key]) for key in row if row[key] != same[key]
            ]
    return found


def check_sums(runs: list[dict[str, Any]], payloads: list[dict[str, Any]]) -> None:
    carried = {payload["id"]: payload for payload in payloads}
    for run in runs:
        below = [
            other for other in runs if other["dotted_order"].startswith(run["dotted_order"] + ".")
        ]
        llms = sum(other["run_type"] == "llm" for other in below)
        assert run["llm_descendants"] == llms
        check_own(run, carried[run["id"]], counted=run["run_type"] == "llm" or not llms)
        for name in MEASURES:
            told = [each[f"own_{name}"] for each in (run, *below)]
            values = [value for value in told if value is not None]
            assert run[f"total_{name}"] == (sum(values) if values else None)


def check_threads(runs: list[dict[str, Any]], threads: list[dict[str, Any]]) -> None:
    of_thread: dict[tuple[Any, str], list[dict[str, Any]]] = {}
    for run in runs:
        if run["thread_id"] is not None:
            of_thread.setdefault((run["session_id"], run["thread_id"]), []).append(run)
    told = {
        (each["session_id"], each["thread_id"]): tuple(each[name] for name in SPAN)
        for each in threads
    }
    assert told == {
        place: (
            min(run["start_time"] for run in found),
            max(run["start_time"] for run in found),
            max((run["end_time"] for run in found if run["end_time"] is not None), default=None),
            len({run["trace_id"] for run in found}),
        )
        for place, found in of_thread.items()
    }


def check_own(run: dict[str, Any], payload: dict[str, Any], *, counted: bool) -> None:
    usage = json.loads(payload["usage"] or "{}")
    if run["run_type"] == "llm" and not usage:
        outputs = json.loads(payload["outputs"] or "{}")
        usage = {"prompt_tokens": outputs.get("usage_metadata", {}).get("input_tokens")}
    prompt = usage.get("prompt_tokens") if counted else None
    assert run["own_prompt_tokens"] == prompt
    if usage.get("total_cost") is not None and counted:
        assert run["own_total_cost"] == Decimal(usage["total_cost"])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_arrivals_in_any_order_end_in_the_same_rows(open_book: OpenBook, data: st.DataObject):
    check_law(open_book, data)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=3_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_arrivals_in_any_order_end_in_the_same_rows_many_times(
    open_book: OpenBook, data: st.DataObject
):
    check_law(open_book, data)
