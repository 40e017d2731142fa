"""Reads what a URL asks for: ids, and which page of how many."""

from uuid import UUID

from starlette.requests import Request

from graph.ingest.problems import ItemProblem, shown
from graph.ingest.wire import id_of

MOST_LISTED = 100
"""Of one page; who asks for more gets these, and asks again."""


def path_id(request: Request) -> UUID:
    """Return the id in the path."""
    return id_of(request.url.path, request.path_params["id"])


def ids(request: Request, name: str) -> list[UUID]:
    """Return the ids given by a parameter, however often it is."""
    return [id_of(name, text) for text in request.query_params.getlist(name)]


def flag(request: Request, name: str) -> bool:
    """Return whether a parameter says yes; the SDK writes True."""
    return request.query_params.get(name, "").lower() in {"true", "1"}


def page(request: Request, size: str = "limit", begin: str = "offset") -> tuple[int, int]:
    """Return how many are wanted, and how many come before; these are the parameters' names."""
    limit = _whole(request, size, MOST_LISTED)
    return min(limit, MOST_LISTED), _whole(request, begin, 0)


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(2**53)):
        raise ItemProblem("INVALID_FIELD", f"{name} is {shown(text)}; expected a whole number")
    return int(text)
