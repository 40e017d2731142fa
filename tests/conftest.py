"""Fixtures every test may ask for: a store, runs in it, questions to the API."""

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Engine, create_engine
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from db import changes
from db.arrivals import AttachmentArrival, Batch, FeedbackArrival, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.search_index import index_some
from db.servers import open_postgres
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests import databases
from tests.citus_rules import watched as citus_rules_watched
from tests.databases import CLUSTER, DATABASES, SQLITE
from tests.telling import Book, OpenBook

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = UUID("5f1c6f0e-3f53-4d7c-9d0e-0a4a4a4a4a4a")
SHARED_FROM = 20
"""How many files and folders named to pytest are worth more than one process."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Share the whole suite between the cores; run what is named by itself, or watched, at once."""
    named = config.args_source is config.ArgsSource.ARGS and len(config.args) < SHARED_FROM
    return 0 if named or config.option.capture == "no" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses a database on all of them, but for those that say `only_on`."""
    if "database" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("only_on")
    if only:
        assert only.kwargs["reason"]
    databases = [each for each in DATABASES if not only or each == only.args[0]]
    metafunc.parametrize("database", databases, indirect=True, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what may take longest: what ends last should not keep one core alone."""
    items.sort(key=_patience, reverse=True)


def _patience(item: pytest.Item) -> int:
    own = item.get_closest_marker("timeout")
    return own.args[0] if own else int(item.config.getini("timeout"))


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database under test, each in turn."""
    return request.param


@pytest.fixture(scope="session", autouse=True)
def citus_rules() -> Iterator[None]:
    """Every statement that is sent to PostgreSQL could be sent to a cluster."""
    with citus_rules_watched():
        yield


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL server, which all processes that run tests share."""
    run = getattr(request.config, "workerinput", {}).get("testrunuid", str(os.getpid()))
    with databases.postgres_server(run) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that is this process's own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with databases.own(postgres_server, f"rungraph_test_{worker}") as url:
        yield url


@pytest.fixture(scope="session")
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    """Writing connections to that database, which has its tables."""
    Store.open(postgres_url).close()
    engine = open_postgres(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as a first start makes it; to copy it is twenty times faster."""
    path = tmp_path_factory.mktemp("empty") / "rungraph.db"
    Store.open(f"sqlite:///{path}", synchronous="off").close()
    return path


@pytest.fixture(scope="session")
def open_empty(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Store]:
    """Open an empty store of a kind of database, one at a time."""

    def open_empty(database: str) -> Store:
        if database == SQLITE:
            path = tmp_path_factory.mktemp("store") / "rungraph.db"
            copyfile(request.getfixturevalue("empty_file"), path)
            return Store.open(f"sqlite:///{path}", synchronous="off")
        databases.empty(request.getfixturevalue("postgres_engine"))
        return Store.open(request.getfixturevalue("postgres_url"))

    return open_empty


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """An event loop for all questions of a module: connections belong to one."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def open_filled(
    database: str, open_empty: Callable[[str], Store], runner: asyncio.Runner
) -> Iterator[Callable[[Iterable[RunArrival]], Store]]:
    """Open a store that has some runs."""
    with ExitStack() as stack:

        def open_filled(runs: Iterable[RunArrival]) -> Store:
            store = open_empty(database)
            stack.callback(lambda: runner.run(store.aclose()))
            with store._engine.begin() as connection:
                fold(connection, [Batch(runs=list(runs))], NOON)
            return store

        yield open_filled


@pytest.fixture(scope="module")
def open_book(database: str, request: pytest.FixtureRequest) -> Iterator[OpenBook]:
    """Give empty databases, one after the other, with nothing that is not the fold's around."""
    if database == SQLITE:
        engine = create_engine("sqlite://")
        SQLModel.metadata.create_all(engine)
    else:
        engine = request.getfixturevalue("postgres_engine")

    @contextmanager
    def open_book() -> Iterator[Book]:
        if database != SQLITE:
            databases.empty(engine)  # of what a store in the same process has left
        with engine.connect() as connection:
            changes.taken(connection)  # what was noted in a transaction that was given up
            yield Book(connection)
            connection.rollback()

    yield open_book
    if database == SQLITE:
        engine.dispose()


@pytest.fixture
def store(database: str, open_empty: Callable[[str], Store]) -> Iterator[Store]:
    """An empty store."""
    store = open_empty(database)
    yield store
    store.close()


def run_id(name: str) -> str:
    """The id that `add` gives a run of this name."""
    return str(uuid5(NAMES, name))


@pytest.fixture
def keep(store: Store) -> Callable[..., Any]:
    """Fold what arrives into the store, at once."""

    def keep(**arrivals: Any) -> Any:
        with store._engine.begin() as connection:
            return fold(connection, [Batch(**arrivals)], NOON)[0]

    return keep


@pytest.fixture
def add(keep: Callable[..., Any]) -> Callable[..., RunArrival]:
    """Store a run; only what a test is about need be said. JSON fields are Python values."""

    def add(name: str, at: float = 0, parent: RunArrival | None = None, **facts: Any) -> RunArrival:
        id = UUID(run_id(name))
        start = NOON + timedelta(seconds=at)
        own = segment(start, id)
        for field in ("inputs", "outputs", "extra", "events", "serialized", "usage"):
            if field in facts and not isinstance(facts[field], str):
                facts[field] = json.dumps(facts[field])
        facts.setdefault("end_time", start + timedelta(seconds=1))
        arrival = RunArrival(
            **{
                "id": id,
                "post": True,
                "name": name,
                "run_type": "chain",
                "start_time": start,
                "session_name": "p",
                "trace_id": parent.trace_id if parent else id,
                "parent_run_id": parent.id if parent else None,
                "dotted_order": f"{parent.dotted_order}.{own}" if parent else own,
                **facts,
            }
        )
        outcome = keep(runs=[arrival])
        assert not outcome.refused, outcome.refused
        return arrival

    return add


@pytest.fixture
def index(store: Store) -> Callable[[], None]:
    """Bring the index of words up to the runs."""

    def index() -> None:
        with store._engine.begin() as connection:
            while index_some(connection):
                pass

    return index


@pytest.fixture
def judge(keep: Callable[..., Any]) -> Callable[..., FeedbackArrival]:
    """Store feedback on a run."""

    def judge(run: RunArrival, key: str, **facts: Any) -> FeedbackArrival:
        name = f"{run.id} {key} {facts}"
        arrival = FeedbackArrival(
            id=uuid5(NAMES, name),
            key=key,
            run_id=run.id,
            trace_id=run.trace_id,
            created_at=NOON,
            modified_at=NOON,
            **facts,
        )
        keep(feedback=[arrival])
        return arrival

    return judge


@pytest.fixture
def attach(keep: Callable[..., Any]) -> Callable[..., AttachmentArrival]:
    """Store a file with a run."""

    def attach(run: RunArrival, name: str, data: bytes, mime_type: str = "text/plain") -> Any:
        arrival = AttachmentArrival(
            run_id=run.id, trace_id=run.trace_id, name=name, mime_type=mime_type, data=data
        )
        keep(attachments=[arrival])
        return arrival

    return attach


@pytest.fixture
def settings() -> Settings:
    """Settings of the server under test."""
    return Settings(debug=True, host_url="https://runs.example")


@pytest.fixture
def upkeep() -> bool:
    """Whether the server under test does its chores; a test that wants them says so."""
    return False


@pytest.fixture
def client(store: Store, settings: Settings, upkeep: bool) -> Iterator[TestClient]:
    """A client of a server over the store."""
    with TestClient(create_app(settings, store, upkeep=upkeep)) as client:
        yield client


@pytest.fixture
def answer(client: TestClient) -> Callable[..., Any]:
    """Send the API one query; return the whole answer."""

    def answer(query: str, **variables: Any) -> Any:
        sent = {"query": query, "variables": variables}
        return client.post("/graphql", json=sent).json()

    return answer


@pytest.fixture
def ask(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Ask the API one question and return its data; errors fail the test."""

    def ask(query: str, **variables: Any) -> Any:
        found = answer(query, **variables)
        assert "errors" not in found, found["errors"]
        return found["data"]

    return ask


@pytest.fixture
def statements(answer: Callable[..., Any]) -> Callable[..., list[str]]:
    """Ask the API one question and return the SQL it took."""

    def statements(query: str, **variables: Any) -> list[str]:
        if CLUSTER:
            answer(query, **variables)  # what it refuses it is sent once, and never again
        found = answer(query, **variables)
        assert "errors" not in found, found["errors"]
        return found["extensions"]["rungraph"]["statements"]

    return statements
