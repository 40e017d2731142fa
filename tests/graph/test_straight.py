"""Requests for some paths go straight to who serves them, past the routes but past nothing else."""

import asyncio
from typing import Any

import pytest

from graph.http.straight import Straight


def served(scope: dict[str, Any]) -> str:
    """Return who serves a request."""
    by: list[str] = []

    def app(name: str) -> Any:
        async def serve(*_: Any) -> None:
            by.append(name)

        return serve

    asyncio.run(Straight(app("routes"), {"/fast": app("fast")})(scope, None, None))  # type: ignore[arg-type]
    return by[0]


@pytest.mark.parametrize(
    ("scope", "by"),
    [
        ({"type": "http", "path": "/fast"}, "fast"),
        ({"type": "http", "path": "/fast/"}, "routes"),
        ({"type": "http", "path": "/other"}, "routes"),
        ({"type": "websocket", "path": "/fast"}, "routes"),
        ({"type": "lifespan"}, "routes"),
    ],
)
def test_only_requests_for_the_path_itself_go_straight(scope: dict[str, Any], by: str):
    assert served(scope) == by
