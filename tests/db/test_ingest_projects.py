"""Which project a run is in."""

from uuid import UUID

from db.arrivals import Batch
from tests.telling import Book, at, id_of, patch, post


def projects(book: Book) -> dict[UUID, str]:
    return {row["id"]: row["name"] for row in book.rows("project")}


def test_a_project_is_made_when_a_run_names_it(book: Book):
    book.tell(post(1, session_name="mine"))
    book.tell(post(2, session_name="mine"))

    (row,) = book.rows("project")
    assert row["name"] == "mine"
    assert {run["session_id"] for run in book.rows("run")} == {row["id"]}


def test_a_project_made_by_name_has_the_same_id_everywhere(book: Book):
    book.tell(post(1, session_name="mine"))
    here = projects(book)
    book.connection.rollback()

    book.fold(Batch(runs=[post(2, session_name="other"), post(1, session_name="mine")]))

    assert here.items() <= projects(book).items()


def test_a_run_that_names_no_project_is_in_the_default_one(book: Book):
    book.tell(post(1, session_name=None))

    assert list(projects(book).values()) == ["default"]


def test_a_project_named_by_id_is_called_by_it_until_a_name_is_told(book: Book):
    book.tell(post(1, session_id=id_of(50), session_name=None))
    assert projects(book) == {id_of(50): str(id_of(50))}

    book.tell(post(2, session_id=id_of(50), session_name="mine"))
    assert projects(book) == {id_of(50): "mine"}


def test_an_id_wins_over_a_name(book: Book):
    book.tell(post(1, session_name="mine"))
    book.tell(post(2, session_id=id_of(50), session_name="mine"))

    assert book.run(post(2))["session_id"] == id_of(50)
    assert set(projects(book).values()) == {"mine", str(id_of(50))}


def test_a_post_that_names_a_project_outranks_one_that_does_not(book: Book):
    book.tell(post(1, session_name="mine"))
    book.tell(post(1, session_name=None, end_time=at(9)))

    names = projects(book)
    assert names[book.run(post(1))["session_id"]] == "mine"


def test_a_patch_does_not_move_a_run_to_another_project(book: Book):
    book.tell(post(1, session_name="mine"), patch(post(1), session_name="other"))

    assert list(projects(book).values()) == ["mine"]


def test_the_project_of_a_refused_run_is_not_made(book: Book):
    book.tell(post(1, session_name="mine"))

    book.tell(post(1, post(2), session_name="other"))

    assert list(projects(book).values()) == ["mine"]


def test_a_run_that_changes_its_project_takes_its_tags_and_metadata_along(book: Book):
    told = {"tags": ("a",), "extra": '{"metadata": {"n": 1}}'}
    book.tell(post(1, session_name=None, **told))
    book.tell(post(1, session_name="mine", **told))

    session = book.run(post(1))["session_id"]
    assert [row["session_id"] for row in book.rows("run_tag")] == [session]
    assert [row["session_id"] for row in book.rows("run_metadata")] == [session]
