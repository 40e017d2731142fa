"""Files sent with runs."""

from uuid import UUID

from db.arrivals import AttachmentArrival
from db.attachments import digest_of
from db.files import find_one
from tests.telling import Book, post

RUN = post(1)
CHILD = post(2, RUN)


def file(content: bytes, trace: UUID | None = None, mime_type: str = "a/b") -> AttachmentArrival:
    return AttachmentArrival(
        run_id=CHILD.id, trace_id=trace, name="file", mime_type=mime_type, data=content
    )


def held(book: Book, name: str = "file") -> tuple[str, bytes] | None:
    found = find_one(book.connection, RUN.id, CHILD.id, name)
    rows = [row for row in book.rows("attachment") if row["name"] == name]
    return (found.mime_type, rows[0]["data"]) if found else None


def test_a_file_comes_back_as_it_was_sent(book: Book):
    book.tell(CHILD, attachments=[file(b"\r\n--\0")])

    assert held(book) == ("a/b", b"\r\n--\0")
    assert held(book, "other") is None


def test_a_file_that_names_its_trace_does_not_wait_for_its_run(book: Book):
    book.tell(attachments=[file(b"", RUN.id)])

    assert held(book) == ("a/b", b"")


def test_a_file_of_an_unknown_run_waits_for_it(book: Book):
    assert book.tell(attachments=[file(b"\xff\0")]).parked == 1

    book.tell(CHILD)

    assert held(book) == ("a/b", b"\xff\0")


def test_of_two_files_of_one_name_the_greater_is_kept(book: Book):
    book.tell(CHILD, attachments=[file(b"bb"), file(b"c"), file(b"ba"), file(b"bb", mime_type="a")])

    assert held(book) == ("a/b", max(b"bb", b"ba", key=digest_of))
    assert [row["size"] for row in book.rows("attachment")] == [2]


def test_a_name_longer_than_an_index_holds_is_refused_and_its_neighbours_kept(book: Book):
    long = AttachmentArrival(run_id=CHILD.id, name="x" * 641, mime_type="a/b", data=b"")

    outcome = book.tell(CHILD, attachments=[long, file(b"kept")])

    assert [(each.id, each.code) for each in outcome.refused] == [(CHILD.id, "INVALID")]
    assert len(book.rows("attachment")) == 1
