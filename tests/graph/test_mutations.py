"""Changing things by GraphQL: the same fold as the wire, seen through the same API."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from db.dotted import segment
from tests.conftest import NOON, run_id

Ask = Callable[..., Any]

CREATE = """mutation ($runs: [RunInput!]!) {
  createRuns(input: {runs: $runs}) {
    runs { id name status parentRunId dottedOrder inputs outputs tags project { name } }
    refused { index id code message }
  }
}"""


def told(name: str, parent: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A run as `createRuns` takes it."""
    id = run_id(name)
    run = {"id": id, "name": name, "runType": "chain", "startTime": "2026-01-01T12:00:00Z"}
    if parent is not None:
        run |= {"parentRunId": parent["id"], "traceId": parent.get("traceId", parent["id"])}
    return run | more


def test_runs_come_back_as_they_are_stored_now_in_the_order_given(ask: Ask):
    root = told("root", projectName="mine", inputs={"b": 1, "a": [1.5, None]}, tags=["x"])
    leaf = told("leaf", root, endTime="2026-01-01T12:00:03Z", outputs={"done": True})

    made = ask(CREATE, runs=[leaf, root])["createRuns"]

    assert made["refused"] == []
    first, second = made["runs"]
    assert (first["name"], first["status"], first["outputs"]) == ("leaf", "SUCCESS", {"done": True})
    assert first["dottedOrder"].startswith(second["dottedOrder"])
    assert second == {
        "id": root["id"],
        "name": "root",
        "status": "PENDING",
        "parentRunId": None,
        "dottedOrder": segment(NOON, UUID(root["id"])),
        "inputs": {"b": 1, "a": [1.5, None]},
        "outputs": None,
        "tags": ["x"],
        "project": {"name": "mine"},
    }


def test_the_same_runs_again_change_nothing(ask: Ask):
    runs = [told("root", inputs={"a": 1}), told("other")]

    assert ask(CREATE, runs=runs) == ask(CREATE, runs=runs)
    assert ask("{ runs { totalCount } }") == {"runs": {"totalCount": 2}}


def test_a_bad_run_is_refused_by_its_place_and_the_others_are_kept(ask: Ask):
    wrong = told("wrong", dottedOrder="yesterday")
    foreign = told("good", traceId=run_id("elsewhere"), parentRunId=run_id("elsewhere"))
    no_uuid = {**told("x"), "id": "seven"}

    first = ask(CREATE, runs=[wrong, told("good"), no_uuid])["createRuns"]
    again = ask(CREATE, runs=[foreign | {"dottedOrder": _under("elsewhere", "good")}])["createRuns"]

    assert [run["name"] for run in first["runs"]] == ["good"]
    assert [(each["index"], each["id"], each["code"]) for each in first["refused"]] == [
        (0, wrong["id"], "INVALID"),
        (2, "seven", "INVALID"),
    ]
    assert "dotted_order is 'yesterday'" in first["refused"][0]["message"]
    assert "id is 'seven'; a UUID is wanted" in first["refused"][1]["message"]
    assert [each["code"] for each in again["refused"]] == ["CONFLICT"]


def _under(parent: str, name: str) -> str:
    return f"{segment(NOON, UUID(run_id(parent)))}.{segment(NOON, UUID(run_id(name)))}"


def test_a_run_whose_parent_is_not_there_waits_for_it(ask: Ask):
    root = told("root")
    leaf = told("leaf", root)

    before = ask(CREATE, runs=[leaf])["createRuns"]
    after = ask(CREATE, runs=[root])["createRuns"]

    assert before == {"runs": [], "refused": []}
    assert [run["name"] for run in after["runs"]] == ["root"]
    assert ask("{ runs { nodes { name } } }")["runs"]["nodes"] == [
        {"name": name} for name in sorted(("root", "leaf"), key=run_id, reverse=True)
    ]


def test_json_that_no_database_holds_is_mended_as_on_the_wire(ask: Ask):
    made = ask(CREATE, runs=[told("run", inputs={"a\0": "\0", "n": 2**80})])["createRuns"]

    assert made["runs"][0]["inputs"] == {"a\ufffd": "\ufffd", "n": 2**80}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("inputs", [1], "inputs is a list; an object is wanted"),
        ("outputs", "text", "outputs is a text; an object is wanted"),
        ("extra", 5, "extra is a number; an object is wanted"),
    ],
)
def test_payloads_are_objects(ask: Ask, field: str, value: Any, message: str):
    refused = ask(CREATE, runs=[told("run", **{field: value})])["createRuns"]["refused"]

    assert [each["message"] for each in refused] == [message]


def test_more_runs_than_allowed_are_refused_whole(answer: Ask):
    found = answer(CREATE, runs=[told(f"run {at}") for at in range(1001)])

    assert found["errors"][0]["message"] == "runs has 1001 items; at most 1000"
    assert found["data"] == {"createRuns": None}


UPDATE = """mutation ($input: UpdateRunInput!) {
  updateRun(input: $input) { run { name status outputs latency } }
}"""


def test_a_run_is_told_more_of(ask: Ask, add: Callable[..., Any]):
    add("run", end_time=None)
    more = {"id": run_id("run"), "endTime": "2026-01-01T12:00:02Z", "outputs": {"x": 1}}

    assert ask(UPDATE, input=more)["updateRun"]["run"] == {
        "name": "run",
        "status": "SUCCESS",
        "outputs": {"x": 1},
        "latency": 2.0,
    }


def test_what_is_told_of_a_run_may_come_before_it(ask: Ask, add: Callable[..., Any]):
    waits = ask(UPDATE, input={"id": run_id("run"), "error": "boom"})
    add("run")

    assert waits == {"updateRun": {"run": None}}
    assert ask("{ runs { nodes { error } } }")["runs"]["nodes"] == [{"error": "boom"}]


def test_a_change_that_names_another_trace_is_refused(answer: Ask, add: Callable[..., Any]):
    add("run")

    found = answer(UPDATE, input={"id": run_id("run"), "traceId": run_id("other"), "error": "x"})

    assert found["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert found["data"] == {"updateRun": None}


JUDGE = """mutation ($input: CreateFeedbackInput!) {
  createFeedback(input: $input) { feedback { id key score value comment run { name } } }
}"""


def test_runs_are_judged_and_judgements_changed_and_deleted(ask: Ask, add: Callable[..., Any]):
    add("run")
    id = str(uuid4())
    judgement = {"id": id, "runId": run_id("run"), "key": "good", "score": 0.5, "value": {"a": 1}}

    made = ask(JUDGE, input=judgement)["createFeedback"]["feedback"]
    again = ask(JUDGE, input=judgement)["createFeedback"]["feedback"]
    changed = ask(
        "mutation ($id: ID!) { updateFeedback(input: {id: $id, comment: null, score: 1}) {"
        " feedback { score value comment } } }",
        id=id,
    )["updateFeedback"]["feedback"]
    deleted = ask(
        "mutation ($ids: [ID!]!) { deleteFeedback(input: {ids: $ids}) { deletedIds } }",
        ids=[id, str(uuid4()), id],
    )

    run = {"name": "run"}
    assert made == again
    assert made == {
        "id": id,
        "key": "good",
        "score": 0.5,
        "value": {"a": 1},
        "comment": None,
        "run": run,
    }
    assert changed == {"score": 1.0, "value": {"a": 1}, "comment": None}
    assert deleted == {"deleteFeedback": {"deletedIds": [id]}}
    assert ask("query ($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}


def test_a_judgement_on_a_run_that_is_not_there_yet_waits(ask: Ask, add: Callable[..., Any]):
    waits = ask(JUDGE, input={"runId": run_id("run"), "key": "good", "score": 1})
    add("run")

    assert waits == {"createFeedback": {"feedback": None}}
    assert ask("{ runs { nodes { feedbackStats { key avg } } } }")["runs"]["nodes"] == [
        {"feedbackStats": [{"key": "good", "avg": 1.0}]}
    ]


def test_a_judgement_about_nothing_is_refused(answer: Ask):
    found = answer(JUDGE, input={"key": "good"})

    assert found["errors"][0]["message"] == (
        "the feedback is about nothing; give a runId, a traceId or a sessionId"
    )


PROJECT = """mutation ($input: CreateProjectInput!) {
  createProject(input: $input) { project { id name description metadata retentionDays } }
}"""


def test_projects_are_made_and_changed(ask: Ask):
    new = {"name": "p", "description": "d", "metadata": {"a": 1}, "retentionDays": 30}

    made = ask(PROJECT, input=new)["createProject"]["project"]
    again = ask(PROJECT, input=new)["createProject"]["project"]
    changed = ask(
        """mutation ($id: ID!) {
          updateProject(input: {id: $id, name: "q", description: null, metadata: {b: 2}}) {
            project { name description metadata retentionDays }
          }
        }""",
        id=made["id"],
    )["updateProject"]["project"]

    assert made == again
    assert {name: made[name] for name in new} == new
    assert changed == {
        "name": "q",
        "description": None,
        "metadata": {"b": 2},
        "retentionDays": 30,
    }


def test_a_project_made_by_name_is_the_one_that_runs_of_that_name_go_to(ask: Ask):
    made = ask(PROJECT, input={"name": "p"})["createProject"]["project"]

    stored = ask(
        "mutation ($runs: [RunInput!]!) {" + _IN_PROJECT, runs=[told("r", projectName="p")]
    )

    assert stored["createRuns"]["runs"] == [{"project": {"id": made["id"]}}]


_IN_PROJECT = " createRuns(input: {runs: $runs}) { runs { project { id } } } }"


def test_another_project_of_a_name_that_is_taken_is_refused(answer: Ask):
    answer(PROJECT, input={"name": "p", "description": "one"})

    found = answer(PROJECT, input={"name": "p", "description": "another"})

    assert found["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert "with another description" in found["errors"][0]["message"]


def test_runs_are_not_kept_for_less_than_no_days(ask: Ask, answer: Ask):
    kept = ask(PROJECT, input={"name": "for ever", "retentionDays": 0})
    found = answer(PROJECT, input={"name": "p", "retentionDays": -1})

    assert kept["createProject"]["project"]["retentionDays"] == 0
    assert found["errors"][0]["message"] == ("retentionDays is -1; at least 0, which is for ever")


def test_each_mutation_of_a_request_sees_what_those_before_it_did(ask: Ask):
    made = ask(
        """mutation ($runs: [RunInput!]!, $id: ID!) {
          createRuns(input: {runs: $runs}) { runs { error } }
          updateRun(input: {id: $id, error: "boom"}) { run { error } }
          createFeedback(input: {runId: $id, key: "k", score: 1}) { feedback { run { error } } }
        }""",
        runs=[told("run")],
        id=run_id("run"),
    )

    assert made == {
        "createRuns": {"runs": [{"error": None}]},
        "updateRun": {"run": {"error": "boom"}},
        "createFeedback": {"feedback": {"run": {"error": "boom"}}},
    }


def test_nothing_is_read_that_was_not_selected(answer: Ask):
    found = answer(
        "mutation ($runs: [RunInput!]!) { createRuns(input: {runs: $runs}) { refused { code } } }",
        runs=[told("run")],
    )

    assert found["extensions"]["rungraph"]["statements"] == []


def test_a_mutation_by_get_is_not_done(client: TestClient, ask: Ask):
    query = 'mutation { createProject(input: {name: "p"}) { project { id } } }'

    assert client.get("/graphql", params={"query": query}).status_code >= 400
    assert ask("{ projects { totalCount } }") == {"projects": {"totalCount": 0}}


def test_a_run_told_in_the_text_of_a_query_is_stored_like_one_told_in_variables(ask: Ask):
    late = (NOON + timedelta(seconds=1)).isoformat()
    text = json.dumps(run_id("run"))

    made = ask(
        f"""mutation {{ createRuns(input: {{runs: [{{
          id: {text}, name: "run", runType: "llm", startTime: "2026-01-01T12:00:00Z"
          endTime: "{late}", inputs: {{list: [1, "a", null, {{deep: true}}]}}
        }}]}}) {{ runs {{ runType latency inputs }} refused {{ message }} }} }}"""
    )

    assert made["createRuns"] == {
        "runs": [
            {
                "runType": "llm",
                "latency": 1.0,
                "inputs": {"list": [1, "a", None, {"deep": True}]},
            }
        ],
        "refused": [],
    }


DELETE = "mutation ($ids: [ID!]!) { delete: %s(input: {ids: $ids}) { deletedIds } }"
ALL = """{
  runs { totalCount } projects { nodes { name stats { runCount } threads { totalCount } } }
  search: runs(where: {search: "luggage"}) { totalCount }
}"""


def test_traces_are_deleted_whole_and_counted_no_more(
    ask: Ask,
    add: Callable[..., Any],
    judge: Callable[..., Any],
    attach: Callable[..., Any],
    index: Callable[[], None],
):
    root = add("root", extra={"metadata": {"session_id": "t"}}, inputs={"a": "luggage"})
    leaf = add("leaf", parent=root, tags=("x",))
    add("other")
    judgement = judge(leaf, "good", score=1)
    attach(leaf, "file", b"data")
    index()

    gone = ask(DELETE % "deleteTraces", ids=[run_id("root"), run_id("other trace")])

    assert gone == {"delete": {"deletedIds": [run_id("root")]}}
    assert ask(ALL) == {
        "runs": {"totalCount": 1},
        "projects": {
            "nodes": [{"name": "p", "stats": {"runCount": 1}, "threads": {"totalCount": 0}}]
        },
        "search": {"totalCount": 0},
    }
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert ask(nodes, ids=[run_id("leaf"), str(judgement.id)]) == {"nodes": [None, None]}
    assert ask('{ runs(where: {tags: {hasAny: ["x"]}}) { totalCount } }')["runs"]["totalCount"] == 0


def test_a_deleted_trace_may_be_sent_again(ask: Ask, add: Callable[..., Any]):
    add("run")
    ask(DELETE % "deleteTraces", ids=[run_id("run")])
    add("run")

    assert ask("{ runs { nodes { name } } }") == {"runs": {"nodes": [{"name": "run"}]}}


def test_projects_are_deleted_with_their_traces(ask: Ask, add: Callable[..., Any]):
    for at in range(3):
        add(f"run {at}", at=at, session_name="gone")
    add("kept")
    id = ask('{ project(by: {name: "gone"}) { id } }')["project"]["id"]

    gone = ask(DELETE % "deleteProject", ids=[id, str(uuid4())])

    assert gone == {"delete": {"deletedIds": [id]}}
    assert ask("{ runs { totalCount } projects { nodes { name } } }") == {
        "runs": {"totalCount": 1},
        "projects": {"nodes": [{"name": "p"}]},
    }


def test_no_more_is_deleted_at_once_than_allowed(answer: Ask):
    found = answer(DELETE % "deleteTraces", ids=[str(uuid4()) for _ in range(1001)])

    assert found["errors"][0]["message"] == "ids has 1001 items; at most 1000"
