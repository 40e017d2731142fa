"""A disk that is full: SQLite's own limit on pages stands in for it, and gives the same error."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from db.store import Store
from tests.conftest import run_id

pytestmark = pytest.mark.only_on("sqlite", reason="PostgreSQL has no such limit to set")


def post(client: TestClient, name: str, size: int) -> Any:
    run = {
        "id": run_id(name),
        "name": name,
        "run_type": "chain",
        "start_time": "2026-01-01T12:00:00Z",
        "inputs": {"text": "x" * size},
    }
    return client.post("/runs", json=run)


def test_a_full_disk_is_told_and_passes(store: Store, client: TestClient, ask: Callable[..., Any]):
    assert post(client, "before", 10).status_code == 202
    pages = 0

    @event.listens_for(store._engine, "checkout")
    def _(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages or 2**30}")

    pages = 1  # not less than there are
    full = post(client, "too large", 1_000_000)
    pages = 0

    assert full.status_code == 503
    assert int(full.headers["retry-after"]) > 0
    assert "disk is full" in full.text
    assert ask("{ runs { nodes { name } } }") == {"runs": {"nodes": [{"name": "before"}]}}
    assert post(client, "too large", 1_000_000).status_code == 202
    assert ask("{ runs { totalCount } }") == {"runs": {"totalCount": 2}}
