"""A database of its own for each test of the store."""

from collections.abc import Iterator

import pytest

from tests.telling import Book, OpenBook


@pytest.fixture
def book(open_book: OpenBook) -> Iterator[Book]:
    with open_book() as book:
        yield book
