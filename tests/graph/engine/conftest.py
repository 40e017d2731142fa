"""Fixtures of the engine's tests: one question to servers at every level, which have to agree."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from db.store import Store
from graph.setting_kinds import Engine
from tests.levels import Answer, Levels


@pytest.fixture
def levels(store: Store, runner: asyncio.Runner) -> Iterator[Levels]:
    """Servers over the store at each level of compiled execution."""
    levels = Levels(store)
    yield levels
    runner.run(levels.close())


@pytest.fixture
def everywhere(levels: Levels, runner: asyncio.Runner) -> Callable[..., dict[Engine, Answer]]:
    """Ask the servers of all levels; they have to say the same."""

    def everywhere(query: str, variables: Any = None, **others: Any) -> dict[Engine, Answer]:
        answers = {
            engine: runner.run(levels.answer(engine, query, variables, **others))
            for engine in Engine
        }
        assert len({answer[:3] for answer in answers.values()}) == 1, answers
        assert answers[Engine.OFF].path in {"graphql-core", "none"}
        return answers

    return everywhere


@pytest.fixture
def planned(everywhere: Callable[..., dict[Engine, Answer]]) -> Callable[..., Answer]:
    """Ask all levels; the question has to be planned, whole, without an error."""

    def planned(query: str, variables: Any = None, **others: Any) -> Answer:
        answers = everywhere(query, variables, **others)
        found = answers[Engine.HTTP]
        assert not found.errors
        assert (found.path, answers[Engine.OPERATION].path) == ("http", "operation")
        return found

    return planned


@pytest.fixture
def unplanned(everywhere: Callable[..., dict[Engine, Answer]]) -> Callable[..., Answer]:
    """Ask all levels; graphql-core has to answer by itself."""

    def unplanned(query: str, variables: Any = None, **others: Any) -> Answer:
        found = everywhere(query, variables, **others)[Engine.HTTP]
        assert found.path in {"graphql-core", "none"}
        return found

    return unplanned
