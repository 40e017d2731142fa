"""The reading routes: the first generation bare and under /api/v1, the second under /api/v2."""

from starlette.routing import BaseRoute, Route

from db.store import Store
from graph.ingest.answers import guarded
from graph.ingest.routes import PREFIXES, Table
from graph.langsmith.asking import Asking
from graph.langsmith.sessions import SessionReads
from graph.langsmith.v1 import RunReads
from graph.langsmith.v2 import Reads

V2_PREFIXES = ("/api/v2", "/v2")


def routes(store: Store, asking: Asking) -> list[BaseRoute]:
    """Return every route of the reading side; they go before those that bring runs."""
    runs, reads, sessions = RunReads(asking), Reads(asking), SessionReads(store, asking)
    first: Table = (
        ("POST", "/runs/query", runs.query),
        ("POST", "/runs/stats", runs.stats),
        ("GET", "/runs/{id}", runs.read),
        ("GET", "/sessions", sessions.many),
        ("GET", "/sessions/{id}", sessions.one),
    )
    second: Table = (
        ("POST", "/runs/query", reads.query),
        ("GET", "/runs/{id}", reads.run),
        ("GET", "/runs/{id}/url", reads.url),
        ("GET", "/traces/{id}/runs", reads.trace),
        ("POST", "/traces/query", reads.traces),
        ("POST", "/threads/query", reads.threads),
        ("GET", "/threads/{id}/traces", reads.thread_traces),
        ("GET", "/threads/{id}/stats", reads.thread_stats),
        ("GET", "/sessions", sessions.many_v2),
        ("GET", "/sessions/{id}", sessions.one_v2),
    )
    return [
        Route(prefix + path, guarded(endpoint), methods=[method])
        for prefixes, table in ((PREFIXES, first), (V2_PREFIXES, second))
        for prefix in prefixes
        for method, path, endpoint in table
    ]
