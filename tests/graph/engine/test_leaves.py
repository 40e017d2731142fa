"""Values at the edge of what a scalar can say: they are shown, or refused, as graphql-core does."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from db.store import Store
from graph.engine.leaves import completer
from graph.engine.protocol import Bail
from graph.setting_kinds import Engine
from tests.conftest import run_id
from tests.levels import Answer

COLOUR = GraphQLEnumType("Colour", {"RED": 1, "GREEN": 2})


def no_objects(type: GraphQLObjectType) -> Any:
    raise AssertionError(type)


@pytest.mark.parametrize(
    ("declared", "value", "answer"),
    [
        (GraphQLInt, 2**31 - 1, 2**31 - 1),
        (GraphQLInt, -(2**31), -(2**31)),
        (GraphQLInt, None, None),
        (GraphQLFloat, 1.5, 1.5),
        (GraphQLString, "é", "é"),
        (GraphQLID, "x", "x"),
        (GraphQLBoolean, False, False),
        (COLOUR, 2, "GREEN"),
        (GraphQLNonNull(COLOUR), 1, "RED"),
        (GraphQLList(GraphQLString), ["a", None], ["a", None]),
        (GraphQLList(GraphQLNonNull(GraphQLInt)), [], []),
        (GraphQLNonNull(GraphQLList(GraphQLInt)), [1], [1]),
    ],
)
def test_what_fits_is_completed(declared: Any, value: Any, answer: Any):
    assert completer(declared, no_objects)(value) == answer


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (GraphQLInt, 2**31),
        (GraphQLInt, 1.0),
        (GraphQLInt, True),
        (GraphQLInt, "1"),
        (GraphQLFloat, math.inf),
        (GraphQLFloat, math.nan),
        (GraphQLFloat, 1),
        (GraphQLString, b"x"),
        (GraphQLString, 1),
        (GraphQLID, 1),
        (GraphQLBoolean, 1),
        (COLOUR, 3),
        (GraphQLNonNull(GraphQLString), None),
        (GraphQLList(GraphQLNonNull(GraphQLInt)), [None]),
        (GraphQLList(GraphQLString), "abc"),
        (GraphQLList(GraphQLString), {"a": 1}),
    ],
)
def test_what_does_not_fit_for_certain_is_given_back(declared: Any, value: Any):
    with pytest.raises((Bail, KeyError)):
        completer(declared, no_objects)(value)


typeless = pytest.mark.only_on(
    "sqlite", reason="PostgreSQL holds no value of another type than its column's"
)


@pytest.fixture
def spoil(store: Store, add: Callable[..., Any]) -> Callable[..., None]:
    """Set columns of a run, past all types; a good run stands beside it."""
    add("good")
    add("odd", at=1)

    def spoil(of: str = "run", **columns: Any) -> None:
        with store._engine.begin() as connection:
            settings = ", ".join(f"{name} = ?" for name in columns)
            connection.exec_driver_sql(
                f"UPDATE {of} SET {settings} WHERE id = (SELECT id FROM run WHERE name = 'odd')",
                tuple(columns.values()),
            )

    return spoil


@typeless
@pytest.mark.parametrize(
    ("field", "columns"),
    [
        ("totalTokens promptTokens", {"total_total_tokens": 2**62, "total_prompt_tokens": -1}),
        ("latency timeToFirstToken", {"latency": -0.0, "time_to_first_token": 1e-300}),
        ("totalCost", {"total_total_cost": -(2**62)}),
        ("tags", {"tags": '["\\u00e9", "a\\"b"]'}),
        ("tags", {"tags": ' [ "a" ] '}),
        ("inDataset", {"in_dataset": 7}),
        ("appPath url", {"app_path": ""}),
        ("error model threadId", {"error": "", "model": "\u2028\U0001f600", "thread_id": '"'}),
        ("promptTokenDetails { kind tokens }", {"total_details": "{}"}),
        ("promptCostDetails { kind cost }", {"total_details": '{"promptCost": {"é": "1"}}'}),
        ("startTime endTime", {"start_time": "weird", "end_time": ""}),
        ("totalTokens", {"total_total_tokens": "many"}),
    ],
)
def test_odd_columns_are_shown_alike(
    spoil: Callable[..., None], planned: Callable[..., Answer], field: str, columns: Any
):
    spoil(**columns)

    planned(f"{{ runs {{ nodes {{ id {field} }} }} }}")


@typeless
@pytest.mark.parametrize(
    ("field", "columns"),
    [
        ("extra metadata revisionId", {"extra": '{"metadata": {"revision_id": [1e400, 0.10]}}'}),
        ("metadata", {"extra": '{"metadata": {"n": 123456789012345678901234567890}}'}),
        ('metadata metadataAt(path: "a")', {"extra": "null"}),
        ("metadata revisionId", {"extra": "[1]"}),
        ("events", {"events": '[null, {"a": null}, [null]]'}),
        ("events", {"events": "5"}),
        ('inputs inputsAt(path: "")', {"inputs": " [1e999] "}),
        ("outputs outputsPreview(maxBytes: 2) { text }", {"outputs": '"é"'}),
        ("serialized", {"serialized": "0.10"}),
    ],
)
def test_odd_payloads_are_shown_alike(
    spoil: Callable[..., None], planned: Callable[..., Answer], field: str, columns: Any
):
    spoil("run_payload", **columns)

    planned(f"{{ runs {{ nodes {{ id {field} }} }} }}")


@typeless
@pytest.mark.parametrize(
    ("field", "columns", "path"),
    [
        ("latency", {"latency": math.inf}, ["runs", "nodes", 0, "latency"]),
        ("latency", {"latency": "soon"}, ["runs", "nodes", 0, "latency"]),
        ("status", {"status": "weird"}, ["runs", "nodes", 0, "status"]),
        ("depth", {"depth": 2**31}, ["runs", "nodes", 0, "depth"]),
        ("name", {"name": b"\xff"}, ["runs", "nodes", 0, "name"]),
        ("model", {"model": b"\xff"}, ["runs", "nodes", 0, "model"]),
        ("tags", {"tags": '"abc"'}, ["runs", "nodes", 0, "tags"]),
        ("tags", {"tags": '{"a": 1}'}, ["runs", "nodes", 0, "tags"]),
        ("tags", {"tags": '["a", null]'}, ["runs", "nodes", 0, "tags", 1]),
        ("tags", {"tags": '["a'}, ["runs", "nodes", 0, "tags"]),
        ("promptTokenDetails { kind }", {"total_details": "["}, None),
        ("completionTokenDetails { tokens }", {"total_details": '{"completionTokens": 5}'}, None),
        ("totalCost", {"total_total_cost": "dear"}, ["runs", "nodes", 0, "totalCost"]),
    ],
)
def test_wrong_columns_are_errors_at_the_same_paths(
    spoil: Callable[..., None],
    everywhere: Callable[..., Any],
    field: str,
    columns: Any,
    path: list[str | int] | None,
):
    spoil(**columns)

    found = everywhere(f"{{ runs {{ nodes {{ id {field} }} }} }}")[Engine.HTTP]

    assert found.path == "graphql-core"
    assert found.errors
    assert path is None or f'"path": {json.dumps(path)}' in found.errors[0]


@typeless
def test_a_null_that_may_not_be_takes_its_parents_with_it(
    spoil: Callable[..., None], everywhere: Callable[..., Any]
):
    spoil(status="weird")

    found = everywhere(
        "query($id: ID!) { a: runs { nodes { status } } b: run(id: $id) { name status } }",
        {"id": run_id("good")},
    )[Engine.HTTP]

    assert found.decoded == {"a": None, "b": {"name": "good", "status": "SUCCESS"}}
    assert found.path == "executor"
