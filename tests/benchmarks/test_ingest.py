"""`pytest -m benchmark -s`: the measurements, with a floor far below what they should be."""

import pytest

from tests.benchmarks import ingest

pytestmark = pytest.mark.benchmark


def test_runs_made_durable_over_http():
    medians = ingest.main(rounds=3, batches=10)

    assert medians["HTTP, /runs/multipart"] > 500
