"""What a search finds is what plain Python finds in the texts, on every database."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple
from uuid import uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from db.arrivals import Batch, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.search_index import index_some
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.conftest import NAMES, NOON

WORDS = ("a", "ab", "abc", "Éa", "ea", "ÄB", "1", "12", "1a", "straße", "STRASSE", "東", "京")
"""Few and alike, so that much matches and much nearly does."""

QUERY = "query($w: RunFilter) { runs(where: $w, first: 100) { totalCount nodes { id } } }"
FOLDED = {"É": "e", "Ä": "a", "ß": "ss"}

texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
fields = st.sampled_from(["error", "inputs", "outputs", "metadata"])
contents = st.lists(st.dictionaries(fields, texts, max_size=3), min_size=1, max_size=6)


class Wanted(NamedTuple):
    """A term of a search, before it is spelled out."""

    words: tuple[str, ...]
    prefix: bool
    minus: bool

    def __str__(self) -> str:
        words = " ".join(self.words)
        quoted = f'"{words}"' if len(self.words) > 1 or self.minus else words
        return f"{'-' * self.minus}{quoted}{'*' * self.prefix}"


def term(words: list[str], prefix: bool, minus: bool) -> Wanted:
    return Wanted(tuple(words), prefix and len(plain(words[-1])[-1]) > 1, minus)


some_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)
terms = st.lists(st.builds(term, some_words, st.booleans(), st.booleans()), min_size=1, max_size=3)
searches = terms.filter(lambda found: any(not term.minus for term in found))


def plain(text: str) -> list[str]:
    """Return the words of a text, folded in the plainest way there is."""
    folded = "".join(FOLDED.get(letter, letter.lower()) for letter in text)
    return "".join(f" {letter} " if letter in "東京" else letter for letter in folded).split()


def is_met(term: Wanted, content: dict[str, str]) -> bool:
    """Say whether some field holds the words of a term in a row."""
    wanted = [word for text in term.words for word in plain(text)]
    for text in content.values():
        words = plain(text)
        for at in range(len(words) - len(wanted) + 1):
            row = words[at : at + len(wanted)]
            last = row[-1].startswith(wanted[-1]) if term.prefix else row[-1] == wanted[-1]
            if last and row[:-1] == wanted[:-1]:
                return True
    return False


def is_found(search: list[Wanted], content: dict[str, str]) -> bool:
    return all(is_met(term, content) != term.minus for term in search)


class World:
    """A store, a client of it, and contents that are told to both the store and the test."""

    def __init__(self, store: Store, client: TestClient) -> None:
        self._store = store
        self._client = client
        self._made = count()

    def tell(self, contents: list[dict[str, str]]) -> tuple[str, dict[str, dict[str, str]]]:
        """Store a run for each content; return the name of their project, and contents by id."""
        project = f"project {next(self._made)}"
        runs = [_run(project, at, content) for at, content in enumerate(contents)]
        told = {str(run.id): content for run, content in zip(runs, contents, strict=True)}
        self._keep(runs)
        return project, told

    def patch(
        self, project: str, told: dict[str, dict[str, str]], contents: list[dict[str, str]]
    ) -> dict[str, dict[str, str]]:
        """Tell other texts of the first runs of a project; return what all of them hold then."""
        runs = [_run(project, at, content) for at, content in enumerate(contents)]
        self._keep([replace(run, post=False, end_time=NOON) for run in runs])
        for run, content in zip(runs, contents, strict=True):
            kept = {field: text for field, text in content.items() if text or field != "error"}
            told[str(run.id)] = told[str(run.id)] | kept
        return told

    def _keep(self, runs: list[RunArrival]) -> None:
        with self._store._engine.begin() as connection:
            (outcome,) = fold(connection, [Batch(runs=runs)], NOON)
            assert not outcome.refused
            while index_some(connection):
                pass

    def found(self, project: str, where: dict[str, Any]) -> set[str]:
        """Return the ids of the runs of a project that a filter finds."""
        both = {"projectName": {"eq": project}, **where}
        body = {"query": QUERY, "variables": {"w": both}}
        answer = self._client.post("/graphql", json=body).json()
        assert "errors" not in answer, answer["errors"]
        ids = [node["id"] for node in answer["data"]["runs"]["nodes"]]
        assert len(ids) == len(set(ids)) == answer["data"]["runs"]["totalCount"]
        return set(ids)


def _run(project: str, at: int, content: dict[str, str]) -> RunArrival:
    id = uuid5(NAMES, f"{project} {at}")
    values = {field: _json(text) for field, text in content.items() if field != "error"}
    metadata = values.pop("metadata", None)
    return RunArrival(
        id=id,
        post=True,
        name="run",
        run_type="chain",
        start_time=NOON,
        dotted_order=segment(NOON, id),
        session_name=project,
        error=content.get("error"),
        extra=None if metadata is None else f'{{"metadata": {metadata}}}',
        **values,
    )


def _json(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f'{{"key": [{{"first": "{first}"}}, "{rest}"]}}'


@pytest.fixture(scope="module")
def world(database: str, open_empty: Callable[[str], Store]) -> Iterator[World]:
    store = open_empty(database)
    with TestClient(create_app(Settings(), store, upkeep=False)) as client:
        yield World(store, client)


few = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@few
@given(contents=contents, search=searches)
def test_a_search_finds_what_plain_python_finds(
    world: World, contents: list[dict[str, str]], search: list[Wanted]
):
    project, told = world.tell(contents)
    text = " ".join(map(str, search))

    expected = {id for id, content in told.items() if is_found(search, content)}

    assert world.found(project, {"search": text}) == expected
    assert world.found(project, {"not": {"search": text}}) == told.keys() - expected
    assert world.found(project, {"or": [{"search": text}, {"search": "nowhere"}]}) == expected
    assert world.found(project, {"anyRunInTrace": {"search": text}}) == expected


@few
@given(before=contents, after=contents, search=searches)
def test_a_search_finds_what_runs_say_now(
    world: World,
    before: list[dict[str, str]],
    after: list[dict[str, str]],
    search: list[Wanted],
):
    project, told = world.tell(before)
    told = world.patch(project, told, after[: len(before)])
    text = " ".join(map(str, search))

    expected = {id for id, content in told.items() if is_found(search, content)}

    assert world.found(project, {"search": text}) == expected
