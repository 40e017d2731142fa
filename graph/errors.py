"""How errors are shown: what the sender can understand by its text and a code, bugs by an id.

One table maps the store's errors to `extensions.code`. Everything else that was raised is a bug:
logged with its trace under an id, and shown as that id only.
"""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from graphql import GraphQLError, GraphQLSyntaxError

from db.errors import (
    BusyError,
    ConflictError,
    InvalidError,
    NotFoundError,
    StoreError,
    TooSlowError,
    UnavailableError,
)

log = logging.getLogger("rungraph")

CODES: Mapping[type[StoreError], str] = {
    InvalidError: "BAD_USER_INPUT",
    NotFoundError: "NOT_FOUND",
    ConflictError: "CONFLICT",
    BusyError: "BUSY",
    TooSlowError: "TIMEOUT",
    UnavailableError: "UNAVAILABLE",
}


def shown(error: GraphQLError) -> dict[str, Any]:
    """Return an error as the answer shows it."""
    formatted: dict[str, Any] = dict(error.formatted)
    cause = _cause(error)
    if isinstance(error, GraphQLSyntaxError):
        code = "GRAPHQL_PARSE_FAILED"
    elif cause is None:
        code = "BAD_USER_INPUT" if error.path else "GRAPHQL_VALIDATION_FAILED"
    elif isinstance(cause, StoreError):
        code = CODES.get(type(cause), "STORE_ERROR")
    else:
        return formatted | _masked(error, cause)
    return formatted | {"extensions": {**formatted.get("extensions", {}), "code": code}}


def _cause(error: GraphQLError) -> BaseException | None:
    """Return what was raised under the errors graphql-core wrapped around it."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _masked(error: GraphQLError, cause: BaseException) -> dict[str, Any]:
    id = uuid4().hex
    log.error("internal error %s at %s", id, error.path, exc_info=cause)
    return {
        "message": f"internal error {id}",
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "id": id},
    }
