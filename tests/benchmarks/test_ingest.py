"""`pytest -m benchmark -s`: the measurements, with a floor far below what they should be."""

from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.databases import KINDS
from tests.benchmarks.ingest import HTTP, Given, measure

pytestmark = pytest.mark.benchmark


def test_runs_made_durable_over_http(tmp_path: Path):
    with KINDS["sqlite"](tmp_path) as database:
        found, _ = measure(database, Given(rounds=3, batches=10))

    assert median(each.rate for each in found[HTTP]) > 500
