"""Runs summed up: each once, each with its own usage, and each group opens its own runs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from db.store import Store
from db.tables import RUN
from graph.settings import Settings

Ask = Callable[..., Any]

EVERYTHING = (
    "runCount errorCount errorRate approximate promptTokens completionTokens totalTokens"
    " promptCost completionCost totalCost latency { avg min max p50 p90 p95 p99 }"
    " timeToFirstToken { avg min max p50 p90 p95 p99 } feedback { key n avg min max stdev"
    " values { value n } }"
)
GROUPED = f"{{ key {{ name value }} bucket stats {{ {EVERYTHING} }} }}"


@pytest.fixture(params=["engine", "graphql-core"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Both ways to execute."""
    return Settings(debug=True, engine=request.param == "engine")


def used(prompt: int, completion: int) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_cost": 0.25}


def counts(groups: list[Any]) -> list[tuple[Any, ...]]:
    """Each group as its values, then how many runs it has."""
    return [(*(key["value"] for key in each["key"]), each["stats"]["runCount"]) for each in groups]


def test_no_runs_are_one_group_of_nothing(ask: Ask):
    (group,) = ask(f"{{ runStats {GROUPED} }}")["runStats"]

    assert group["key"] == []
    assert group["bucket"] is None
    stats = group["stats"]
    assert (stats["runCount"], stats["errorCount"], stats["approximate"]) == (0, 0, False)
    known = {"runCount", "errorCount", "approximate"}
    assert {name for name, value in stats.items() if value is not None} == known


def test_groups_and_buckets_of_no_runs_are_none(ask: Ask):
    found = ask("{ a: runStats(groupBy: [{field: NAME}]) { bucket }"
                " b: runStats(interval: DAY) { bucket } }")  # fmt: skip

    assert found == {"a": [], "b": []}


def test_a_chain_of_five_counts_its_usage_once(ask: Ask, add: Callable[..., Any]):
    above = None
    for depth in range(4):
        above = add(f"chain {depth}", parent=above)
    add("model", parent=above, run_type="llm", usage=used(10, 5))

    stats = ask(f"{{ runs {{ stats {{ {EVERYTHING} }} }} }}")["runs"]["stats"]

    assert stats["runCount"] == 5
    assert (stats["promptTokens"], stats["completionTokens"], stats["totalTokens"]) == (10, 5, 15)
    assert stats["totalCost"] == "0.25"


def test_a_sum_beyond_64_bits_stays_at_the_most_a_column_holds(
    ask: Ask, add: Callable[..., Any], store: Store
):
    for at, tokens in enumerate((2**62, 2**62, 2**33 + 7)):
        run = add(f"model {at}", at=at)
        with store._engine.begin() as connection:
            connection.execute(
                update(RUN).where(RUN.c.id == run.id).values(own_prompt_tokens=tokens)
            )

    found = ask(
        "{ runs { stats { promptTokens } } runStats(groupBy: [{field: NAME}]) {"
        " stats { promptTokens } } }"
    )

    assert found["runs"]["stats"]["promptTokens"] == 9 * 10**18
    each = [group["stats"]["promptTokens"] for group in found["runStats"]]
    assert each == [2**62, 2**62, 2**33 + 7]


def test_percentiles_are_by_nearest_rank(ask: Ask, add: Callable[..., Any]):
    for took in (3, 1, 2, 10):
        run = add(f"took {took}", end_time=None)
        add(f"took {took}", end_time=run.start_time.replace(second=took))
    add("goes on", end_time=None)

    latency = ask("{ runs { stats { latency { avg min max p50 p90 p95 p99 } } } }")

    expected = {"avg": 4, "min": 1, "max": 10, "p50": 2, "p90": 10, "p95": 10, "p99": 10}
    assert latency["runs"]["stats"]["latency"] == expected


def test_feedback_on_the_runs_is_summed_up(
    ask: Ask, add: Callable[..., Any], judge: Callable[..., Any]
):
    first, second = add("first"), add("second", at=1)
    judge(first, "right", score=0.0)
    judge(second, "right", score=1.0)
    judge(second, "tone", value='"warm"')

    found = ask(f"{{ runs {{ stats {{ {EVERYTHING} }} nodes {{ feedbackStats {{ key }} }} }} }}")

    right, tone = found["runs"]["stats"]["feedback"]
    assert right == {
        "key": "right",
        "n": 2,
        "avg": 0.5,
        "min": 0,
        "max": 1,
        "stdev": 0.5,
        "values": None,
    }
    assert tone["values"] == [{"value": "warm", "n": 1}]
    assert tone["avg"] is None


@pytest.mark.parametrize("field", ["RUN_TYPE", "STATUS", "NAME", "PROJECT", "MODEL", "THREAD"])
def test_each_field_groups_and_opens_its_runs(ask: Ask, add: Callable[..., Any], field: str):
    extra = {"metadata": {"thread_id": "t", "ls_model_name": "gpt"}}
    add("one", run_type="llm", extra=extra, error="broken", session_name="q")
    add("two", at=1)
    add("two", at=1)
    add("three", at=2, session_name="p", end_time=None)

    groups = ask(
        "query($by: [RunGroup!]) { runStats(groupBy: $by) { key { name value }"
        " stats { runCount } runs { nodes { name } totalCount stats { runCount } } } }",
        by=[{"field": field}],
    )["runStats"]

    assert sum(each["stats"]["runCount"] for each in groups) == 3
    assert sorted(node["name"] for each in groups for node in each["runs"]["nodes"]) == [
        *("one", "three", "two")
    ]
    for each in groups:
        count = each["stats"]["runCount"]
        assert len(each["runs"]["nodes"]) == each["runs"]["totalCount"] == count
        assert each["runs"]["stats"]["runCount"] == count
        assert [key["name"] for key in each["key"]] == [field]
    shown = {
        "RUN_TYPE": [("chain", 2), ("llm", 1)],
        "STATUS": [("ERROR", 1), ("PENDING", 1), ("SUCCESS", 1)],
        "NAME": [("one", 1), ("three", 1), ("two", 1)],
        "PROJECT": [("p", 2), ("q", 1)],
        "MODEL": [(None, 2), ("gpt", 1)],
        "THREAD": [(None, 2), ("t", 1)],
    }
    assert sorted(counts(groups), key=repr) == sorted(shown[field], key=repr)


def test_a_run_is_in_the_group_of_each_of_its_tags(ask: Ask, add: Callable[..., Any]):
    add("both", tags=("a", "b", "a"))
    add("one", at=1, tags=("a",))
    add("none", at=2)
    add("empty", at=3, tags=())

    groups = ask(
        "{ runStats(groupBy: [{field: TAG}]) { key { value } stats { runCount }"
        " runs { nodes { name } } } }"
    )["runStats"]

    assert sorted(counts(groups), key=repr) == [("a", 2), ("b", 1), (None, 2)]
    names = {each["key"][0]["value"]: [n["name"] for n in each["runs"]["nodes"]] for each in groups}
    assert names == {"a": ["one", "both"], "b": ["both"], None: ["empty", "none"]}


def test_any_path_of_the_metadata_groups(ask: Ask, add: Callable[..., Any]):
    for at, env in enumerate(["prod", "dev", 1, True, {"of": [1]}, None, "prod"]):
        add(f"run {at}", at=at, extra={"metadata": {"deep": {"env": env}}})
    add("without", at=9)
    query = (
        'runStats(groupBy: [{metadata: "deep.env"}]) { key { name value }'
        " stats { runCount } runs { totalCount } }"
    )

    groups = ask(f"{{ {query} }}")["runStats"]

    found = sorted(counts(groups), key=repr)
    shown = [("prod", 2), ("dev", 1), (1, 1), (True, 1), ({"of": [1]}, 1), (None, 2)]
    assert found == sorted(shown, key=repr)
    assert {each["key"][0]["name"] for each in groups} == {"metadata.deep.env"}
    assert [each["runs"]["totalCount"] for each in groups] == [
        each["stats"]["runCount"] for each in groups
    ]


@pytest.mark.parametrize("key", ["a\\b", "\\u0041", "line\nend", "$.x*"])
def test_a_path_of_odd_letters_groups(ask: Ask, add: Callable[..., Any], key: str):
    add("run", extra={"metadata": {key: "told"}})
    path = json.dumps(json.dumps([key])) if "." in key else json.dumps(key)

    (group,) = ask(f"{{ runStats(groupBy: [{{metadata: {path}}}]) {{ key {{ value }} }} }}")[
        "runStats"
    ]

    assert group["key"] == [{"value": "told"}]


def test_several_keys_make_a_group_of_each_combination(ask: Ask, add: Callable[..., Any]):
    add("a", run_type="llm")
    add("b", at=1, run_type="llm")
    add("c", at=2, run_type="tool", error="broken")

    groups = ask(
        "{ runStats(groupBy: [{field: RUN_TYPE}, {field: STATUS}]) { key { value }"
        " stats { runCount } runs(first: 1) { nodes { name } pageInfo { hasNextPage } } } }"
    )["runStats"]

    assert counts(groups) == [("llm", "SUCCESS", 2), ("tool", "ERROR", 1)]
    assert groups[0]["runs"] == {"nodes": [{"name": "b"}], "pageInfo": {"hasNextPage": True}}


def test_a_filter_says_which_runs_count(ask: Ask, add: Callable[..., Any]):
    root = add("root")
    add("child", at=1, parent=root)
    add("elsewhere", at=2, session_name="q")

    found = ask(
        "{ runStats(where: {isRoot: true}) { stats { runCount } }"
        ' project(by: {name: "p"}) { all: stats { runCount } roots: stats(where: {isRoot: true})'
        " { runCount } } }"
    )

    assert found["runStats"] == [{"stats": {"runCount": 2}}]
    assert found["project"] == {"all": {"runCount": 2}, "roots": {"runCount": 1}}


def test_every_connection_of_runs_is_summed_up(ask: Ask, add: Callable[..., Any]):
    for at in range(3):
        root = add(f"root {at}", at=at)
        for place in range(at):
            child = add(f"child {at}.{place}", at=at + 0.1, parent=root)
            add(f"leaf {at}.{place}", at=at + 0.2, parent=child)

    found = ask(
        "{ runs(where: {isRoot: true}) { nodes { name childRunsConnection { stats { runCount } }"
        " descendants(first: 1) { stats { runCount } } near: descendants(maxDepth: 1)"
        " { stats { runCount } } trace { runs { stats { runCount } } } } stats { runCount } } }"
    )["runs"]

    assert found["stats"] == {"runCount": 3}
    for node in found["nodes"]:
        children = int(node["name"][-1])
        assert node["childRunsConnection"]["stats"]["runCount"] == children
        assert node["descendants"]["stats"]["runCount"] == 2 * children
        assert node["near"]["stats"]["runCount"] == children
        assert node["trace"]["runs"]["stats"]["runCount"] == 1 + 2 * children


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (f"{{ runStats {GROUPED} }}", 3),
        (f"{{ runStats(groupBy: [{{field: NAME}}, {{field: TAG}}]) {GROUPED} }}", 3),
        (f"{{ runStats(interval: MINUTE) {GROUPED} }}", 4),
        (f"{{ runs {{ stats {{ {EVERYTHING} }} nodes {{ name }} }} }}", 4),
        (f"{{ projects {{ nodes {{ stats {{ {EVERYTHING} }} }} }} }}", 4),
        (f"{{ runs {{ nodes {{ trace {{ runs {{ stats {{ {EVERYTHING} }} }} }} }} }} }}", 5),
        (f"{{ runs {{ nodes {{ descendants {{ stats {{ {EVERYTHING} }} }} }} }} }}", 4),
    ],
)
def test_stats_cost_three_statements_for_any_number(
    statements: Callable[..., list[str]], add: Callable[..., Any], judge: Callable[..., Any],
    query: str, most: int,
):  # fmt: skip
    for at in range(8):
        root = add(f"root {at}", at=60 * at, session_name=f"project {at % 3}")
        judge(add(f"child {at}", at=60 * at + 1, parent=root), "right", score=1.0)

    assert len(statements(query)) <= most


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('timeZone: "Mars/Base", interval: DAY', "timeZone is 'Mars/Base'"),
        ("groupBy: [" + "{field: NAME}" * 6 + "]", "groupBy has 6 keys; at most 5"),
        ('groupBy: [{metadata: ""}]', "groupBy.metadata is ''"),
        ('groupBy: [{metadata: "a..b"}]', "path 'a..b' is wrong"),
        ("interval: MINUTE", "at most 10000"),
    ],
)
def test_what_can_not_be_grouped_is_named(
    answer: Ask, add: Callable[..., Any], arguments: str, said: str
):
    run = add("old")
    add("new", at=10 * 86_400, end_time=None)
    assert run

    found = answer(f"{{ runStats({arguments}) {{ bucket }} }}")

    assert said in found["errors"][0]["message"]
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert found["data"] == {"runStats": None}


def test_days_follow_the_clocks_of_their_zone(ask: Ask, add: Callable[..., Any]):
    """On 29 March 2026 clocks in Paris go from 2:00 to 3:00: the day has 23 hours."""
    for hour in range(4 * 24):
        start = datetime(2026, 3, 28, 0, 30, tzinfo=UTC) + timedelta(hours=hour)
        add(f"hour {hour}", start_time=start, trace_id=None, dotted_order=None, end_time=None)

    groups = ask(
        '{ runStats(interval: DAY, timeZone: "Europe/Paris") { bucket stats { runCount }'
        " runs(first: 1) { totalCount } } }"
    )["runStats"]

    assert [(each["bucket"][:16], each["stats"]["runCount"]) for each in groups] == [
        ("2026-03-27T23:00", 23),
        ("2026-03-28T23:00", 23),
        ("2026-03-29T22:00", 24),
        ("2026-03-30T22:00", 24),
        ("2026-03-31T22:00", 2),
    ]
    assert [each["runs"]["totalCount"] for each in groups] == [23, 23, 24, 24, 2]


def test_empty_buckets_are_filled_for_each_group(ask: Ask, add: Callable[..., Any]):
    for day, name in ((0, "a"), (14, "a "), (15, "b")):
        add(name, at=day * 86_400, run_type=name.strip())

    groups = ask(
        "{ runStats(groupBy: [{field: RUN_TYPE}], interval: WEEK) { key { value } bucket"
        " stats { runCount latency { avg } } } }"
    )["runStats"]

    mondays = [f"{day}T00:00:00.000000Z" for day in ("2025-12-29", "2026-01-05", "2026-01-12")]
    assert [each["bucket"] for each in groups] == 2 * mondays
    assert counts(groups) == [("a", 1), ("a", 0), ("a", 1), ("b", 0), ("b", 0), ("b", 1)]
    assert groups[1]["stats"]["latency"] is None
