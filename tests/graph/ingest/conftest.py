"""A client of the LangSmith routes alone, with a clock that stands and small limits."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from db.store import Store
from graph.attachment_urls import AttachmentUrls
from graph.context import Context
from graph.ingest.bodies import IngestLimits
from graph.ingest.routes import routes
from graph.langsmith.asking import Asking
from graph.langsmith.routes import routes as read_routes
from graph.limits.bounds import Limits
from graph.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAX_BYTES = 200_000


def wire_client(store: Any) -> TestClient:
    """Return a client of the LangSmith routes over a store."""
    limits = IngestLimits(max_bytes=MAX_BYTES)
    settings = Settings()

    def context(_: Request) -> Context:
        return Context(store, settings, AttachmentUrls(b"secret"), Limits.of(settings))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await store._readers.aclose()

    reads = read_routes(store, Asking(context, limits, settings.request_seconds))
    return TestClient(
        Starlette(routes=[*reads, *routes(store, limits, lambda: NOW)], lifespan=lifespan)
    )


@pytest.fixture
def wire(store: Store) -> Iterator[TestClient]:
    """A client of the LangSmith routes."""
    with wire_client(store) as client:
        yield client


@pytest.fixture
def rows(store: Store) -> Callable[..., list[dict[str, Any]]]:
    """Return the rows of a statement."""

    def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
        with store._engine.connect() as connection:
            found = connection.exec_driver_sql(statement, values)
            return [
                {key: told(key, value) for key, value in row.items()} for row in found.mappings()
            ]

    return rows


def told(key: str, value: Any) -> Any:
    """Return a value as every database but SQLite gives it: an id is a UUID."""
    is_id = isinstance(value, bytes) and (key == "id" or key.endswith("_id"))
    return UUID(bytes=value) if is_id else value
