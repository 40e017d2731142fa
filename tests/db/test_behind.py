"""Rows that are sent while others are made: they are there for whoever asks, or it is told why."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from db.behind import behind, sent_behind
from db.sending import send
from db.tables import RUN_TAG
from tests.telling import Book, at, id_of

pytestmark = pytest.mark.only_on("postgresql", reason="SQLite is called, not sent to")

COLUMNS = tuple(RUN_TAG.c.keys())
COUNT = select(func.count()).select_from(RUN_TAG)


def tags(*ids: int) -> list[dict[str, Any]]:
    told = {"session_id": id_of(1), "tag": "a", "start_time": at(0), "trace_id": id_of(1)}
    return [{**told, "id": UUID(int=id)} for id in ids]


def add(book: Book, *ids: int) -> None:
    send(book.connection, insert(RUN_TAG), tags(*ids), COLUMNS)


def check_nothing_left(book: Book) -> None:
    """See that a connection is free, and that nothing of what was sent is there."""
    assert behind(book.connection) is None
    book.connection.rollback()
    assert book.connection.scalar(COUNT) == 0


def test_a_statement_waits_for_the_rows_before_it(book: Book):
    with sent_behind(book.connection):
        add(book, *range(5_000))
        assert book.connection.scalar(COUNT) == 5_000
        add(book, *range(5_000, 9_000))

    assert behind(book.connection) is None
    assert book.connection.scalar(COUNT) == 9_000


def test_what_goes_wrong_is_raised_by_the_next_statement(book: Book):
    with sent_behind(book.connection):
        add(book, 1, 2, 3, 4, 1)
        add(book, 5, 6, 7, 8, 9)
        with pytest.raises(DBAPIError, match="duplicate key"):
            book.connection.scalar(COUNT)


def test_what_goes_wrong_is_raised_in_the_end(book: Book):
    def work() -> None:
        with sent_behind(book.connection):
            add(book, 1, 2, 3, 4, 1)
            add(book, 5, 6, 7, 8, 9)

    with pytest.raises(DBAPIError, match="duplicate key"):
        work()
    check_nothing_left(book)


def test_a_fault_of_ones_own_leaves_the_connection_free(book: Book):
    def work() -> None:
        with sent_behind(book.connection):
            add(book, *range(5_000))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    check_nothing_left(book)


def test_a_connection_that_gets_lost_hides_no_fault(book: Book):
    def work() -> None:
        with book.connection.engine.begin() as connection, sent_behind(connection):
            connection.invalidate()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
