"""What is asked here is asked twice: of the compiled engine, and of graphql-core without it."""

from dataclasses import replace

import pytest

from graph.settings import Settings


@pytest.fixture(params=["engine", "graphql-core"])
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Settings of the server under test."""
    return replace(settings, engine=request.param == "engine")
