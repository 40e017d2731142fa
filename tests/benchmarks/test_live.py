"""How soon subscribers hear, short and with a wide bound."""

import statistics

import pytest

from tests.benchmarks.live import main


@pytest.mark.benchmark
def test_subscribers_hear_of_a_run_within_a_tenth_of_a_second():
    for each in main(5.0):
        assert each.heard == each.expected
        assert statistics.median(each.delays) < 100
