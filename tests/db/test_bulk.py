"""Many rows go to PostgreSQL in one statement, and end as if each had been sent by itself."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, event, insert
from sqlalchemy.exc import IntegrityError, InternalError

from db.dialects import upsert
from db.sending import send
from db.tables import ATTACHMENT, RUN_TAG, THREAD
from tests.databases import CLUSTER
from tests.telling import Book, at, id_of, patch, post, used

pytestmark = pytest.mark.only_on("postgresql", reason="SQLite is called, not sent to")

COLUMNS = tuple(THREAD.c.keys())


@pytest.fixture
def sent(book: Book) -> list[bool]:
    """Say of each statement whether it was sent once for each of many rows."""
    each: list[bool] = []

    @event.listens_for(book.connection, "before_cursor_execute")
    def _(_c: Any, _cursor: Any, _sql: str, _values: Any, _context: Any, many: bool) -> None:
        each.append(many)

    return each


def threads(connection: Connection) -> list[tuple[Any, ...]]:
    found = connection.execute(THREAD.select().order_by(THREAD.c.thread_id))
    return [(row.thread_id, row.last_time) for row in found]


def thread(number: int, second: float) -> dict[str, Any]:
    told = {"session_id": id_of(1), "thread_id": f"thread {number}", "trace_count": 1}
    times = {"start_time": at(0), "last_time": at(second), "end_time": None}
    return {"id": id_of(number), **told, **times}


def test_no_statement_of_a_fold_is_sent_once_for_each_run(book: Book, sent: list[bool]):
    root = post(1)
    runs = [post(n, root, run_type="llm", outputs=used(1, 1), tags=("a",)) for n in range(2, 12)]
    book.tell(root, *runs)
    book.tell(*[patch(run, tags=("b",), error="broken", outputs=used(2, 2)) for run in runs])

    assert not any(sent)
    stored = [row for row in book.rows("run") if row["id"] != root.id]
    assert [row["own_prompt_tokens"] for row in stored] == [2] * 10
    assert [row["error"] for row in stored] == ["broken"] * 10
    assert [row["tag"] for row in book.rows("run_tag")] == ["b"] * 10
    assert book.run(root)["total_prompt_tokens"] == 20


def test_on_conflict_is_the_same_for_many(book: Book):
    insert_or_move = upsert("postgresql", THREAD)
    moving = insert_or_move.on_conflict_do_update(
        index_elements=["id"], set_={"last_time": insert_or_move.excluded.last_time}
    )
    send(book.connection, moving, [thread(n, 1) for n in range(3)], COLUMNS)
    send(book.connection, moving, [thread(n, 2) for n in range(1, 6)], COLUMNS)

    assert threads(book.connection) == [("thread 0", at(1))] + [
        (f"thread {n}", at(2)) for n in range(1, 6)
    ]


def test_what_is_sent_twice_at_once_is_taken_in_turn(book: Book):
    insert_or_move = upsert("postgresql", THREAD)
    moving = insert_or_move.on_conflict_do_update(
        index_elements=["id"], set_={"last_time": insert_or_move.excluded.last_time}
    )
    send(book.connection, moving, [thread(0, second) for second in range(5)], COLUMNS)

    assert threads(book.connection) == [("thread 0", at(4))]


def test_bytes_and_nulls_arrive(book: Book):
    rows = [
        {
            "trace_id": id_of(1),
            "run_id": id_of(1),
            "name": f'{number} "\\,{{}}\t\n',
            "mime_type": "NULL",
            "size": number,
            "digest": id_of(number),
            "data": bytes(range(256)) if number % 2 else None,
        }
        for number in range(5)
    ]
    columns = tuple(rows[0])
    send(book.connection, insert(ATTACHMENT), rows, columns)
    again = upsert("postgresql", ATTACHMENT).on_conflict_do_nothing()
    more = [{**row, "run_id": id_of(2)} for row in rows]
    send(book.connection, again, [*rows, *more], columns)

    stored = book.rows("attachment")
    assert [{name: row[name] for name in columns} for row in stored] == [*rows, *more]


def test_a_row_that_is_there_already_is_an_error_as_before(book: Book):
    row = {"session_id": uuid4(), "tag": "a", "start_time": at(0), "trace_id": id_of(1)}
    rows = [{**row, "id": id_of(number % 4)} for number in range(5)]

    with pytest.raises(InternalError if CLUSTER else IntegrityError):  # a cluster's own words
        send(book.connection, insert(RUN_TAG), rows, tuple(rows[0]))


ODD_TEXTS = (
    *("\\", "\\N", "\\.", "\\t", "a\tb", "a\nb", "a\r\nb", "NULL", "", " ", '"', '\\"'),
    *("{a,b}", "a,b", "%s %%", "'", "\u00e9\u4e2d\U0001f600", "\x7f"),
)


@pytest.mark.parametrize("at_once", [1, len(ODD_TEXTS)])
def test_no_text_means_anything_on_its_way(book: Book, at_once: int):
    rows = [
        {**thread(number, 1), "thread_id": text, "end_time": at(2) if number % 2 else None}
        for number, text in enumerate(ODD_TEXTS)
    ]
    keeping = upsert("postgresql", THREAD).on_conflict_do_nothing()
    for statement in (insert(THREAD), keeping):
        for start in range(0, len(rows), at_once):
            send(book.connection, statement, rows[start : start + at_once], COLUMNS)

        found = book.connection.execute(THREAD.select().order_by(THREAD.c.id)).all()
        assert [(row.thread_id, row.end_time) for row in found] == [
            (row["thread_id"], row["end_time"]) for row in rows
        ]
        book.connection.execute(THREAD.delete())
