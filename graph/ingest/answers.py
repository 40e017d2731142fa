"""What is answered: JSON, and for whatever went wrong one shape that the SDK prints."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response

from db import errors
from db.arrivals import Refusal
from graph.ingest.problems import BodyProblem, ItemProblem

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

BUSY = 503
RETRY_SECONDS = "1"
FORBIDDEN = "FORBIDDEN"

STORE_ERRORS: Mapping[type[errors.StoreError], tuple[int, str]] = {
    errors.NotFoundError: (404, "NOT_FOUND"),
    errors.ConflictError: (409, "CONFLICT"),
    errors.ForbiddenError: (403, FORBIDDEN),
    errors.InvalidError: (422, "INVALID"),
    errors.BusyError: (BUSY, "BUSY"),
    errors.UnavailableError: (BUSY, "UNAVAILABLE"),
    errors.TooSlowError: (BUSY, "TIMEOUT"),
    errors.TooManyRowsError: (422, "TOO_MANY_ROWS"),
}
"""Error of the store -> HTTP status and code; the SDK tries again after a 503."""


def ok(content: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def failed(status: int, code: str, message: str, **more: Any) -> Response:
    """Answer that nothing was done, and why."""
    content = {"error": {"code": code, "message": message}, "detail": message, **more}
    answer = ok(content, status)
    if status == BUSY:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def ingested(message: str, kept: int, refused: Sequence[Refusal]) -> Response:
    """Answer a batch that is on disk: 202, or 422 (403) when all of it was refused."""
    if not refused:
        return ok({"message": message}, 202)
    told = [{"id": each.id, "code": each.code, "message": each.message} for each in refused]
    if kept:
        return ok({"message": message, "refused": told}, 202)
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    status = 403 if all(each.code == FORBIDDEN for each in refused) else 422
    return failed(status, refused[0].code, refused[0].message + more, refused=told)


def guarded(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that whatever it raises is answered, without a word of what is inside."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except BodyProblem as problem:
            problem.__traceback__ = None  # it would keep the body until garbage is collected
            return failed(problem.status, problem.code, problem.message)
        except ItemProblem as problem:
            return failed(422, problem.code, problem.message)
        except errors.StoreError as error:
            return _store_failed(error)
        except Exception as error:  # noqa: BLE001 - logged with its trace, shown by its id
            return _internal(error)

    return answer


def _store_failed(error: errors.StoreError) -> Response:
    found = next((STORE_ERRORS[kind] for kind in type(error).mro() if kind in STORE_ERRORS), None)
    if found is None:
        return _internal(error)
    status, code = found
    log.log(logging.WARNING if status == BUSY else logging.INFO, "%s: %s", code, error)
    return failed(status, code, str(error))


def _internal(error: Exception) -> Response:
    id = str(uuid4())
    log.error("internal error %s", id, exc_info=error)
    message = "internal error"
    return ok({"error": {"code": "INTERNAL", "message": message, "id": id}, "detail": message}, 500)
