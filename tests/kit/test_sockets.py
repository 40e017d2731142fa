"""The kit's check of graphql-transport-ws, with the client of the library graphql-ws, while runs
arrive."""

import json
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from tests.kit.installed import PROFILE, checked, kit
from tests.servers import HOME, RUNGRAPH, environ, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

INIT_SECONDS = "2"


@contextmanager
def runs_arriving(url: str, key: str = "any") -> Iterator[None]:
    """Send a run every few milliseconds."""
    over = threading.Event()

    def send() -> None:
        with httpx.Client(timeout=60, headers={"x-api-key": key}) as client:
            while not over.wait(0.02):
                now, id = datetime.now(UTC), str(uuid.uuid4())
                run = {
                    "id": id,
                    "trace_id": id,
                    "dotted_order": f"{now:%Y%m%dT%H%M%S%f}Z{id}",
                    "name": "kit",
                    "run_type": "chain",
                    "start_time": now.isoformat(),
                    "end_time": now.isoformat(),
                }
                client.post(f"{url}/runs", json=run).raise_for_status()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


def check(database: str, key: str, *more: str) -> None:
    folder = kit()
    settings = {"RUNGRAPH_SOCKET_INIT_SECONDS": INIT_SECONDS}
    with (
        serving("serve", database, settings=settings) as server,
        runs_arriving(server.url, key),
    ):
        checked(
            *("node", "ws_check.mjs", f"{server.url}/graphql", "--profile", str(PROFILE)),
            *("--init-timeout", INIT_SECONDS, "--bar", "MAY", *more),
            cwd=folder,
        )


def test_the_protocol_is_kept(tmp_path):
    check(f"sqlite:///{tmp_path / 'kit.db'}", "any")


def test_the_protocol_is_kept_where_keys_are_wanted(tmp_path):
    database = f"sqlite:///{tmp_path / 'kit.db'}"
    command = [*RUNGRAPH, "key", "create", "--scope", "read", "--scope", "write", "--db", database]
    made = subprocess.run(
        command, cwd=HOME, env=environ(), capture_output=True, text=True, timeout=60, check=True
    )
    key = made.stdout.split()[0]
    good, bad = json.dumps({"x-api-key": key}), json.dumps({"x-api-key": "no"})
    check(database, key, "--init", good, "--bad-init", bad)
