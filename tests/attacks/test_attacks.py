"""What means no good is refused by name, and makes next to no work."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette

from db.readers import SqliteReading
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.attacks.table import ATTACKS, Attack

MOST_BYTES = 64 * 1024
"""What an answer to one of these may have."""


@dataclass
class Work:
    """What a request made the server do."""

    calls: int = 0
    statements: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def scope_of(attack: Attack) -> dict[str, Any]:
    """Return the request as a server hands it to an application."""
    path, _, query = attack.path.partition("?")
    headers = [(name.encode(), value.encode()) for name, value in attack.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "method": attack.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
    }


async def send_to(app: Starlette, attack: Attack, work: Work, store: Store) -> None:
    """Send a request to an application, and wait for its end."""
    over = asyncio.Event()
    parts = [{"type": "http.request", "body": attack.content(), "more_body": attack.stalls}]

    async def receive() -> dict[str, Any]:
        if parts:
            return parts.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        work.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            over.set()

    def count(_frame: Any, event: str, _argument: Any) -> None:
        if event == "call":
            work.calls += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        await app(scope_of(attack), receive, send)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        await store._readers.aclose()


@pytest.fixture
def attacked(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Attack], Work]:
    """Send a request to a server; return what it did."""
    patient = replace(settings, body_seconds=0.05, debug=False)

    def attacked(attack: Attack) -> Work:
        work = Work()
        rows = SqliteReading.rows

        async def counting(self: Any, *asked: Any) -> Any:
            work.statements += 1
            return await rows(self, *asked)

        monkeypatch.setattr(SqliteReading, "rows", counting)
        app = create_app(patient, store, upkeep=False)
        asyncio.run(send_to(app, attack, work, store))
        return work

    return attacked


@pytest.mark.only_on(
    "sqlite", reason="the work that is counted is the server's, not the database's"
)
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_it_is_refused_with_little_work(attacked: Callable[[Attack], Work], attack: Attack):
    work = attacked(attack)

    assert work.sent[0]["status"] == attack.status, work.body[:500]
    answer = json.loads(work.body)
    assert _code(answer) == attack.code, work.body[:500]
    assert b"Traceback" not in work.body
    assert b"internal error" not in work.body
    assert len(work.body) < MOST_BYTES
    assert work.statements <= attack.statements
    assert work.calls <= attack.calls


def test_there_are_enough_of_them():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60


def _code(answer: dict[str, Any]) -> str | None:
    if "error" in answer:  # of ingest
        return answer["error"]["code"]
    errors = answer.get("errors", ())
    return errors[0]["extensions"]["code"] if errors else None
