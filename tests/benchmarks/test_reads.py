"""`pytest -m benchmark -s`: the measurements, with bounds far wider than what they should be."""

import orjson
import pytest
from starlette.testclient import TestClient

from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.benchmarks import reads
from tests.benchmarks.cells import Cell, cells
from tests.benchmarks.contest import FLOOR, OURS, STOCK
from tests.benchmarks.databases import sqlite

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def client():
    with sqlite(reads.FOLDER) as database:
        store = Store.open(database.runs("10k"))
    with TestClient(create_app(Settings(debug=True), store, upkeep=False)) as client:
        yield client


@pytest.mark.parametrize("cell", cells(), ids=lambda cell: cell.path)
def test_what_is_measured_is_compiled_execution(client: TestClient, cell: Cell):
    for body in (cell.plain(), next(cell.new_literals()), next(cell.new_texts())):
        answer = client.post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        ).content

        assert orjson.loads(answer)["extensions"]["rungraph"]["path"] == "http"


def test_reads_cost_little_more_than_the_least():
    given = reads.parsed(["--warm", "--rounds", "3"])
    with sqlite(given.folder) as database:
        contests = reads.measure(database, given)

    for contest in contests:
        assert contest.ratio(OURS, FLOOR) < 4, contest.cell.name
        assert contest.ratio(STOCK, OURS) > 4, contest.cell.name
