"""Tokens and costs: of one run, and up the tree."""

import json
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from db.arrivals import Batch, RunArrival
from tests.telling import Book, at, patch, post, used

ROOT = post(1)
MIDDLE = post(2, ROOT)
LEAF = post(3, MIDDLE, run_type="llm", outputs=used(5, 2))

TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")


def tokens(book: Book, run: RunArrival, sort: str = "total") -> tuple[Any, ...]:
    row = book.run(run)
    return tuple(row[f"{sort}_{name}"] for name in TOKENS)


def llm(number: int, outputs: Any = None, **told: Any) -> RunArrival:
    text = outputs if isinstance(outputs, str) else json.dumps(outputs or {})
    return post(number, run_type="llm", outputs=text, **told)


@pytest.mark.parametrize("order", list(permutations([ROOT, MIDDLE, LEAF])))
def test_usage_rises_to_every_ancestor_whoever_comes_first(
    book: Book, order: tuple[RunArrival, ...]
):
    for run in order:
        book.tell(run)

    assert {tokens(book, run) for run in order} == {(5, 2, 7)}
    assert [book.run(run)["llm_descendants"] for run in (ROOT, MIDDLE, LEAF)] == [1, 1, 0]
    assert tokens(book, ROOT, "own") == (None, None, None)


def test_runs_whose_parents_never_come_count_for_the_ancestors_that_do(book: Book):
    book.tell(LEAF)
    book.tell(ROOT)
    book.tell(patch(LEAF, end_time=at(9), outputs=used(50, 2)))

    assert tokens(book, ROOT) == (50, 2, 52)


def test_usage_is_null_while_nobody_has_told_any(book: Book):
    book.tell(ROOT, MIDDLE, replace(LEAF, outputs="{}"))

    assert tokens(book, ROOT) == (None, None, None)
    assert book.run(ROOT)["total_details"] is None


def test_usage_copied_to_chains_is_not_counted(book: Book):
    copied = json.dumps({"metadata": {"usage_metadata": {"input_tokens": 5, "output_tokens": 2}}})
    book.tell(replace(ROOT, outputs=used(5, 2), extra=copied), MIDDLE, LEAF)

    assert tokens(book, ROOT) == (5, 2, 7)


def test_usage_given_with_a_chain_counts_until_a_language_model_runs_below_it(book: Book):
    given = replace(ROOT, usage='{"prompt_tokens": 9, "total_cost": 0.5}')
    book.tell(given, MIDDLE)
    assert tokens(book, ROOT) == (9, None, 9)
    assert book.run(ROOT)["total_total_cost"] == Decimal("0.5")

    book.tell(LEAF)
    assert tokens(book, ROOT) == (5, 2, 7)
    assert book.run(ROOT)["own_total_cost"] is None
    assert book.run(ROOT)["total_total_cost"] is None

    book.tell(patch(LEAF, run_type="tool"))
    assert tokens(book, ROOT) == (9, None, 9)
    assert book.run(ROOT)["llm_descendants"] == 0


def test_a_measure_that_is_gone_is_null_again(book: Book):
    book.tell(ROOT, MIDDLE, LEAF)

    book.tell(patch(LEAF, outputs='{"text": "never mind"}'))

    assert tokens(book, ROOT) == tokens(book, LEAF) == (None, None, None)


def test_the_first_source_that_tells_is_used(book: Book):
    in_metadata = json.dumps({"metadata": {"usage_metadata": {"input_tokens": 3}}})
    call = {"llm_output": {"token_usage": {"prompt_tokens": 6, "completion_tokens": 1}}}
    message = {"message": {"kwargs": {"usage_metadata": {"input_tokens": 4, "output_tokens": 1}}}}
    book.tell(
        llm(1, used(2, 0), usage='{"prompt_tokens": 1}', extra=in_metadata),
        llm(2, used(2, 0), extra=in_metadata),
        llm(3, extra=in_metadata),
        llm(4, {**call, "generations": [[message, message], [message]]}),
        llm(5, call),
    )

    assert [tokens(book, post(number)) for number in range(1, 6)] == [
        (1, None, 1),
        (2, 0, 2),
        (3, None, 3),
        (12, 3, 15),
        (6, 1, 7),
    ]


def test_kinds_of_tokens_are_summed_by_kind(book: Book):
    outputs = used(10, 4, input_token_details={"cache_read": 6}, output_token_details={"audio": 1})
    book.tell(ROOT, replace(LEAF, outputs=outputs), post(4, ROOT, run_type="llm", outputs=outputs))

    assert json.loads(book.run(ROOT)["total_details"]) == {
        "completionTokens": {"audio": 2},
        "promptTokens": {"cache_read": 12},
    }
    assert book.run(ROOT)["own_details"] is None


def test_known_models_have_a_price_and_cached_tokens_theirs(book: Book):
    named = {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini-2024-07-18"}
    extra = json.dumps({"metadata": named})
    details = {"input_token_details": {"cache_read": 400_000}}
    book.tell(llm(1, used(1_000_000, 500_000, **details), extra=extra))

    run = book.run(post(1))
    assert run["own_prompt_cost"] == Decimal("0.12")
    assert run["own_completion_cost"] == Decimal("0.3")
    assert run["own_total_cost"] == Decimal("0.42")
    assert json.loads(run["own_details"])["promptCost"] == {"cache_read": "0.03"}


@pytest.mark.parametrize(
    ("provider", "model", "known"),
    [
        ("anthropic", "claude-3-5-sonnet-20241022", True),
        ("anthropic", "claude-sonnet-4-5-20250929", True),
        ("google_genai", "models/gemini-2.5-flash", True),
        ("amazon_bedrock", "us.anthropic.claude-3-haiku-20240307-v1:0", True),
        (None, "gpt-4.1", True),
        ("openai", "gpt-4.12", False),
        ("openai", "gpt-4o-mini-transcribe", False),
        ("openai", "llama-3", False),
        ("ollama", "gpt-4o", False),
    ],
)
def test_a_model_is_known_by_its_whole_name(
    book: Book, provider: str | None, model: str, known: bool
):
    metadata = {"ls_model_name": model} | ({"ls_provider": provider} if provider else {})
    book.tell(llm(1, used(1, 1), extra=json.dumps({"metadata": metadata})))

    assert (book.run(post(1))["own_total_cost"] is not None) == known


def test_costs_that_are_told_win_over_prices(book: Book):
    extra = json.dumps({"metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o"}})
    book.tell(
        llm(1, used(1, 1, input_cost=0.25, output_cost="0.5"), extra=extra),
        llm(2, used(1, 1), usage='{"total_cost": "0.1234567890123"}', extra=extra),
    )

    assert book.run(post(1))["own_total_cost"] == Decimal("0.75")
    assert book.run(post(2))["own_total_cost"] == Decimal("0.123456789012")
    assert book.run(post(2))["own_prompt_cost"] is None


def test_everything_that_can_be_given_is_kept(book: Book):
    given = {
        "prompt_tokens": 10.0,
        "completion_tokens": 4,
        "total_tokens": 15,
        "prompt_token_details": {"cache_read": 6, "odd": "many"},
        "completion_token_details": {"reasoning": 3},
        "prompt_cost": 0.1,
        "completion_cost": "0.2",
        "total_cost": "0.4",
        "prompt_cost_details": {"cache_read": "0.05", "odd": "much", "none": -1},
        "completion_cost_details": {"reasoning": 0.01},
    }
    book.tell(llm(1, usage=json.dumps(given)))

    run = book.run(post(1))
    assert tokens(book, post(1), "own") == (10, 4, 15)
    costs = [run[f"own_{name}_cost"] for name in ("prompt", "completion", "total")]
    assert costs == [Decimal("0.1"), Decimal("0.2"), Decimal("0.4")]
    assert json.loads(run["own_details"]) == {
        "completionCost": {"reasoning": "0.01"},
        "completionTokens": {"reasoning": 3},
        "promptCost": {"cache_read": "0.05"},
        "promptTokens": {"cache_read": 6},
    }


@pytest.mark.parametrize("count", [2**63, 2**70, -1, 1.5, True, "3", None])
def test_a_count_that_is_none_is_not_there_and_neighbours_are_kept(book: Book, count: Any):
    bad = llm(1, used(count, 2))

    assert book.tell(bad, llm(2, used(1, 1))).refused == ()
    assert tokens(book, bad) == (None, 2, 2)
    assert tokens(book, post(2)) == (1, 1, 2)


def test_sums_stay_at_what_a_column_holds_and_come_down_again(book: Book):
    dear = [
        post(number, ROOT, run_type="llm", usage='{"total_cost": 1000000}')
        for number in range(10, 21)
    ]
    book.tell(ROOT, *dear)
    assert book.run(ROOT)["total_total_cost"] == Decimal(9_000_000)

    book.tell(*[patch(run, usage='{"total_cost": 1}') for run in dear[1:]])

    assert book.run(ROOT)["total_total_cost"] == Decimal(1_000_010)


def test_usage_of_many_folds_and_of_one_is_the_same(book: Book):
    leaves = [post(n, MIDDLE, run_type="llm", outputs=used(n, 1)) for n in range(10, 20)]
    for run in (*leaves[:5], ROOT, *leaves[5:], MIDDLE):
        book.tell(run)
    one_by_one = book.everything()
    book.connection.rollback()

    book.fold(Batch(runs=[MIDDLE, ROOT]), Batch(runs=leaves))

    assert book.everything() == one_by_one
