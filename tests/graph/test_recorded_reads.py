"""What recorded clients asked of LangSmith, asked here: answered, in the shape they read."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.graph.ingest import recorded
from tests.graph.ingest.recorded import Request

SCENARIOS = ("read_v1", "read_sdb")
THEIRS = "b2be8af2-267e-5e0e-8a3d-116eb447a431"
PROJECT = "fixture-project"
NOT_SERVED = ("/share", "/public")
UNFILTERED = {"/api/v2/runs/query", "/runs/query"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_recorded_clients_read(client: TestClient, scenario: str):
    if not recorded.FOLDER.exists():
        pytest.skip(recorded.MISSING)
    requests = recorded.requests_of(scenario)
    for request in requests:
        if request.brings_runs:
            assert request.send(client).is_success
    reads = [request for request in requests if _reads(request)]
    assert len(reads) > 10
    for request in reads:
        _check(request, _mine(request, _project(client)).send(client))


def _reads(request: Request) -> bool:
    asks = request.method == "GET" or request.path.endswith(("/query", "/stats"))
    served = not any(part in request.path for part in NOT_SERVED)
    theirs = b'"cursor"' in (request.body or b"")  # cursors are opaque, and whose they are
    return asks and served and not theirs and request.path != "/info"


def _project(client: TestClient) -> str:
    return client.get("/sessions", params={"name": PROJECT}).json()[0]["id"]


def _mine(request: Request, project: str) -> Request:
    """The request with our id of the project in place of theirs."""
    body = request.body and request.body.replace(THEIRS.encode(), project.encode())
    path = request.path.replace(THEIRS, project)
    return replace(request, body=body, path=path, query=request.query.replace(THEIRS, project))


def _check(request: Request, response: Any) -> None:
    assert response.is_success, (request.url, response.text)
    mine, theirs = response.json(), request.answer
    assert type(mine) is type(theirs), request.url
    if isinstance(theirs, dict):
        lacking = theirs.keys() - mine.keys() - {"search_cursors"}
        assert not lacking, (request.url, lacking)
        _check_items(request, mine, theirs)


def _check_items(request: Request, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """A list that both have no conditions on holds the same runs, with what was asked of each."""
    sent = (request.decoded or {}).get("json") or {}
    for name in ("runs", "items"):
        runs = theirs.get(name)
        if request.path not in UNFILTERED or not runs or "filter" in sent or "cursor" in sent:
            continue
        asked = {each.lower() for each in sent.get("select", sent.get("selects", ["id"]))}
        assert [run["id"] for run in mine[name]] == [run["id"] for run in runs]
        assert all(run.keys() - {"id"} <= asked for run in mine[name])
