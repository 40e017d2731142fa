"""Spans of a trace, in whatever order and requests they come."""

import json
import random

import pytest

from tests.graph.otlp.sending import NOON, SECOND, run_id, span

TREE = [(0, None), (1, 0), (2, 1), (3, 1), (4, 3)]


def test_a_child_waits_for_its_parent(export, runs):
    export(span(2, 1))
    export(span(1, 0))
    assert runs() == []

    export(span(0))

    found = {run["id"]: run for run in runs()}
    assert found.keys() == {run_id(0), run_id(1), run_id(2)}
    assert found[run_id(2)]["parentRunId"] == run_id(1)
    assert found[run_id(2)]["traceId"] == run_id(0)
    assert found[run_id(2)]["dottedOrder"] == ".".join(
        f"20260101T12000{number}000000Z{run_id(number)}" for number in range(3)
    )


@pytest.mark.parametrize("seed", range(4))
def test_any_order_in_any_requests_ends_in_the_same_runs(export, runs, seed):
    shuffled = TREE * 2
    random.Random(seed).shuffle(shuffled)
    while shuffled:
        some, shuffled = shuffled[:3], shuffled[3:]
        export(*(span(number, parent) for number, parent in some))

    assert [(run["id"], run["parentRunId"]) for run in runs()] == [
        (run_id(number), None if parent is None else run_id(parent)) for number, parent in TREE
    ]


def test_a_span_that_is_sent_again_with_its_end_has_ended(export, runs):
    export(span(0, end_time_unix_nano=0))
    export(span(0))
    export(span(0, end_time_unix_nano=0))

    assert [run["status"] for run in runs()] == ["SUCCESS"]


def test_usage_of_an_agent_counts_while_no_model_below_tells_its_own(export, runs):
    used = {"gen_ai.usage.input_tokens": 10}
    export(span(0, attributes={"gen_ai.operation.name": "invoke_agent", **used}))
    assert runs()[0]["promptTokens"] == 10

    export(span(1, 0, attributes={"gen_ai.operation.name": "chat", **used}))
    assert [run["promptTokens"] for run in runs()] == [10, 10]


PARENT = "0192f4a0-0000-7000-8000-000000000001"


def test_a_span_may_be_put_under_a_run_of_the_sdk(client, export, runs):
    dotted = f"20260101T115959000000Z{PARENT}"
    told = {"id": PARENT, "trace_id": PARENT, "dotted_order": dotted, "name": "sdk"}
    client.post("/runs", json={**told, "run_type": "chain", "start_time": "2026-01-01T11:59:59"})
    child = "0192f4a0-0000-7000-8000-000000000002"
    export(
        span(
            1,
            attributes={
                "langsmith.trace.id": PARENT,
                "langsmith.span.id": child,
                "langsmith.span.parent_id": PARENT,
                "langsmith.span.dotted_order": f"{dotted}.20260101T120000000000Z{child}",
            },
        ),
        span(2, attributes={"langsmith.trace.id": PARENT}),
        span(3, 9, attributes={"langsmith.span.parent_id": child}),
    )

    assert [(run["id"], run["parentRunId"], run["traceId"]) for run in runs()] == [
        (PARENT, None, PARENT),
        (child, PARENT, PARENT),
        (run_id(2), PARENT, PARENT),
        (run_id(3), child, PARENT),
    ]


def test_spans_between_may_be_left_out(export, runs):
    export(
        span(0, 7, attributes={"langsmith.is_root": True}),
        span(1, 8, attributes={"langsmith.traceable_parent_otel_span_id": "b7ad6b7169200000"}),
    )

    assert [run["parentRunId"] for run in runs()] == [None, run_id(0)]


def test_times_are_kept_to_the_nearest_microsecond(export, runs):
    export(span(0, start=NOON + 1_234_567_499, end_time_unix_nano=NOON + 2 * SECOND - 72))

    assert runs()[0]["startTime"] == "2026-01-01T12:00:01.234567Z"
    assert runs()[0]["endTime"] == "2026-01-01T12:00:02.000000Z"


def test_a_feedback_of_the_sdk_finds_the_run_by_the_id_of_its_span(client, export, ask):
    export(span(0))
    sent = {"id": PARENT, "run_id": run_id(0), "key": "good", "score": 1}
    client.post("/feedback", json=sent)

    found = ask("{ runs(first: 1) { nodes { feedbackStats { key n } } } }")
    assert json.dumps(found["runs"]["nodes"][0]["feedbackStats"]) == '[{"key": "good", "n": 1}]'
