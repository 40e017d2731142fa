"""The threads of a project: newest activity first, paged by cursor, each with its runs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from graph.settings import Settings
from tests.conftest import NOON, run_id

Ask = Callable[..., Any]
THREAD = "threadId startTime endTime traceCount stats { runCount } runs { nodes { name } }"


@pytest.fixture(params=["engine", "graphql-core"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Both ways to execute."""
    return Settings(debug=True, engine=request.param == "engine")


def threaded(thread: str | None, key: str = "thread_id") -> dict[str, Any]:
    return {"extra": {"metadata": {key: thread}}}


@pytest.fixture
def threads(ask: Ask) -> Callable[..., Any]:
    """Ask for the threads of the project."""

    def threads(selection: str, arguments: str = "first: 50") -> Any:
        asked = f"threads({arguments}) {{ {selection} }}"
        return ask(f'{{ project(by: {{name: "p"}}) {{ {asked} }} }}')["project"]["threads"]

    return threads


@pytest.fixture
def _three(add: Callable[..., Any]) -> None:
    """Three threads that take turns, runs of none, and one of another project."""
    for at, thread in enumerate(["a", "b", "a", "c", None, "b", "a"]):
        root = add(f"run {at}", at=at, **threaded(thread))
        if at in {0, 3}:
            add(f"child {at}", at=at + 0.5, parent=root, **threaded(thread))
    add("elsewhere", at=9, session_name="q", **threaded("a"))


@pytest.mark.usefixtures("_three")
def test_threads_stand_by_their_newest_run(threads: Callable[..., Any]):
    found = threads(f"nodes {{ {THREAD} }} totalCount pageInfo {{ hasNextPage }}")

    assert found["totalCount"] == 3
    assert not found["pageInfo"]["hasNextPage"]
    a, b, c = found["nodes"]
    assert [each["threadId"] for each in (a, b, c)] == ["a", "b", "c"]
    assert [each["traceCount"] for each in (a, b, c)] == [3, 2, 1]
    assert [each["stats"]["runCount"] for each in (a, b, c)] == [4, 2, 2]
    assert a["startTime"] == "2026-01-01T12:00:00.000000Z"
    assert a["endTime"] == "2026-01-01T12:00:07.000000Z"
    assert [node["name"] for node in a["runs"]["nodes"]] == ["run 6", "run 2", "child 0", "run 0"]
    assert [node["name"] for node in c["runs"]["nodes"]] == ["child 3", "run 3"]


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_threads_are_the_whole(threads: Callable[..., Any], size: int):
    found: list[str] = []
    arguments = f"first: {size}"
    while True:
        page = threads(
            "edges { cursor node { threadId } } pageInfo { hasNextPage endCursor }", arguments
        )
        found += [edge["node"]["threadId"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        arguments = f'first: {size}, after: "{page["pageInfo"]["endCursor"]}"'

    assert found == ["a", "b", "c"]


def test_runs_that_begin_at_once_are_one_thread(
    threads: Callable[..., Any], add: Callable[..., Any]
):
    for at in range(4):
        add(f"run {at}", **threaded("same", "conversation_id"))

    found = threads("nodes { threadId traceCount } totalCount")

    assert found == {"nodes": [{"threadId": "same", "traceCount": 4}], "totalCount": 1}


def test_a_project_without_threads_has_none(threads: Callable[..., Any], add: Callable[..., Any]):
    add("alone")

    assert threads("nodes { threadId } totalCount") == {"nodes": [], "totalCount": 0}


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize(
    ("selection", "most"),
    [
        ("threadId startTime endTime traceCount", 2),
        ("threadId stats { runCount latency { p50 } feedback { n } }", 5),
        ("threadId runs(first: 1) { nodes { name } }", 3),
        ("threadId runs { totalCount stats { runCount } }", 6),
    ],
)
def test_what_hangs_on_threads_is_asked_for_all_of_them(
    statements: Callable[..., list[str]], selection: str, most: int
):
    query = f'{{ project(by: {{name: "p"}}) {{ threads {{ nodes {{ {selection} }} }} }} }}'

    assert len(statements(query)) <= most


def test_a_thread_that_all_runs_have_left_is_gone(
    threads: Callable[..., Any], add: Callable[..., Any]
):
    first = add("first", at=9, **threaded("a"))
    add("second", at=5, **threaded("b"))
    add("third", at=1, **threaded("a"))
    assert [each["threadId"] for each in threads("nodes { threadId }")["nodes"]] == ["a", "b"]

    add("first", at=9, trace_id=first.trace_id, post=False, **threaded("b", "conversation_id"))
    found = threads("nodes { threadId traceCount startTime endTime }")["nodes"]

    assert [tuple(each.values()) for each in found] == [
        ("b", 2, "2026-01-01T12:00:05.000000Z", "2026-01-01T12:00:10.000000Z"),
        ("a", 1, "2026-01-01T12:00:01.000000Z", "2026-01-01T12:00:02.000000Z"),
    ]


def test_a_thread_shrinks_with_what_is_deleted(threads: Callable[..., Any], ask: Ask, add: Ask):
    """By both of its sides, by its last end, by a trace whose root is of another thread."""
    for at, end in enumerate([9, 4, 7]):
        add(f"run {at}", at=at, end_time=NOON + timedelta(seconds=end), **threaded("a"))
    add("both", at=3, parent=add("other", at=3, **threaded("b")), **threaded("a"))
    selection = f"nodes {{ {THREAD.partition(' stats')[0]} }}"
    times = "2026-01-01T12:00:0{}.000000Z".format

    def shown() -> Any:
        found = threads(selection)["nodes"]
        return [tuple(each.values()) for each in found if each["threadId"] == "a"]

    assert shown() == [("a", times(0), times(9), 4)]
    for gone, left in [
        ("run 0", [("a", times(1), times(7), 3)]),
        ("other", [("a", times(1), times(7), 2)]),
        ("run 1", [("a", times(2), times(7), 1)]),
        ("run 2", []),
    ]:
        ask(f'mutation {{ deleteTraces(input: {{ids: ["{run_id(gone)}"]}}) {{ deletedIds }} }}')
        assert shown() == left


def test_a_page_of_threads_reads_no_runs(statements: Callable[..., list[str]]):
    threads = "threads(first: 2) { nodes { threadId startTime endTime traceCount } totalCount }"
    query = f'{{ project(by: {{name: "p"}}) {{ {threads} }} }}'

    assert not [each for each in statements(query) if "FROM run" in each]
