"""A module that says `BOTH_ENGINES = True` asks all it asks twice: of the compiled engine, and of
graphql-core without it."""

from dataclasses import replace

import pytest

from graph.setting_kinds import Engine
from graph.settings import Settings


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of such modules once for each engine."""
    if getattr(metafunc.module, "BOTH_ENGINES", False) and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", [Engine.HTTP, Engine.OFF], ids=["engine", "graphql-core"])


@pytest.fixture
def engine() -> Engine:
    """How far compiled execution goes."""
    return Engine.HTTP


@pytest.fixture
def settings(settings: Settings, engine: Engine) -> Settings:
    """Settings of the server under test."""
    return replace(settings, engine=engine)
