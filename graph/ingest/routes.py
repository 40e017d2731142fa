"""The LangSmith routes, each bare and under /api/v1, as the SDK's clients ask for them."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from db.store import Store
from graph.ingest.answers import Endpoint, failed, guarded
from graph.ingest.bodies import IngestLimits
from graph.ingest.feedback import FeedbackRoutes
from graph.ingest.info import info
from graph.ingest.runs import RunRoutes
from graph.ingest.sessions import SessionRoutes

PREFIXES = ("", "/api/v1")
POINTER = "Rungraph answers queries at /graphql"

ELSEWHERE = (
    "/runs/{rest:path}",
    "/sessions/{rest:path}",
    "/feedback/{rest:path}",
    "/otel/{rest:path}",
    "/api/{rest:path}",
)
"""What LangSmith serves and this does not, as far as its paths are known."""

EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")

Table = tuple[tuple[str, str, Endpoint], ...]


def routes(store: Store, limits: IngestLimits, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """Return every route of the LangSmith wire."""
    runs = RunRoutes(store, limits, clock)
    feedback = FeedbackRoutes(store, limits, clock)
    sessions = SessionRoutes(store, limits, clock)
    table: Table = (
        ("GET", "/info", info),
        ("POST", "/runs/multipart", runs.multipart),
        ("POST", "/runs/batch", runs.batch),
        ("POST", "/runs", runs.post),
        ("POST", "/runs/{id}", runs.post),
        ("PATCH", "/runs/{id}", runs.patch),
        ("POST", "/feedback", feedback.create),
        ("GET", "/feedback", feedback.list),
        ("GET", "/feedback/{id}", feedback.read),
        ("PATCH", "/feedback/{id}", feedback.update),
        ("DELETE", "/feedback/{id}", feedback.delete),
        ("POST", "/sessions", sessions.create),
        ("PATCH", "/sessions/{id}", sessions.update),
        ("DELETE", "/sessions/{id}", sessions.delete),
    )
    served: list[BaseRoute] = [
        Route(prefix + path, guarded(endpoint), methods=[method])
        for prefix in PREFIXES
        for method, path, endpoint in table
    ]
    # The app's own 404 answers a bare path; these know what was looked for.
    return served + [Route(path, elsewhere, methods=EVERY_METHOD) for path in ELSEWHERE]


async def elsewhere(request: Request) -> Response:
    """Answer a LangSmith route that is not served."""
    message = f"{request.method} {request.url.path} is not served. {POINTER}"
    return failed(404, "NOT_FOUND", message)
