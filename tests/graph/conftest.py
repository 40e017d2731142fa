"""A module that says `BOTH_ENGINES = True` asks all it asks twice: of the compiled engine, and of
graphql-core without it."""

from dataclasses import replace

import pytest

from graph.settings import Settings


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of such modules once for each engine."""
    if getattr(metafunc.module, "BOTH_ENGINES", False) and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", [True, False], ids=["engine", "graphql-core"])


@pytest.fixture
def engine() -> bool:
    """Whether compiled execution is on."""
    return True


@pytest.fixture
def settings(settings: Settings, engine: bool) -> Settings:
    """Settings of the server under test."""
    return replace(settings, engine=engine)
