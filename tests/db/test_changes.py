"""What is told of a commit, and the history of it."""

from uuid import UUID

import pytest

from db import changes
from db.changes import ChangeKind, Noted
from db.errors import InvalidError
from db.feedback import delete_feedback
from db.news import History, ids_of_messages
from tests.telling import Book, at, chain, id_of, judged, patch, post, used

CREATED, UPDATED, FINISHED = ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.FINISHED


def told(book: Book) -> list[tuple[ChangeKind, UUID]]:
    return [(each.kind, each.id) for each in changes.taken(book.connection)]


def noted(number: int, run_type: str = "chain", kind: ChangeKind = UPDATED) -> Noted:
    return Noted(kind, id_of(number), id_of(number // 7), id_of(0), run_type, number % 7 == 0)


def history_of(*numbers: int, most: int = 100) -> History:
    history, ids = History(most), ids_of_messages()
    for number in numbers:
        history.take(changes.messages([noted(number)], ids))
    return history


def after(history: History, cursor: str, most: int = 100) -> list[int] | None:
    number = history.number_of(cursor)
    found = None if number is None else history.after(number, most)
    return None if found is None else [UUID(each.id).int & 0xFFFF for each in found]


def test_a_run_is_created_then_updated_then_finished_once(book):
    run = post(1)
    book.tell(run)
    assert told(book) == [(CREATED, run.id)]
    book.tell(patch(run, tags=("a",)))
    assert told(book) == [(UPDATED, run.id)]
    book.tell(patch(run, end_time=at(9)))
    assert told(book) == [(FINISHED, run.id)]
    book.tell(patch(run, outputs='{"more": 1}', end_time=at(9)))
    assert told(book) == [(UPDATED, run.id)]


def test_a_run_that_arrives_whole_is_told_once(book):
    run = post(1)
    book.tell(run, patch(run, end_time=at(9)))
    assert told(book) == [(FINISHED, run.id)]


def test_what_is_sent_again_is_no_news(book):
    run = post(1)
    book.tell(run)
    told(book)
    book.tell(run)
    assert told(book) == []


def test_runs_above_are_updated_by_what_was_used_below(book):
    root, child = chain(2)
    book.tell(root, child)
    told(book)
    book.tell(patch(child, run_type="llm", outputs=used(3, 4), end_time=at(9)))
    assert sorted(told(book), key=str) == [(FINISHED, child.id), (UPDATED, root.id)]


def test_feedback_updates_its_run_and_so_does_taking_it_away(book):
    run = post(1)
    book.tell(run)
    told(book)
    book.tell(feedback=[judged(5, run_id=run.id, trace_id=run.trace_id)])
    assert told(book) == [(UPDATED, run.id)]
    delete_feedback(book.connection, [id_of(5)])
    assert told(book) == [(UPDATED, run.id)]


def test_feedback_on_a_run_that_is_not_there_is_no_news(book):
    book.tell(feedback=[judged(5, run_id=id_of(1), trace_id=id_of(1))])
    assert told(book) == []


@pytest.mark.parametrize("run_type", ["llm", "\x00" * 100, "x" * 9000, "日" * 99])
def test_messages_are_short_enough_for_postgresql_and_tell_everything(run_type):
    some = [noted(number, run_type) for number in range(1000)]
    texts = changes.messages(some, ids_of_messages())
    assert max(map(len, texts)) < 8000
    history = History(2000)
    start = history.newest[1]
    history.take(texts)
    number = history.number_of(start)
    assert number is not None
    found = history.after(number, 5000)
    assert {each.id for each in found or ()} == {each.id.hex for each in some}
    assert {each.run_type for each in found or ()} == {run_type if len(run_type) < 101 else None}
    assert len({each.cursor for each in found or ()}) == 1000


def test_a_commit_of_very_many_changes_is_told_as_that():
    some = [noted(number) for number in range(changes.MOST_AT_ONCE + 1)]
    texts = changes.messages(some, ids_of_messages())
    assert len(texts) == 1
    history, heard = history_of(1), []
    before = history.newest[1]
    history.listen(heard.append)
    history.take(texts)
    assert heard == [()]
    assert after(history, before) is None


def test_history_goes_on_after_a_cursor():
    history = History(100)
    cursors = [history.newest[1]]
    ids = ids_of_messages()
    for number in range(5):
        history.take(changes.messages([noted(number)], ids))
        cursors.append(history.newest[1])
    for number, cursor in enumerate(cursors):
        assert after(history, cursor) == list(range(number, 5))


def test_history_is_bounded_and_says_what_it_forgot():
    history = history_of(*range(5), most=3)
    start = history.newest[1]
    assert after(history, start) == []
    history.take(changes.messages([noted(number) for number in range(4)], ids_of_messages()))
    assert after(history, start) is None


def test_histories_of_two_processes_agree_on_cursors():
    one, other = History(100), History(100)
    texts = [
        text
        for ids in (ids_of_messages(), ids_of_messages())
        for number in range(3)
        for text in changes.messages([noted(number), noted(number + 10)], ids)
    ]
    for text in texts:
        one.take([text])
    other.take(texts)
    start = one.number_of(one.newest[1])
    first, rest = one.after(1 << 20, 1), one.after(1 << 20, 100)
    assert start is not None
    assert first
    assert rest
    assert after(other, first[0].cursor) == after(one, first[0].cursor)
    assert len(rest) == 12


@pytest.mark.parametrize("cursor", ["", "x", "1-2-3", "0123456789ab-1", "é" * 12 + "-1-1"])
def test_what_is_no_cursor_is_refused(cursor):
    with pytest.raises(InvalidError, match="a cursor of an event is wanted"):
        history_of(1).number_of(cursor)
