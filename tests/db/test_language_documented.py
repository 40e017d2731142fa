"""The examples of LangSmith's documentation parse, and answer as they are described there.

Each stands under the page it is from, as read on 2026-11-24, with what is said of it. Where one
names an id, a tag or a value, the runs below have it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.conftest import NOON, run_id
from tests.telling import id_of, post

SYNTAX = "https://docs.langchain.com/langsmith/trace-query-syntax"
EXPORT = "https://docs.langchain.com/langsmith/export-traces"
BULK = "https://docs.smith.langchain.com/observability/how_to_guides/data_export"
IN_APP = "https://docs.smith.langchain.com/observability/how_to_guides/filter_traces_in_application"
THREADS = "https://docs.smith.langchain.com/observability/how_to_guides/threads"
SDK = "https://github.com/langchain-ai/langsmith-sdk, Client.list_runs"

THREAD, USER = "a1b2c3d4-e5f6-7890", "4070f233-f61e-44eb-bff1-da3c163895a3"
CHAT = "69b12c91-b1e2-46ce-91de-794c077e8151"
SINCE = "2023-07-15T12:34:56Z"


SECOND = {
    "name": "extractor",
    "run_type": "llm",
    "session_name": "p",
    "start_time": NOON + timedelta(seconds=42),
    "end_time": NOON + timedelta(seconds=60),
}


def metadata(**values: Any) -> dict[str, Any]:
    return {"metadata": values}


@pytest.fixture(autouse=True)
def _runs(
    add: Callable[..., Any],
    keep: Callable[..., Any],
    judge: Callable[..., Any],
    index: Callable[[], None],
) -> None:
    many = {"prompt_tokens": 4000, "completion_tokens": 2000, "total_tokens": 6000}
    good = add(
        "good",
        run_type="chain",
        end_time=at(11),
        tags=("experimental", "production"),
        extra=metadata(conversation_id=THREAD, user_id=USER, environment="production"),
        inputs={"text": "image classification of an invoice"},
    )
    add("extractor", at=1, parent=good, end_time=at(13), tags=("beta", "2aa1cf4"))
    add("RetrieveDocs", at=2, parent=good, run_type="retriever", end_time=None)
    add("ExpandQuery", at=3, parent=good, run_type="llm", usage=many, end_time=at(9))
    bad = add(
        "bad",
        at=40,
        error="a substring of it",
        tags=("staging",),
        extra=metadata(thread_id=THREAD, user_id="usr_abc123", foo="bar"),
        inputs={"old": THREAD},
    )
    add(
        "ChatOpenAI",
        at=41,
        parent=bad,
        run_type="llm",
        end_time=at(55),
        extra=metadata(conversation_id=CHAT, tenant_id="t", session_id="<your_thread_id>"),
        inputs={"messages": [{"content": "the messages.content here"}]},
    )
    judge(good, "user_score", score=1.0)
    judge(good, "star_rating", score=5.0)
    judge(good, "thumbs_up", score=1.0)
    keep(runs=[(model := post(9, bad, **SECOND))])
    judge(model, "correctness", score=0.4)
    judge(model, "Correctness", score=0.0)
    index()


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


NAMES = ("good", "extractor", "RetrieveDocs", "ExpandQuery", "bad", "ChatOpenAI", "extractor 2")
ALL = set(NAMES)


class Example(NamedTuple):
    """An expression, what is said of it, and the runs that it is true of."""

    expression: str
    told: str
    found: set[str]
    root: str | None = None
    tree: str | None = None


THREE_KEYS = 'in(metadata_key, ["session_id","conversation_id","thread_id"])'
OF_KEY = "metadata_key, 'conversation_id'"
OF_VALUE = f"metadata_value, '{THREAD}'"
SCORE = 'and(eq(feedback_key, "user_score"), eq(feedback_score, 1))'
ZERO = 'and(eq(feedback_key, "Correctness"), eq(feedback_score, 0.0))'
EXAMPLES: dict[str, list[Example]] = {
    SYNTAX: [
        Example('eq(run_type, "llm")', "eq", {"ExpandQuery", "ChatOpenAI", "extractor 2"}),
        Example('neq(status, "error")', "neq", ALL - {"bad"}),
        Example("gte(latency, 1.5)", "gte", ALL - {"RetrieveDocs", "bad"}),
        Example('lt(start_time, "2024-01-01T00:00:00Z")', "lt", set()),
        Example("lte(feedback_score, 0.5)", "lte", {"extractor 2"}),
        Example('has(tags, "production")', "has", {"good"}),
        Example('search("invoice")', "search", {"good"}),
        Example('in(metadata_key, ["session_id", "thread_id"])', "in", {"bad", "ChatOpenAI"}),
        Example(
            'and(eq(run_type, "llm"), gt(latency, "2s"))',
            "logical operators",
            {"ExpandQuery", "ChatOpenAI", "extractor 2"},
        ),
        Example(
            'or(eq(status, "error"), and(eq(feedback_key, "score"), lt(feedback_score, 0.5)))',
            "logical operators",
            {"bad"},
        ),
        Example('eq(name, "my_chain")', "by run name", set()),
        Example('eq(status, "error")', "errored", {"bad"}),
        Example('eq(status, "success")', "did not error", ALL - {"bad", "RetrieveDocs"}),
        Example('gt(latency, "5s")', "slower than 5 seconds", ALL - {"RetrieveDocs", "bad"}),
        Example('lt(latency, "1.5s")', "faster", {"bad"}),
        Example(
            'and(gt(start_time, "2024-01-01T00:00:00Z"), lt(start_time, "2024-02-01T00:00:00Z"))',
            "by time range",
            set(),
        ),
        Example('or(has(tags, "production"), has(tags, "staging"))', "any", {"good", "bad"}),
        Example('eq(metadata_key, "user_id")', "with a key", {"good", "bad"}),
        Example(
            'and(eq(metadata_key, "user_id"), eq(metadata_value, "usr_abc123"))', "value", {"bad"}
        ),
        Example(
            'and(eq(metadata_key, "environment"), eq(metadata_value, "production"))',
            "from the production environment",
            {"good"},
        ),
        Example(
            'and(in(metadata_key, ["session_id", "conversation_id", "thread_id"]),'
            ' eq(metadata_value, "<your_thread_id>"))',
            "by conversation or thread",
            {"ChatOpenAI"},
        ),
        Example('and(eq(feedback_key, "thumbs_up"), eq(feedback_score, 1))', "score", {"good"}),
        Example(
            'and(eq(feedback_key, "correctness"), lt(feedback_score, 0.5))',
            "a score below 0.5",
            {"extractor 2"},
        ),
        Example('search("my search term")', "full text", set()),
        Example(
            'and(gt(start_time, "2024-06-01T00:00:00Z"), eq(status, "error"))', "errors", {"bad"}
        ),
        Example(
            'and(gt(latency, "10s"), eq(feedback_key, "correctness"), lt(feedback_score, 0.5))',
            "slow, with low correctness",
            {"extractor 2"},
        ),
        Example(
            f'and(gt(start_time, "{SINCE}"), or(eq(status, "error"), {ZERO}))',
            "errors or a low score",
            {"bad", "extractor 2"},
        ),
        Example(
            'eq(name, "RetrieveDocs")',
            "filter, trace_filter and tree_filter",
            {"RetrieveDocs"},
            root=SCORE,
            tree='eq(name, "ExpandQuery")',
        ),
        Example("eq(execution_order, 1)", "a field of runs", {"good", "bad"}),
        Example('search(name, "expand")', "a substring in a string field", {"ExpandQuery"}),
    ],
    EXPORT: [
        Example(f'and({THREE_KEYS}, eq(metadata_value, "{THREAD}"))', "a thread", {"good", "bad"}),
        Example('eq(name, "extractor")', "root with user_score 1", {"extractor"}, root=SCORE),
        Example('and(eq(feedback_key, "star_rating"), gt(feedback_score, 4))', "> 4", {"good"}),
        Example("gt(total_tokens, 5000)", "total_tokens", {"good", "ExpandQuery"}),
        Example("neq(error, null)", "error not null", {"bad"}),
        Example(f'gt(start_time, "{SINCE}")', "since", ALL),
        Example('search("substring")', "contains the string", {"bad"}),
        Example('has(tags, "2aa1cf4")', "tagged with the git hash", {"extractor"}),
        Example(
            'and(eq(run_type, "chain"), gt(latency, 10), gt(total_tokens, 5000))',
            "chains of more than 10 s and 5000 tokens",
            {"good"},
        ),
        Example(
            f'and(gt(start_time, "{SINCE}"), or(neq(error, null), {ZERO}))',
            "an error, or a Correctness of 0",
            {"bad", "extractor 2"},
        ),
        Example(
            'and(or(has(tags, "experimental"), has(tags, "beta")), gt(latency, 2))',
            "tags and latency",
            {"good", "extractor"},
        ),
        Example('search("image classification")', "full text", {"good"}),
        Example("eq(metadata_key, 'user_id')", "the key", {"good", "bad"}),
        Example(
            f"and(eq(metadata_key, 'user_id'), eq(metadata_value, '{USER}'))", "value", {"good"}
        ),
        Example(f"and(eq({OF_KEY}), eq({OF_VALUE}))", "in this conversation", {"good"}),
        Example(f"and(neq({OF_KEY}))", "no such key", ALL - {"good", "ChatOpenAI"}),
        Example(f"and(eq({OF_KEY}), neq({OF_VALUE}))", "another value", {"ChatOpenAI"}),
        Example(
            f"and(neq({OF_KEY}), neq({OF_VALUE}))",
            "no such key, and the value is not present",
            ALL - {"good", "ChatOpenAI", "bad"},
        ),
        Example(
            f"and(neq({OF_KEY}), eq({OF_VALUE}))", "no such key, but the value is present", {"bad"}
        ),
        Example(
            f"and(eq(name, 'ChatOpenAI'), eq({OF_KEY}), eq(metadata_value, '{CHAT}'))",
            "combined",
            {"ChatOpenAI"},
        ),
    ],
    BULK: [
        Example(
            'and(eq(run_type, "llm"), eq(name, "ChatOpenAI"), eq(input_key, "messages.content"),'
            ' like(input_value, "%messages.content%"))',
            "keys of inputs",
            {"ChatOpenAI"},
        ),
    ],
    IN_APP: [Example(f"and(eq(is_root, true), {SCORE})", "as copied in the app", {"good"})],
    THREADS: [
        Example(f'and({THREE_KEYS}, eq(metadata_value, "{THREAD}"))', "a thread", {"good", "bad"}),
    ],
    SDK: [
        Example(
            'and(not(has(metadata, \'{"foo": "bar"}\')), exists(metadata, "tenant_id"))',
            "neither is it so, and the key is there",
            {"ChatOpenAI"},
        ),
        Example("neq(error, null)", "with an error", {"bad"}),
        Example(
            'eq(name, "extractor")',
            "the root has a user_score",
            {"extractor"},
            root='eq(feedback_key, "user_score")',
        ),
    ],
}


@pytest.mark.parametrize("source", EXAMPLES)
def test_the_documented_examples_answer_as_documented(ask: Callable[..., Any], source: str):
    query = """query($where: RunFilter) { runs(where: $where) { nodes { id } } }"""
    by_id = {run_id(name): name for name in NAMES} | {str(id_of(9)): "extractor 2"}
    found: dict[str, set[str]] = {}
    for example in EXAMPLES[source]:
        where: dict[str, Any] = {"expression": example.expression}
        if example.root:
            where["rootRun"] = {"expression": example.root}
        if example.tree:
            where["anyRunInTrace"] = {"expression": example.tree}
        nodes = ask(query, where=where)["runs"]["nodes"]
        found[f"{example.expression}: {example.told}"] = {by_id[node["id"]] for node in nodes}

    assert found == {f"{each.expression}: {each.told}": each.found for each in EXAMPLES[source]}
