"""Batches of one run and of very many, shallow and deep: statements stay few."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from db.arrivals import Batch
from tests.telling import Book, bare, chain, patch, post, used


@pytest.fixture
def statements(book: Book) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_c: object, _cursor: object, sql: str, *_: object) -> None:
        sent.append(sql)

    event.listen(book.connection, "before_cursor_execute", note)
    yield sent
    event.remove(book.connection, "before_cursor_execute", note)


def told(count: int) -> list[Batch]:
    root = post(1)
    return [
        Batch(runs=[root]),
        Batch(
            runs=[
                post(number, root, run_type="llm", outputs=used(1, 1), tags=("a",))
                for number in range(2, count + 2)
            ]
        ),
    ]


def test_a_fold_sends_as_many_statements_for_many_runs_as_for_few(
    book: Book, statements: list[str]
):
    few, many = told(2), told(200)
    book.fold(*few)
    for_few = len(statements)
    book.connection.rollback()
    statements.clear()

    book.fold(*many)

    assert len(statements) <= for_few <= 11  # many new rows may be copied in past all counting


def test_patching_many_runs_sends_as_many_statements_as_patching_few(
    book: Book, statements: list[str]
):
    batches = told(100)
    book.fold(*batches)
    counts: list[int] = []
    for runs in (batches[1].runs[:2], batches[1].runs[2:]):
        statements.clear()
        book.tell(*[patch(run, outputs=used(2, 2)) for run in runs])
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 12


def test_a_trace_of_thousands_is_one_fold(book: Book):
    book.fold(*told(3_000))

    root = book.run(post(1))
    assert (root["total_prompt_tokens"], root["llm_descendants"]) == (3_000, 3_000)


@pytest.mark.parametrize("size", [25, 300])
def test_a_deep_chain_adds_up_in_any_order(book: Book, size: int):
    posts = chain(300, run_type="llm", outputs=used(1, 2))
    random.Random(7).shuffle(posts)
    for start in range(0, len(posts), size):
        book.tell(*posts[start : start + size])

    sums = {row["depth"]: row["total_prompt_tokens"] for row in book.rows("run")}
    assert sums == {depth: 300 - depth for depth in range(300)}


def test_a_deep_chain_without_places_resolves_backwards(book: Book):
    posts = chain(300)
    for run in reversed(posts):
        book.tell(bare(run))

    assert sorted(row["depth"] for row in book.rows("run")) == list(range(300))
