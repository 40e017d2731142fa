"""Words: what is one, what is asked of them, and an index that follows the runs."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import delete, select

from db.errors import InvalidError
from db.full_text import FULL_TEXT, Words, first_of
from db.search import MOST_TERMS, Search, Term, parse
from db.search_index import enqueue, index_some, start_anew
from db.store import Store
from db.tables import RUN, RUN_SEARCH, RUN_SEARCH_QUEUE
from db.words import LONGEST_TEXTS, LONGEST_WORD, places_of, texts_of, words_of
from tests.conftest import NOON

Entries = dict[str, str]


@pytest.fixture
def entries(store: Store) -> Callable[[], Entries]:
    """Return what is indexed of each run, by its name; brought up to date first."""

    def entries() -> Entries:
        same = (RUN.c.trace_id == RUN_SEARCH.c.trace_id) & (RUN.c.id == RUN_SEARCH.c.id)
        query = select(RUN.c.name, RUN_SEARCH.c.words).select_from(RUN_SEARCH.outerjoin(RUN, same))
        with store._engine.begin() as connection:
            while index_some(connection, 2):
                pass
            return {name: str(words) for name, words in connection.execute(query)}

    return entries


@pytest.fixture
def matching(store: Store) -> Callable[[str], int]:
    """Return how many entries of the database's own index match, runs or no runs."""

    def matching(text: str) -> int:
        full_text = FULL_TEXT[store._engine.dialect.name]
        asked = full_text.asked(parse(text))
        sql = (
            "SELECT count(*) FROM run_words WHERE run_words MATCH ?"
            if full_text.put
            else "SELECT count(*) FROM run_search WHERE words @@ CAST(%s AS TSQUERY)"
        )
        with store._engine.begin() as connection:
            return connection.exec_driver_sql(sql, (asked,)).scalar_one()

    return matching


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("Café NAÏVE Łódź Ångström", ["cafe", "naive", "łodz", "angstrom"]),
        ("cafe\u0301", ["cafe"]),
        ("Straße İstanbul ΣΟΦΟΣ σοφός", ["strasse", "istanbul", "σοφοσ", "σοφοσ"]),
        ("ﬁne ½ \uff12", ["fine", "1", "2", "2"]),
        ("snake_case-and.dots 3.14", ["snake", "case", "and", "dots", "3", "14"]),
        ("don't", ["don", "t"]),
        ("東京タワー tower", ["東", "京", "タ", "ワ", "ー", "tower"]),
        ("서울 Москва", [*words_of("서울"), "москва"]),
        ("\U0001f600 — …", []),
        ("x" * 100, ["x" * LONGEST_WORD, "x" * (100 - LONGEST_WORD)]),
        ("", []),
    ],
)
def test_words_are_letters_and_digits_without_case_and_accents(text: str, words: list[str]):
    assert words_of(text) == words


@pytest.mark.parametrize("text", ["Straße ½x ﬁ İz", "plain words", "が東京 é"])
def test_each_word_knows_its_place(text: str):
    places = list(places_of(text))

    assert [word.text for word in places] == words_of(text)
    assert all(words_of(text[word.start : word.end]) for word in places)


def test_of_json_the_values_count_and_not_the_keys():
    inputs = {"key": ["a", {"deep": "b"}, 12, 1.5, True, None], "other": ""}

    texts = texts_of("n", None, json.dumps(inputs), "no JSON", json.dumps({"metadata": {"m": "v"}}))

    assert words_of(texts["inputs"]) == ["a", "b", "12", "1", "5"]
    assert texts["outputs"] == ""
    assert texts["metadata"] == "v"


def test_embeddings_and_files_are_no_words():
    given = {"vector": [0.5] * 100, "file": "see data:image/png;base64," + "iVBORw0KGgo" * 100}

    assert words_of(texts_of("n", None, json.dumps(given), None, None)["inputs"]) == [
        *("see", "data", "image", "png", "base64")
    ]


def test_long_texts_are_cut_where_it_is_said():
    texts = texts_of(
        "n" * 9999, "e" * 9999, json.dumps("i " * 99999), json.dumps(["o" * 200] * 999), None
    )

    assert {field: len(text) for field, text in texts.items()} == {**LONGEST_TEXTS, "metadata": 0}
    assert sum(LONGEST_TEXTS.values()) == 65536


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("Two  words", Search((Term(("two",)), Term(("words",))))),
        ('"a Phrase" b', Search((Term(("a", "phrase")), Term(("b",))))),
        ("pre* -no", Search((Term(("pre",), prefix=True),), (Term(("no",)),))),
        ('"of pre"*', Search((Term(("of", "pre"), prefix=True),))),
        ('a -"not this" - & *', Search((Term(("a",)),), (Term(("not", "this")),))),
        ("snake_case", Search((Term(("snake", "case")),))),
        ("--verbose", Search((Term(("verbose",)),))),
        ('x"y"', Search((Term(("x",)), Term(("y",))))),
        ('"2*3"', Search((Term(("2", "3")),))),
        (
            "NOT a OR (b AND c)",
            Search(tuple(Term((word,)) for word in ("not", "a", "or", "b", "and", "c"))),
        ),
    ],
)
def test_a_search_is_terms(text: str, search: Search):
    assert parse(text) == search


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one word that is not excluded by - is wanted"),
        ("   ", "at least one word"),
        ("-a", "search is '-a'; at least one word that is not excluded"),
        ("… & *", "at least one word"),
        ('a "b', "the quote at character 3 is not closed"),
        ("a*b", "'a\\*b' has a \\* in a place where it means nothing; it ends a word"),
        ("*a", "has a \\* in a place"),
        ("a*", "too short a beginning; at least 2 letters or digits"),
        ("x" * 1001, "search has 1001 characters; at most 1000"),
        ("a " * (MOST_TERMS + 1), "search has 33 terms; at most 32"),
        ('"' + "a " * 65 + '"', "search has 65 words; at most 64"),
    ],
)
def test_a_search_that_means_nothing_is_refused_with_what_is_wanted(text: str, problem: str):
    with pytest.raises(InvalidError, match=problem):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE run; --",
        'NEAR("a" b) AND c:d ^e {f} + "g',
        "a' | 'b' & !c <-> d:*",
        "\0a\ue000",
    ],
)
def test_nothing_but_words_reaches_a_database(text: str):
    try:
        search = parse(text.replace('"', "").replace("*", ""))
    except InvalidError:
        return
    for full_text in FULL_TEXT.values():
        words = [word for term in (*search.terms, *search.without) for word in term.words]
        assert words
        assert all(word.isalnum() for word in words)
        assert full_text.asked(search)


def test_new_runs_are_indexed(add, entries, matching):
    add("one", error="Boom", inputs={"question": "Où est Paul?"}, outputs={"answer": 42})
    add("two", extra={"metadata": {"city": "Zürich"}, "runtime": "ignored"})

    assert entries().keys() == {"one", "two"}
    assert matching("ou paul boom 42") == 1
    assert matching("zurich") == 1
    assert matching("question") == matching("ignored") == 0
    assert matching('"boom ou"') == 0, "a phrase stands in one field"


def test_old_words_of_a_patched_run_vanish(add, entries, matching):
    add("one", end_time=None, outputs={"text": "early words"})
    entries()
    assert matching("early") == 1

    add("one", outputs={"text": "late words, and more of them"})
    entries()

    assert matching("early") == 0
    assert matching("late") == matching("words") == 1


def test_a_change_that_is_no_matter_of_words_is_not_indexed_again(add, store, entries):
    add("one", tags=("a",))
    entries()

    add("one", tags=("a", "longer"))

    with store._engine.begin() as connection:
        assert connection.execute(select(RUN_SEARCH_QUEUE)).all() == []


def test_runs_that_are_gone_leave_the_index(add, store, entries, matching):
    run = add("one")
    add("two")
    entries()

    with store._engine.begin() as connection:
        connection.execute(delete(RUN).where(RUN.c.id == run.id))
        enqueue(connection, [(run.trace_id, run.id)] * 2)

    assert entries().keys() == {"two"}
    assert matching("one") == 0


def test_an_index_made_anew_is_the_one_that_grew(add, store, entries, matching):
    for at in range(5):
        add(f"run {at}", outputs={"text": f"first {at}"})
    entries()
    for at in range(3):
        add(f"run {at}", outputs={"text": f"second word {at}"})
    grown = entries()

    with store._engine.begin() as connection:
        assert start_anew(connection) == 5
    assert matching("second") == 0

    assert entries() == grown
    assert matching("second") == 3
    assert matching("first") == 2


def test_runs_that_begin_together_keep_apart(add, store, entries, matching):
    for at in range(4):
        add(f"run {at}", at=0)
        entries()
    add("before 1970", at=-2e9)
    add("far", at=2e11)
    entries()

    assert matching("run") == 4
    with store._engine.begin() as connection:
        numbers = [number for (number,) in connection.execute(select(RUN_SEARCH.c.number))]
    if FULL_TEXT[store._engine.dialect.name].put:
        assert len(set(numbers)) == 6
        assert sum(first_of(NOON) <= number < first_of(NOON) + 4 for number in numbers) == 4


@pytest.mark.only_on("sqlite", reason="PostgreSQL keeps its index by itself")
def test_the_index_of_sqlite_is_sound_after_many_changes(add, store, entries):
    for turn in range(3):
        for at in range(4):
            add(f"run {at}", outputs={"text": f"turn {turn} " + "word " * turn * at})
        entries()

    with store._engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO run_words(run_words) VALUES ('integrity-check')")


def test_words_are_declared_by_their_own_type():
    assert repr(Words()) == "Words()"
