"""Errors: told by name and code where the sender can do something, by an id where it is a bug."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.store import Store
from tests.conftest import run_id

BOTH_ENGINES = True


@pytest.fixture
def failure(answer: Callable[..., Any]) -> Callable[..., tuple[str, str]]:
    """Ask what must fail; return the only error's code and message."""

    def failure(query: str, **variables: Any) -> tuple[str, str]:
        found = answer(query, **variables)
        (error,) = found["errors"]
        return error["extensions"]["code"], error["message"]

    return failure


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{ runs { nodes { id }", "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing'"),
        ("{ runs }", "GRAPHQL_VALIDATION_FAILED", "Field 'runs' of type 'RunConnection' must"),
        ("{ runs(first: 1.5) { totalCount } }", "GRAPHQL_VALIDATION_FAILED", "Int cannot"),
        (
            "{ runs(where: {nothing: 1}) { totalCount } }",
            "GRAPHQL_VALIDATION_FAILED",
            "unknown field 'nothing'",
        ),
        ("{ run { id } }", "GRAPHQL_VALIDATION_FAILED", "Argument 'Query.run(id:)'"),
        ("{ project(by: {}) { id } }", "GRAPHQL_VALIDATION_FAILED", "OneOf Input Object"),
        ('{ run(id: "x") { id } }', "BAD_USER_INPUT", "id is 'x'; a UUID is wanted"),
        ('{ trace(traceId: "x") { status } }', "BAD_USER_INPUT", "traceId is 'x'; a UUID"),
        ('{ node(id: "x") { id } }', "BAD_USER_INPUT", "id is 'x'; a UUID is wanted"),
        ('{ project(by: {id: ""}) { id } }', "BAD_USER_INPUT", "by.id is ''; a UUID is wanted"),
        ("{ runs(first: -1) { totalCount } }", "BAD_USER_INPUT", "first is -1; at least 0"),
    ],
)
def test_an_error_tells_what_was_given_and_what_is_allowed(
    failure: Callable[..., tuple[str, str]], query: str, code: str, message: str
):
    found, told = failure(query)

    assert found == code
    assert message in told


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "Variable '$id' has invalid value: Expected a value of non-null type 'ID!'"),
        ({"id": None}, "Variable '$id' has invalid value: Expected value of non-null type 'ID!'"),
        ({"id": {"a": 1}}, "Variable '$id' has invalid value: ID cannot represent value"),
        ({"id": run_id("x"), "first": "5"}, "Variable '$first' has invalid value: Int cannot"),
        ({"id": run_id("x"), "first": 2**31}, "Variable '$first' has invalid value: Int cannot"),
        (
            {"id": run_id("x"), "where": {"startTime": {"gt": "soon"}}},
            "Variable '$where' has invalid value at .startTime.gt: Expected value of type "
            "'DateTime', but encountered error 'DateTime is 'soon'; an RFC 3339 text is wanted",
        ),
        (
            {"id": run_id("x"), "where": {"totalTokens": {"gt": 1.5}}},
            "Variable '$where' has invalid value at .totalTokens.gt: Expected value of type "
            "'BigInt', but encountered error 'BigInt is 1.5; a whole number of at most 64 bits",
        ),
        (
            {"id": run_id("x"), "where": {"status": {"eq": "DONE"}}},
            "Variable '$where' has invalid value at .status.eq",
        ),
        (
            {"id": run_id("x"), "where": {"and": [{}, {"nothing": 1}]}},
            "Variable '$where' has invalid value at .and[1]",
        ),
    ],
)
def test_a_variable_of_another_type_is_named(
    failure: Callable[..., tuple[str, str]], variables: dict[str, Any], message: str
):
    query = """query($id: ID!, $first: Int, $where: RunFilter) {
      run(id: $id) { id } runs(first: $first, where: $where) { totalCount } }"""

    code, told = failure(query, **variables)

    assert code in {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}
    assert told.startswith(message)


@pytest.mark.parametrize("variables", [[], "text", 5])
def test_variables_are_an_object(client: TestClient, variables: Any):
    found = client.post("/graphql", json={"query": "{ __typename }", "variables": variables})

    assert found.status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b"{}", b'{"query": ""}']
)
def test_a_body_that_is_no_request_is_refused(client: TestClient, body: bytes):
    found = client.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert found.status_code == 400
    assert "Traceback" not in found.text


def test_a_wrong_id_among_others_takes_only_its_own_place(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    add("run")
    id = run_id("run")

    found = ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[id, "x", run_id("y"), id])

    assert found["nodes"] == [{"id": id}, None, None, {"id": id}]


def test_ids_without_end_are_refused(failure: Callable[..., tuple[str, str]]):
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    assert failure(query, ids=["x"] * 1001) == ("BAD_USER_INPUT", "ids has 1001 ids; at most 1000")


def test_nodes_are_of_every_kind(
    add: Callable[..., Any], judge: Callable[..., Any], ask: Callable[..., Any]
):
    run = add("run")
    feedback = judge(run, "right", score=1.0)
    project = ask("{ projects { nodes { id } } }")["projects"]["nodes"][0]["id"]
    ids = [str(feedback.id), project, str(run.id)]

    found = ask(
        """query($ids: [ID!]!) {
          nodes(ids: $ids) {
            __typename id
            ... on Run { name } ... on RunBase { runType } ... on Project { title: name }
            ... on Feedback { key run { name } }
          }
        }""",
        ids=ids,
    )["nodes"]

    assert found == [
        {"__typename": "Feedback", "id": ids[0], "key": "right", "run": {"name": "run"}},
        {"__typename": "Project", "id": ids[1], "title": "p"},
        {"__typename": "Run", "id": ids[2], "name": "run", "runType": "chain"},
    ]
    for id, node in zip(ids, found, strict=True):
        assert ask("query($id: ID!) { node(id: $id) { __typename id } }", id=id)["node"] == {
            "__typename": node["__typename"],
            "id": id,
        }


def test_nobody_is_null(ask: Callable[..., Any]):
    found = ask(
        """query($id: ID!) {
          node(id: $id) { id } run(id: $id) { id } trace(traceId: $id) { traceId }
          project(by: {id: $id}) { id } other: project(by: {name: "nobody"}) { id }
        }""",
        id=run_id("nobody"),
    )

    assert set(found.values()) == {None}


def test_a_run_is_found_in_its_own_trace_only(add: Callable[..., Any], ask: Callable[..., Any]):
    root = add("root")
    add("child", at=1, parent=root)
    query = "query($trace: ID, $id: ID!) { run(id: $id, traceId: $trace) { name } }"

    assert ask(query, id=run_id("child"), trace=run_id("root")) == {"run": {"name": "child"}}
    assert ask(query, id=run_id("child"), trace=None) == {"run": {"name": "child"}}
    assert ask(query, id=run_id("child"), trace=run_id("other")) == {"run": None}


@pytest.fixture
def _broken(store: Store, add: Callable[..., Any]) -> None:
    """A run whose stored details are no object."""
    add("run")
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE run SET total_details = '\"secret in a column\"'")


@pytest.mark.usefixtures("_broken")
def test_a_bug_is_shown_as_an_id_that_is_in_the_log(
    answer: Callable[..., Any], caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.ERROR):
        found = answer("{ runs { nodes { name promptTokenDetails { kind } } } }")

    (error,) = found["errors"]
    id = error["extensions"]["id"]
    assert re.fullmatch(r"[0-9a-f]{32}", id)
    assert error == {
        "message": f"internal error {id}",
        "locations": [{"line": 1, "column": 23}],
        "path": ["runs", "nodes", 0, "promptTokenDetails"],
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "id": id},
    }
    assert found["data"] == {"runs": {"nodes": [{"name": "run", "promptTokenDetails": None}]}}
    assert id in caplog.text
    assert "Traceback" in caplog.text


@pytest.fixture
def _gone(store: Store, add: Callable[..., Any]) -> Iterator[None]:
    """A run whose payloads can not be read: their table has another name for now."""
    add("run")
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE run_payload RENAME TO secret")
    yield
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE secret RENAME TO run_payload")


@pytest.mark.usefixtures("_gone")
def test_a_database_that_can_not_answer_is_told_without_its_secrets(answer: Callable[..., Any]):
    found = answer("{ runs { nodes { name inputs } } projects { nodes { name } } }")

    assert {error["extensions"]["code"] for error in found["errors"]} <= {
        "UNAVAILABLE",
        "INTERNAL_SERVER_ERROR",
    }
    text = str(found["errors"])
    assert not [each for each in ("SELECT", "Traceback", "sqlite", "File ") if each in text]
