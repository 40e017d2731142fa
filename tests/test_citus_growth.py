"""A worker that joins a Citus cluster during ingest: what was acknowledged is there, once.

The suite's cluster is what it grows to: it begins without its last worker.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import psycopg
import pytest

from tests.databases import CLUSTER, nodes_of, own_cluster
from tests.servers import serving
from tests.test_kill import SENDERS, Acknowledged, check
from tests.test_kill_postgres import send

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLUSTER, reason="RUNGRAPH_TEST_CITUS names no cluster that could grow"),
]
BETWEEN = 400
"""How many runs are told before the worker joins, and after it has its share."""

STATE = "SELECT state::text FROM pg_dist_background_job"
PLACED = """SELECT nodeport, count(*) FROM citus_shards
WHERE table_name = 'rungraph.run'::regclass GROUP BY nodeport"""


def grow(url: str, host: str, port: int) -> None:
    """Add a worker and wait until it has its share."""
    with psycopg.connect(url, autocommit=True, options="-c statement_timeout=600s") as connection:
        connection.execute("SELECT citus_add_node(%s, %s)", (host, port))
        connection.execute("SELECT citus_rebalance_start()")
        connection.execute("SELECT citus_rebalance_wait()")
        assert connection.execute(STATE).fetchall() == [("finished",)]


def test_a_worker_that_joins_during_ingest_loses_and_doubles_nothing(postgres_server: str):
    nodes = nodes_of(postgres_server)
    answers, done, kept = count(1), Event(), Acknowledged()
    with own_cluster(postgres_server, "rungraph_growing", later=1) as url:
        with ThreadPoolExecutor() as pool, serving("serve", url) as server:
            senders = [
                pool.submit(send, server.url, seed, answers, kept.add, done)
                for seed in range(SENDERS)
            ]
            try:
                kept.wait_for(BETWEEN)
                before = len(kept.recent)
                grow(url, *nodes[-1])
                after = len(kept.recent)
                kept.wait_for(after + BETWEEN)
            finally:
                done.set()
            for sender in senders:
                sender.result()
            check(server.ask, kept.recent)
        with psycopg.connect(url) as connection:
            counted = "SELECT count(*), count(DISTINCT id) FROM rungraph.run"
            rows, ids = connection.execute(counted).fetchone() or (0, 0)
            payloads = connection.execute("SELECT count(*) FROM rungraph.run_payload").fetchone()
            placed = connection.execute(PLACED).fetchall()
    assert rows == ids >= len(kept.recent)
    assert payloads == (rows,)
    assert after > before, "nothing arrived while the shards moved"
    assert sorted(port for port, _ in placed) == sorted(port for _, port in nodes[1:])
    assert len({shards for _, shards in placed}) == 1
