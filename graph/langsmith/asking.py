"""Asks the schema: a document and variables in, data out; errors as LangSmith's clients read them.

Also reads what every route takes: its JSON body, ids in its path.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson
from starlette.requests import Request

from db.errors import InvalidError, NotFoundError
from db.values import parse_id
from graph.context import Context
from graph.errors import shown
from graph.ingest import bodies
from graph.ingest.bodies import IngestLimits
from graph.ingest.problems import BodyProblem
from graph.schema import schema

STATUSES: Mapping[str, int] = {
    "BAD_USER_INPUT": 400,
    "GRAPHQL_VALIDATION_FAILED": 400,
    "NOT_FOUND": 404,
    "FORBIDDEN": 403,
    "TOO_MANY_ROWS": 400,
    "TIMEOUT": 503,
    "BUSY": 503,
    "UNAVAILABLE": 503,
}
"""The code of an error -> HTTP status; any other is 500."""

_BEYOND_STATUS = 500


@dataclass(frozen=True, slots=True)
class Asking:
    """How a route asks: with a context made for its request, and for so many seconds."""

    context: Callable[[Request], Context]
    limits: IngestLimits
    seconds: float

    async def ask(self, request: Request, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a query.

        Raises BodyProblem for its first error, with the code and text that GraphQL would show.
        """
        context = self.context(request)
        try:
            async with asyncio.timeout(self.seconds):
                result = await schema.execute(
                    f"query {document}", variable_values=variables, context_value=context
                )
        except TimeoutError:
            message = f"the request took longer than {self.seconds:g} s"
            raise BodyProblem(STATUSES["TIMEOUT"], "TIMEOUT", message) from None
        finally:
            await context.close()
        for told in shown(result.errors or (), 1, context.settings.max_error_length):
            code: str = told["extensions"]["code"]
            raise BodyProblem(STATUSES.get(code, _BEYOND_STATUS), code, told["message"])
        return cast("dict[str, Any]", result.data)

    async def body(self, request: Request) -> dict[str, Any]:
        """Return the JSON object of a request; an empty body is an empty one."""
        sent = await bodies.read_plain(request, self.limits)
        try:
            value: object = orjson.loads(sent or b"{}")
        except orjson.JSONDecodeError as error:
            raise BodyProblem(422, "INVALID_JSON", f"the body is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise BodyProblem(422, "INVALID_JSON", "the body is no object")
        return cast("dict[str, Any]", value)


def path_id(request: Request, name: str, kind: str) -> str:
    """Return the id in a path. Raises NotFoundError for what can be nobody's."""
    text: str = request.path_params[name]
    id = parse_id(text)
    if id is None:
        raise NotFoundError(f"there is no {kind} {text[:80]!r}: its id is no UUID")
    return str(id)


def found(value: Any, kind: str, id: str | UUID) -> Any:
    """Return what was found. Raises NotFoundError where that is nothing."""
    if value is None:
        raise NotFoundError(f"there is no {kind} {id}")
    return value


def clamped(name: str, value: object, usual: int, most: int) -> int:
    """Return how many are wanted, at least 1 and at most `most`."""
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} is {value!r}; a whole number is wanted"
        raise InvalidError(msg)
    return max(1, min(value, most))
