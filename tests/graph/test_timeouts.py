"""No question holds the server: what takes too long ends, and says what to ask instead."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from db.servers import told
from tests.telling import post

ROOT = post(1, name="root")
OF_ROOT = '{runs(first: 1, where: {name: {eq: "root"}}) {nodes {'
OF_PROJECT = '{project(by: {name: "project"}) {'
QUESTIONS = {
    "runs": '{runs(where: {name: {contains: "x"}}) {nodes {id}}}',
    "orders": "{runs(orderBy: [{field: LATENCY}]) {nodes {id}}}",
    "a feedback order": '{runs(orderBy: [{field: FEEDBACK_SCORE, feedbackKey: "k"}]) {nodes {id}}}',
    "counts": '{runs(where: {name: {contains: "x"}}) {totalCount}}',
    "stats of a list": '{runs(where: {name: {contains: "x"}}) {stats {runCount}}}',
    "searches": '{runs(where: {not: {search: "nobody"}, name: {eq: "x"}}) {nodes {id}}}',
    "expressions": '{runs(where: {expression: "like(name, \\"%x%x%\\")"}) {nodes {id}}}',
    "values of JSON": '{runs(where: {inputs: [{path: "a", eq: 5}]}) {nodes {id}}}',
    "relations": '{runs(where: {anyDescendant: {name: {eq: "x"}}}) {nodes {id}}}',
    "statistics": '{runStats(where: {name: {neq: "x"}}) {stats {runCount}}}',
    "groups": '{runStats(where: {name: {neq: "x"}}, groupBy: [{field: TAG}]) {stats {runCount}}}',
    "buckets": '{runStats(where: {name: {neq: "x"}}, interval: HOUR) {stats {runCount}}}',
    "stats of a project": OF_PROJECT + "stats {latency {p50}}}}",
    "runs of a project": OF_PROJECT + 'runs(where: {name: {eq: "x"}}) {totalCount}}}',
    "stats of threads": OF_PROJECT + "threads {nodes {stats {runCount}}}}}",
    "trees": OF_ROOT + "childRuns {childRuns {childRuns {id}}}}}}",
    "children": OF_ROOT + 'childRuns(where: {name: {eq: "x"}}) {id}}}}',
    "descendants": OF_ROOT + "descendants(first: 1000) {nodes {inputs}}}}}",
    "runs of a trace": OF_ROOT + 'trace {runs(where: {name: {eq: "x"}}) {totalCount}}}}}',
    "sums of a trace": OF_ROOT + "trace {runCount totalCost}}}}",
    "comparisons": f'{{compareRuns(a: "{ROOT.id}", b: "{ROOT.id}") {{pairs {{depth}}}}}}',
}
ADVICE = ("add a", "narrow the", "ask for", "compare runs")


@pytest.fixture
def _many_runs(keep: Callable[..., Any]) -> None:
    """A trace of some hundred runs in one thread."""
    facts = {
        "extra": json.dumps({"metadata": {"thread_id": "t"}}),
        "inputs": json.dumps({"a": [{"b": at} for at in range(50)]}),
        "tags": ("a",),
    }
    keep(runs=[ROOT, *[post(at, ROOT, **facts) for at in range(2, 402)]])


@pytest.fixture
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections on which nothing takes many steps: a few rows can still be looked up."""
    monkeypatch.setattr("db.readers._STEPS", 1_500)
    monkeypatch.setattr("db.readers.PATIENCE", -1)
    monkeypatch.setattr("db.readers.LONGEST", -1)
    brief = {"statement_timeout": "1"}
    monkeypatch.setattr("db.postgres.told", lambda seconds: told(seconds) | brief)


@pytest.mark.only_on("sqlite", reason="the steps that are counted are its own")
@pytest.mark.usefixtures("_briefly", "_many_runs")
@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)
def test_whatever_takes_too_long_ends_and_says_what_to_ask_instead(
    answer: Callable[..., Any], query: str
):
    errors = answer(query).get("errors")

    assert errors
    for error in errors:
        assert error["extensions"]["code"] == "TIMEOUT"
        what, _, advice = error["message"].partition("; ")
        assert what == "the read took more than -1 s"
        assert advice.startswith(ADVICE), error


@pytest.mark.usefixtures("_briefly", "_many_runs")
@pytest.mark.parametrize("name", ["values of JSON", "a feedback order", "relations", "groups"])
def test_the_database_itself_ends_what_takes_too_long(answer: Callable[..., Any], name: str):
    (error,) = answer(QUESTIONS[name])["errors"]

    assert error["extensions"]["code"] == "TIMEOUT"
    assert error["message"].partition("; ")[2].startswith(ADVICE)
