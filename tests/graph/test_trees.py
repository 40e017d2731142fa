"""Trees: deep, wide, with gaps, and not yet whole."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from db.arrivals import RunArrival
from db.dotted import segment
from tests.conftest import NOON, run_id

BOTH_ENGINES = True


def make(name: str, at: float = 0, parent: RunArrival | None = None, **facts: Any) -> RunArrival:
    """A run, not yet stored."""
    id, start = UUID(run_id(name)), NOON + timedelta(seconds=at)
    own = segment(start, id)
    return RunArrival(
        **{
            "id": id,
            "post": True,
            "name": name,
            "run_type": "chain",
            "start_time": start,
            "session_name": "p",
            "trace_id": parent.trace_id if parent else id,
            "parent_run_id": parent.id if parent else None,
            "dotted_order": f"{parent.dotted_order}.{own}" if parent else own,
            **facts,
        }
    )


def names(nodes: list[dict[str, Any]]) -> list[str]:
    return [node["name"] for node in nodes]


def walk(ask: Callable[..., Any], query: str, **variables: Any) -> list[dict[str, Any]]:
    """All nodes of a list that `query` pages through by $after."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        (outer,) = ask(query, after=after, **variables).values()
        page = outer["page"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


PAGED = "{ nodes { id name depth parentRunId } pageInfo { hasNextPage endCursor } }"


def test_a_trace_of_ten_thousand_runs_is_read_in_pages(
    keep: Callable[..., Any], ask: Callable[..., Any]
):
    root = make("root")
    branches = [make(f"branch{n}", n / 100, root) for n in range(99)]
    leaves = [
        make(f"leaf{n}.{m}", n / 100 + 0.001 * m, branch)
        for n, branch in enumerate(branches)
        for m in range(100)
    ]
    assert keep(runs=[root, *branches, *leaves]).refused == ()
    id = str(root.id)

    through_trace = walk(
        ask,
        "query($id: ID!, $after: String) { trace(traceId: $id) "
        f"{{ page: runs(first: 1000, after: $after) {PAGED} }} }}",
        id=id,
    )
    below = walk(
        ask,
        "query($id: ID!, $after: String) { run(id: $id) "
        f"{{ page: descendants(first: 1000, after: $after) {PAGED} }} }}",
        id=id,
    )
    counted = ask(
        """query($id: ID!) { run(id: $id) {
          childRunCount descendants { totalCount } trace { runCount runs { totalCount } }
          near: descendants(maxDepth: 1) { totalCount }
        } }""",
        id=id,
    )["run"]

    dotted = sorted([root, *branches, *leaves], key=lambda run: run.dotted_order)
    assert [node["id"] for node in through_trace] == [str(run.id) for run in dotted]
    assert through_trace[1:] == below
    assert counted == {
        "childRunCount": 99,
        "descendants": {"totalCount": 9999},
        "trace": {"runCount": 10_000, "runs": {"totalCount": 10_000}},
        "near": {"totalCount": 99},
    }


def test_all_children_of_many_runs_come_at_once(keep: Callable[..., Any], ask: Callable[..., Any]):
    root = make("root")
    branches = [make(f"branch{n}", n / 10, root) for n in range(30)]
    leaves = [make(f"{branch.name} leaf{n}", 9, branch) for branch in branches for n in range(30)]
    assert keep(runs=[root, *branches, *leaves]).refused == ()

    found = ask(
        "query($id: ID!) { run(id: $id) { childRuns { name childRuns { id } } } }",
        id=run_id("root"),
    )["run"]["childRuns"]

    assert names(found) == [branch.name for branch in branches]
    for branch in found:
        ids = [run_id(f"{branch['name']} leaf{n}") for n in range(30)]
        assert [leaf["id"] for leaf in branch["childRuns"]] == sorted(ids)


def deep_chain() -> list[RunArrival]:
    """A thousand runs, each below the one before."""
    chain = [make("deep0")]
    for n in range(1, 1000):
        chain.append(make(f"deep{n}", n / 1000, chain[-1]))
    return chain


def test_a_chain_a_thousand_deep_can_be_asked_from_both_ends(
    keep: Callable[..., Any], ask: Callable[..., Any]
):
    chain = deep_chain()
    for start in range(0, 1000, 250):
        assert keep(runs=chain[start : start + 250]).refused == ()
    above = [run.name for run in chain[:-1]]

    deepest = ask(
        """query($id: ID!) { run(id: $id) {
          depth parentRunIds parentRuns { name depth } parentRun { name } trace { rootRun { name } }
        } }""",
        id=run_id("deep999"),
    )["run"]
    root = ask(
        """query($id: ID!) { run(id: $id) {
          all: descendants(first: 1000) { nodes { name } totalCount }
          near: descendants(maxDepth: 3) { nodes { name } totalCount }
          none: descendants(maxDepth: 0) { nodes { name } totalCount }
        } }""",
        id=run_id("deep0"),
    )["run"]

    assert deepest["depth"] == 999
    assert deepest["parentRunIds"] == [run_id(name) for name in above]
    assert names(deepest["parentRuns"]) == above
    assert [run["depth"] for run in deepest["parentRuns"]] == list(range(999))
    assert deepest["parentRun"] == {"name": "deep998"}
    assert deepest["trace"] == {"rootRun": {"name": "deep0"}}
    assert names(root["all"]["nodes"]) == [run.name for run in chain[1:]]
    assert root["near"] == {"nodes": [{"name": f"deep{n}"} for n in (1, 2, 3)], "totalCount": 3}
    assert root["none"] == {"nodes": [], "totalCount": 0}


def test_max_depth_counts_from_the_run_that_is_asked(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    run = None
    for n in range(5):
        run = add(f"level{n}", at=n, parent=run)

    found = ask(
        "query($id: ID!) { run(id: $id) { descendants(maxDepth: 1) { nodes { name } } } }",
        id=run_id("level2"),
    )["run"]["descendants"]

    assert names(found["nodes"]) == ["level3"]


def test_a_max_depth_below_zero_is_refused(add: Callable[..., Any], answer: Callable[..., Any]):
    add("run")

    found = answer("{ runs { nodes { descendants(maxDepth: -1) { totalCount } } } }")

    assert found["errors"][0]["message"] == "maxDepth is -1; at least 0"


def test_a_run_without_children_has_empty_lists(add: Callable[..., Any], ask: Callable[..., Any]):
    add("alone")

    assert ask(
        """{ runs { nodes {
          childRuns { id } childRunIds childRunCount parentRun { id } parentRuns { id }
          childRunsConnection { nodes { id } totalCount } descendants { nodes { id } totalCount }
          parentRunIds parentRunId isRoot depth attachments { name } feedbackStats { n }
          feedback { nodes { id } totalCount }
        } } }"""
    )["runs"]["nodes"] == [
        {
            "childRuns": [],
            "childRunIds": [],
            "childRunCount": 0,
            "parentRun": None,
            "parentRuns": [],
            "parentRunIds": [],
            "parentRunId": None,
            "childRunsConnection": {"nodes": [], "totalCount": 0},
            "descendants": {"nodes": [], "totalCount": 0},
            "isRoot": True,
            "depth": 0,
            "attachments": None,
            "feedbackStats": None,
            "feedback": {"nodes": [], "totalCount": 0},
        }
    ]


def test_children_stand_in_dotted_order_whatever_order_they_came_in(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    root = add("root")
    for at in (3, 1, 2):
        add(f"child{at}", at=at, parent=root)

    (found,) = ask("{ runs(where: {isRoot: true}) { nodes { childRuns { name } childRunIds } } }")[
        "runs"
    ]["nodes"]

    assert names(found["childRuns"]) == ["child1", "child2", "child3"]
    assert found["childRunIds"] == [run_id(f"child{at}") for at in (1, 2, 3)]


@pytest.fixture
def _orphans(keep: Callable[..., Any]) -> None:
    """A grandchild and its child arrived, the root and the parent did not."""
    root = make("root")
    parent = make("parent", 1, root)
    orphan = make("orphan", 2, parent, end_time=NOON + timedelta(seconds=4))
    below = make("below", 3, orphan)
    keep(runs=[orphan, below])


@pytest.mark.usefixtures("_orphans")
def test_a_parent_that_never_arrived_leaves_a_gap(ask: Callable[..., Any]):
    found = ask(
        """query($id: ID!) { run(id: $id) {
          parentRunId parentRunIds parentRun { name } parentRuns { name } isRoot depth
          childRuns { name parentRuns { name } parentRun { name } }
        } }""",
        id=run_id("orphan"),
    )["run"]

    assert found == {
        "parentRunId": run_id("parent"),
        "parentRunIds": [run_id("root"), run_id("parent")],
        "parentRun": None,
        "parentRuns": [],
        "isRoot": False,
        "depth": 2,
        "childRuns": [
            {"name": "below", "parentRuns": [{"name": "orphan"}], "parentRun": {"name": "orphan"}}
        ],
    }


@pytest.mark.usefixtures("_orphans")
def test_a_trace_whose_root_never_arrived_is_pending(ask: Callable[..., Any]):
    found = ask(
        """query($id: ID!) { trace(traceId: $id) {
          traceId rootRun { name } status startTime endTime latency runCount
          project { name } runs { nodes { name trace { traceId status } } totalCount }
        } }""",
        id=run_id("root"),
    )["trace"]

    trace = {"traceId": run_id("root"), "status": "PENDING"}
    assert found == {
        **trace,
        "rootRun": None,
        "endTime": None,
        "latency": None,
        "runCount": 2,
        "startTime": "2026-01-01T12:00:02.000000Z",
        "project": {"name": "p"},
        "runs": {
            "nodes": [{"name": "orphan", "trace": trace}, {"name": "below", "trace": trace}],
            "totalCount": 2,
        },
    }


@pytest.mark.usefixtures("_orphans")
def test_a_trace_is_whole_once_its_root_has_come(keep: Callable[..., Any], ask: Callable[..., Any]):
    root = make("root", end_time=NOON + timedelta(seconds=1), error="broken")
    keep(runs=[root])

    found = ask(
        "query($id: ID!) { trace(traceId: $id) "
        "{ rootRun { name } status startTime endTime latency runCount } }",
        id=run_id("root"),
    )["trace"]

    assert found == {
        "rootRun": {"name": "root"},
        "status": "ERROR",
        "runCount": 3,
        "latency": 4.0,
        "startTime": "2026-01-01T12:00:00.000000Z",
        "endTime": "2026-01-01T12:00:04.000000Z",
    }


def test_there_is_no_trace_of_which_nothing_arrived(ask: Callable[..., Any]):
    assert ask(f'{{ trace(traceId: "{run_id("nobody")}") {{ traceId status }} }}') == {
        "trace": None
    }


def test_a_child_may_be_in_another_project_than_its_parent(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    root = add("root")
    add("child", at=1, parent=root, session_name="elsewhere")

    found = ask(
        """query($id: ID!) {
          run(id: $id) {
            project { name } parentRun { project { name } } trace { project { name } }
          }
          p: project(by: {name: "p"}) { runs { nodes { name childRuns { name } } } }
          elsewhere: project(by: {name: "elsewhere"}) { runs { nodes { name isRoot } } }
        }""",
        id=run_id("child"),
    )

    assert found == {
        "run": {
            "project": {"name": "elsewhere"},
            "parentRun": {"project": {"name": "p"}},
            "trace": {"project": {"name": "p"}},
        },
        "p": {"runs": {"nodes": [{"name": "root", "childRuns": [{"name": "child"}]}]}},
        "elsewhere": {"runs": {"nodes": [{"name": "child", "isRoot": False}]}},
    }


def test_an_unfinished_run_has_no_end(add: Callable[..., Any], ask: Callable[..., Any]):
    add("root", end_time=None)

    (found,) = ask(
        """{ runs { nodes {
          status endTime latency error outputs trace { status endTime latency }
        } } }"""
    )["runs"]["nodes"]

    nothing = {"status": "PENDING", "endTime": None, "latency": None}
    assert found == {**nothing, "error": None, "outputs": None, "trace": nothing}


def test_a_run_may_end_before_it_began(add: Callable[..., Any], ask: Callable[..., Any]):
    add("root", at=10, end_time=NOON)

    (found,) = ask("{ runs { nodes { latency status } } }")["runs"]["nodes"]

    assert found == {"latency": -10.0, "status": "SUCCESS"}


def test_an_error_counts_whether_or_not_the_run_has_ended(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    root = add("root")
    add("interrupted", at=1, parent=root, error="GraphInterrupt()", end_time=None)

    found = ask("{ runs { nodes { name status trace { status } } } }")["runs"]["nodes"]

    assert found == [
        {"name": "interrupted", "status": "ERROR", "trace": {"status": "SUCCESS"}},
        {"name": "root", "status": "SUCCESS", "trace": {"status": "SUCCESS"}},
    ]


PAGES_BELOW = """query($id: ID!, $after: String) { run(id: $id) {
  page: %s(first: 7, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
} }"""


def test_far_below_the_root_pages_hold_siblings_in_their_order_and_all_can_be_deleted(
    keep: Callable[..., Any], ask: Callable[..., Any]
):
    chain = deep_chain()[:300]
    fork = chain[200]
    leaves = [make(f"leaf{n}", 100 - n, fork) for n in range(20)]
    assert keep(runs=[*chain, *leaves]).refused == ()
    in_order = [*(f"deep{n}" for n in range(201, 300)), *(f"leaf{n}" for n in reversed(range(20)))]

    below = walk(ask, PAGES_BELOW % "descendants", id=str(fork.id))
    children = walk(ask, PAGES_BELOW % "childRunsConnection", id=str(fork.id))
    nested = ask(
        "query($id: ID!) { run(id: $id) { childRuns { name childRuns { name } } } }",
        id=str(fork.id),
    )["run"]["childRuns"]
    gone = ask(
        "mutation($ids: [ID!]!) { deleteTraces(input: {ids: $ids}) { deletedIds } }",
        ids=[run_id("deep0")],
    )
    left = ask("{ runs { totalCount } }")["runs"]["totalCount"]

    assert names(below) == in_order
    assert names(children) == ["deep201", *in_order[99:]]
    assert nested[0] == {"name": "deep201", "childRuns": [{"name": "deep202"}]}
    assert len(nested) == 21
    assert (gone, left) == ({"deleteTraces": {"deletedIds": [run_id("deep0")]}}, 0)
