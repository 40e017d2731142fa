"""Feedback as the SDK sends, changes, lists and deletes it."""

import pytest
from langsmith.schemas import Feedback

from tests.graph.ingest.sending import MULTIPART, OTHER, RUN, multipart, post

FIRST = "01a2033f-0bba-70a9-ba89-8f5074c2c533"
SECOND = "01a2033f-0bbb-7423-b4a1-8d2f63f42e30"


@pytest.fixture
def judged(wire):
    """Two judgements on one run, of two sources."""
    wire.post("/runs", json=post())
    for at, (id, source) in enumerate([(FIRST, "api"), (SECOND, "model")]):
        answer = wire.post("/feedback", json=feedback(id, at, feedback_source={"type": source}))
        assert answer.status_code == 200, answer.text


def feedback(id=FIRST, at=0, **fields):
    return {
        "id": id,
        "run_id": RUN,
        "trace_id": RUN,
        "key": f"key {at}",
        "score": 0.5,
        "created_at": f"2026-11-22T12:33:1{at}.147437+00:00",
        "modified_at": f"2026-11-22T12:33:1{at}.147439+00:00",
        **fields,
    }


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_feedback_comes_back_as_the_sdk_knows_it(wire, prefix):
    wire.post("/runs", json=post())
    sent = feedback(
        score=True,
        value={"label": "ok", "n": 1.0},
        comment="nice",
        correction="this",
        feedback_source={"type": "api", "metadata": {}},
        feedback_group_id=OTHER,
        extra={"k": 1},
        feedback_config={"type": "continuous"},
        error=None,
    )

    told = wire.post(f"{prefix}/feedback", json=sent).json()
    read = wire.get(f"{prefix}/feedback/{FIRST}").json()

    expected = {key: value for key, value in sent.items() if key != "error"}
    expected |= {"score": 1.0, "session_id": read["session_id"]}
    assert read == expected
    assert told == expected | {"session_id": None}
    as_known = Feedback(**read)
    assert (str(as_known.run_id), as_known.score, as_known.extra) == (RUN, 1.0, {"k": 1})


def test_feedback_needs_no_id_and_no_times(wire):
    wire.post("/runs", json=post())

    told = wire.post("/feedback", json={"run_id": RUN, "key": "k", "score": 1}).json()

    assert wire.get(f"/feedback/{told['id']}").json()["score"] == 1.0
    assert told["created_at"] == told["modified_at"] == "2026-11-22T12:00:00+00:00"


def test_a_patch_changes_what_is_not_null(wire, judged):
    answer = wire.patch(f"/feedback/{FIRST}", json={"score": 0, "comment": None, "value": [1]})

    told = answer.json()
    assert answer.status_code == 200
    assert (told["score"], told["value"], told["key"]) == (0.0, [1], "key 0")
    assert told == wire.get(f"/feedback/{FIRST}").json()


def test_feedback_is_deleted(wire, judged):
    assert wire.delete(f"/feedback/{FIRST}").json()["id"] == FIRST
    assert wire.delete(f"/feedback/{FIRST}").status_code == 404
    assert wire.get(f"/feedback/{FIRST}").status_code == 404


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [SECOND, FIRST]),
        (f"run={RUN}", [SECOND, FIRST]),
        (f"run={OTHER}&run={RUN}&key=key+0&key=other", [FIRST]),
        (f"run={OTHER}", []),
        (f"run={RUN}&source=model", [SECOND]),
        (f"run={RUN}&source=model&source=api&limit=1&offset=1", [FIRST]),
        (f"run={RUN}&limit=1", [SECOND]),
        (f"run={RUN}&limit=1&offset=1", [FIRST]),
        (f"run={RUN}&limit=100000&offset=2", []),
        (f"session={OTHER}", []),
    ],
)
def test_feedback_is_listed(wire, judged, query, ids):
    assert [each["id"] for each in wire.get(f"/feedback?{query}").json()] == ids


@pytest.mark.parametrize(
    ("method", "url", "content", "detail"),
    [
        ("POST", "/feedback", feedback(score="good"), "the feedback: score is 'good'"),
        ("POST", "/feedback", [], "the feedback: is a list; expected an object"),
        ("PATCH", f"/feedback/{FIRST}", {"score": "good"}, "the feedback: score is 'good'"),
        ("PATCH", "/feedback/x", {}, "/feedback/x: id is 'x'; expected a UUID"),
        ("GET", "/feedback?run=x", None, "run: id is 'x'; expected a UUID"),
        ("GET", "/feedback?limit=-1", None, "limit is '-1'; expected a whole number"),
    ],
)
def test_what_is_wrong_is_named(wire, judged, method, url, content, detail):
    answer = wire.request(method, url, json=content)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)


def test_feedback_parts_come_with_runs(wire):
    body = multipart(
        (f"post.{RUN}", post()),
        (f"feedback.{FIRST}", feedback(value="good", score=None, error=True)),
    )

    assert wire.post("/runs/multipart", content=body, headers=MULTIPART).status_code == 202
    told = wire.get(f"/feedback/{FIRST}").json()
    assert (told["value"], told["score"], told["error"]) == ("good", None, True)


def test_a_change_may_come_before_the_feedback(wire):
    answer = wire.patch(f"/feedback/{FIRST}", json={"score": 0.75})
    assert (answer.status_code, answer.json()) == (202, {"message": f"feedback {FIRST} is awaited"})

    wire.post("/runs", json=post())
    wire.post("/feedback", json=feedback())

    assert wire.get(f"/feedback/{FIRST}").json()["score"] == 0.75


def test_feedback_before_its_run_waits_for_it(wire):
    answer = wire.post("/feedback", json=feedback(trace_id=None))
    assert answer.status_code == 200

    wire.post("/runs", json=post())

    (found,) = wire.get(f"/feedback?run={RUN}").json()
    assert (found["id"], found["trace_id"]) == (FIRST, RUN)
