"""A database of its own for each test of the store."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from tests.telling import Book


@pytest.fixture
def book() -> Iterator[Book]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with engine.connect() as connection:
        yield Book(connection)
    engine.dispose()
