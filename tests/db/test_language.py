"""LangSmith's filter language: what each part of it means."""

from collections.abc import Callable
from typing import Any

import pytest

from db.errors import InvalidError
from db.language import parse

Ask = Callable[[str], set[str]]


@pytest.fixture(autouse=True)
def _runs(add: Callable[..., Any], judge: Callable[..., Any], index: Callable[[], None]) -> None:
    usage = {"prompt_tokens": 4000, "completion_tokens": 2000, "total_tokens": 6000}
    costs = {"prompt_cost": "0.01", "completion_cost": "0.02", "total_cost": "0.03"}
    root = add(
        "extractor",
        at=0,
        tags=("experimental", "2023-11"),
        extra={"metadata": {"environment": "production", "user_id": "u1", "a.b": 1, "n": 5}},
        inputs={"question": "Which one?", "docs": [{"lang": "en"}, {"lang": "de"}]},
        outputs={"answer": {"text": "fine"}, "words": ["one", "two"], "score": 0.5},
    )
    found = add("RetrieveDocs", at=1, parent=root, run_type="retriever", end_time=None)
    model = add("ChatOpenAI", at=2, parent=root, run_type="llm", usage=usage | costs)
    other = add(
        "chat",
        at=100,
        error="RateLimit: too many",
        tags=("beta",),
        extra={"metadata": {"session_id": "s1", "environment": "staging", "user_id": "u2"}},
        inputs={"question": "Why?"},
    )
    judge(root, "user_score", score=1.0, value='"good"', comment="nice")
    judge(root, "Correctness", score=0.0)
    judge(found, "user_score", score=0.95)
    judge(other, "user_score", score=0.1, value='{"a": 1}')
    assert model
    index()


@pytest.fixture
def matching(ask: Callable[..., Any]) -> Ask:
    """Ask which runs match an expression."""

    def matching(expression: str) -> set[str]:
        query = "query($e: String) { runs(where: {expression: $e}) { nodes { name } } }"
        return {run["name"] for run in ask(query, e=expression)["runs"]["nodes"]}

    return matching


ALL = {"extractor", "RetrieveDocs", "ChatOpenAI", "chat"}
ROOTS = {"extractor", "chat"}
MEANT: dict[str, set[str]] = {
    "not(eq(run_type, 'chain'))": {"RetrieveDocs", "ChatOpenAI"},
    'NOT(OR(eq(name, "chat"), eq(name, "extractor")))': {"RetrieveDocs", "ChatOpenAI"},
    "lt(latency, '1.5m')": ALL - {"RetrieveDocs"},
    "eq(latency, '1s')": ALL - {"RetrieveDocs"},
    "eq(latency, 1)": ALL - {"RetrieveDocs"},
    "gt(latency, '1m30s')": set(),
    "eq(end_time, null)": {"RetrieveDocs"},
    "exists(end_time)": ALL - {"RetrieveDocs"},
    "eq(error, true)": {"chat"},
    "eq(error, false)": ALL - {"chat"},
    "neq(error, 'x')": ALL,
    "eq(is_root, false)": ALL - ROOTS,
    "neq(is_root, true)": ALL - ROOTS,
    "neq(status, 'success')": {"RetrieveDocs", "chat"},
    "in(status, ['error', 'pending'])": {"RetrieveDocs", "chat"},
    "gte(total_cost, 0.03)": {"extractor", "ChatOpenAI"},
    "eq(prompt_cost, '0.01')": {"extractor", "ChatOpenAI"},
    "lt(start_time, '2026-01-01')": set(),
    "eq(start_time, '2026-01-01T13:00:00+01:00')": {"extractor"},
    "exists(tags)": ROOTS,
    "in(tags, ['beta', 'x'])": {"chat"},
    "has(tags, 'bet')": set(),
    'has(metadata, "{\\"n\\": 5.0}")': {"extractor"},
    # one pair for a key and the values that follow it
    "and(eq(metadata_key, 'environment'), eq(metadata_value, 'u1'))": set(),
    "and(eq(metadata_key, 'environment'), neq(metadata_value, 'staging'))": {"extractor"},
    "and(eq(metadata_key, 'n'), gt(metadata_value, 4), lt(metadata_value, 6))": {"extractor"},
    "and(eq(metadata_key, 'n'), eq(metadata_value, '5'))": set(),
    "and(eq(metadata_key, 'a.b'), eq(metadata_value, 1))": {"extractor"},
    (
        "and(eq(metadata_key, 'environment'), eq(metadata_value, 'staging'),"
        " eq(metadata_key, 'user_id'), eq(metadata_value, 'u2'))"
    ): {"chat"},
    (
        "and(and(eq(metadata_key, 'environment'), eq(metadata_value, 'production')),"
        " and(eq(metadata_key, 'user_id'), eq(metadata_value, 'u2')))"
    ): set(),
    "and(eq(feedback_key, 'Correctness'), gt(feedback_score, 0.5))": set(),
    "and(eq(feedback_key, 'user_score'), eq(feedback_value, 'good'))": {"extractor"},
    "and(eq(feedback_key, 'user_score'), like(feedback_comment, 'ni%'))": {"extractor"},
    "and(eq(feedback_key, 'user_score'), exists(feedback_value))": ROOTS,
    "gt(feedback_score, 0.5)": {"extractor", "RetrieveDocs"},
    "not(exists(feedback_key))": {"ChatOpenAI"},
    # paths, and lists on their way
    "and(eq(input_key, 'docs.lang'), eq(input_value, 'de'))": {"extractor"},
    "and(eq(input_key, 'docs.lang'), neq(input_value, 'de'))": {"extractor"},
    "and(eq(input_key, 'docs[0].lang'), eq(input_value, 'de'))": set(),
    "and(eq(output_key, 'words'), eq(output_value, 'two'))": {"extractor"},
    "and(eq(output_key, 'score'), gte(output_value, 0.5))": {"extractor"},
    "and(eq(input_key, 'question'), notlike(input_value, 'Which%'))": {"chat"},
    "and(eq(input_key, 'question'), in(input_value, ['Why?', 5]))": {"chat"},
    # values at any key
    "eq(metadata_value, 'production')": {"extractor"},
    "gt(metadata_value, 4)": {"extractor"},
    "neq(metadata_value, 'production')": ALL - {"extractor"},
    "eq(input_value, 'de')": {"extractor"},
    "like(output_value, 'tw%')": {"extractor"},
    "notlike(output_value, 'tw%')": ALL - {"extractor"},
    "and(neq(input_key, 'docs'), eq(input_value, 'Why?'))": {"chat"},
    "and(neq(input_key, 'docs'), eq(input_value, 'de'))": set(),
    # texts
    "search(name, 'chat')": {"ChatOpenAI", "chat"},
    "search(error, 'LIMIT')": {"chat"},
    "neq(execution_order, 1)": ALL - ROOTS,
    "exists(metadata, 'a.b')": {"extractor"},
    "eq(name, 'it\\'s')": set(),
    'eq(name, "ch\\u0061t")': {"chat"},
    '\n  eq ( name , "chat" )\n': {"chat"},
    "like(name, 'c%')": {"chat"},
    "like(name, 'C%')": {"ChatOpenAI"},
}


def test_an_expression_means_what_it_says(matching: Ask):
    found = {expression: matching(expression) for expression in MEANT}

    assert found == MEANT


def test_an_expression_stands_beside_other_tests(ask: Callable[..., Any]):
    query = """{ runs(where: {name: {eq: "chat"}, or: [{expression: "has(tags, 'beta')"}]}) {
      nodes { name } } }"""

    assert ask(query)["runs"]["nodes"] == [{"name": "chat"}]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "line 1, column 1: the end stands where a name is wanted"),
        ("eq(name", "line 1, column 8: the end stands where ( or ) or , is wanted"),
        ("eq(name, 'a')\n  x", "line 2, column 3: 'x' stands where the end is wanted"),
        ("and(\n eq(name, 'a)", 'line 2, column 11: "\'" stands where'),
        ("eq(name, %)", "line 1, column 10: '%' stands where"),
        ("equals(name, 'a')", "line 1, column 1: 'equals' is no comparator; one of and, or, not"),
        ("and(eq(nome, 'a'))", "line 1, column 8: 'nome' is no field; one of id, name"),
        ("eq('a', name)", "line 1, column 4: eq takes a field first"),
        ("eq(name)", "line 1, column 1: eq has 1 arguments; a field and a value are wanted"),
        ("eq(name, chat)", "line 1, column 10: 'chat' stands where a value is wanted; texts"),
        ("eq(name, 5)", "line 1, column 10: 5 stands where a text in quotes is wanted"),
        ("gt(latency, 'soon')", "line 1, column 13: 'soon' stands where seconds or a duration"),
        ("eq(total_tokens, 1.5)", "line 1, column 18: 1.5 stands where a whole number"),
        ("eq(id, 'x')", "line 1, column 8: 'x' stands where a UUID in quotes is wanted"),
        ("gt(start_time, 'x')", "line 1, column 16: 'x' stands where a time such as"),
        ("eq(is_root, 'yes')", "line 1, column 13: 'yes' stands where true or false is wanted"),
        ("eq(status, 'done')", "line 1, column 12: 'done' stands where \"pending\", "),
        ("like(latency, '1')", "line 1, column 15: latency does not take like; it takes eq"),
        ("eq(tags, 'a')", "line 1, column 10: tags does not take eq; it takes has, in, exists"),
        ("in(name, 'a')", "line 1, column 10: 'a' stands where a list such as"),
        ("search(5)", "line 1, column 1: search takes a text, as in search"),
        ("and('a')", "line 1, column 5: and takes comparisons, as in and("),
        ("and()", "line 1, column 1: and has no arguments; a comparison is wanted"),
        ("not(eq(name, 'a'), eq(name, 'b'))", "line 1, column 1: not has 2 arguments; one is"),
        ("exists(metadata_value)", "line 1, column 8: metadata_value stands without metadata_key"),
        ("eq(execution_order, 2)", "line 1, column 21: 2 stands where 1 is wanted"),
        ("search(latency, 'a')", "line 1, column 8: search does not take latency; it takes name"),
        ("and(eq(input_key, 'a'), eq(input_value, [1]))", "line 1, column 8: [1] stands where"),
        ("not(" * 40 + "eq(name, 'a')" + ")" * 40, "line 1, column 133: nested more than 32 deep"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(expression: str, message: str):
    with pytest.raises(InvalidError) as error:
        parse(expression)

    assert str(error.value).startswith(f"expression, {message}")


def test_a_wrong_expression_is_the_users_error(answer: Callable[..., Any]):
    (error,) = answer('{ runs(where: {expression: "eq(nome, 1)"}) { totalCount } }')["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_too_long_an_expression_is_refused():
    with pytest.raises(InvalidError, match="has 20005 characters; at most 20000"):
        parse("x" * 20_005)
