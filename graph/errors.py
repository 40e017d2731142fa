"""How errors are shown: what the sender can understand by its text and a code, bugs by an id.

One table maps the store's errors to `extensions.code`. Everything else that was raised is a bug:
logged with its trace under an id, and shown as that id only.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from graphql import GraphQLError, GraphQLSyntaxError

from db.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StoreError,
    TooManyRowsError,
    TooSlowError,
    UnavailableError,
)
from graph.settings import SETTINGS

log = logging.getLogger("rungraph")

CODES: Mapping[type[StoreError], str] = {
    InvalidError: "BAD_USER_INPUT",
    NotFoundError: "NOT_FOUND",
    ConflictError: "CONFLICT",
    ForbiddenError: "FORBIDDEN",
    BusyError: "BUSY",
    TooSlowError: "TIMEOUT",
    TooManyRowsError: "TOO_MANY_ROWS",
    UnavailableError: "UNAVAILABLE",
}

LIMITS: Mapping[type[BaseException], str] = {TooManyRowsError: "max_rows"}
"""Errors that a setting decides on."""

MOST_LOGGED = 5
"""Bugs of one request that are logged with their trace; a page of rows may meet one in each."""


def shown(errors: Sequence[GraphQLError], most: int, most_length: int) -> list[dict[str, Any]]:
    """Return errors as an answer shows them: no more than `most`, and how many more there are."""
    masking = _Masking()
    told = [_shown(error, masking, most_length) for error in errors[:most]]
    masking.end()
    if len(errors) > most:
        message = f"and {len(errors) - most} more errors (setting RUNGRAPH_MAX_ERRORS)"
        told.append({"message": message, "extensions": {"code": "TOO_MANY_ERRORS"}})
    return told


def _shown(error: GraphQLError, masking: "_Masking", most_length: int) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    cause = _cause(error)
    extensions: dict[str, Any] = formatted.get("extensions", {})
    if isinstance(error, GraphQLSyntaxError):
        code = "GRAPHQL_PARSE_FAILED"
    elif cause is None:
        code = extensions.get("code") or _code_of(error)
    elif isinstance(cause, StoreError):
        code = CODES.get(type(cause), "STORE_ERROR")
    else:
        return formatted | masking.mask(error, cause)
    message: str = formatted["message"] + _setting_of(cause)
    if len(message) > most_length:
        formatted["message"] = f"{message[:most_length]}..."
    else:
        formatted["message"] = message
    return formatted | {"extensions": {**extensions, "code": code}}


def _code_of(error: GraphQLError) -> str:
    """Return the code of an error of graphql-core's own."""
    return "BAD_USER_INPUT" if error.path else "GRAPHQL_VALIDATION_FAILED"


def _setting_of(cause: BaseException | None) -> str:
    """Return which setting allows more, where one does."""
    name = None if cause is None else LIMITS.get(type(cause))
    return "" if name is None else f" (setting {SETTINGS[name].variable})"


def _cause(error: GraphQLError) -> BaseException | None:
    """Return what was raised under the errors graphql-core wrapped around it."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


class _Masking:
    """Masks the bugs of one answer: each by an id, under which the first ones are in the log."""

    def __init__(self) -> None:
        self._unlogged = 0
        self._ids: list[str] = []

    def mask(self, error: GraphQLError, cause: BaseException) -> dict[str, Any]:
        """Return what is shown instead."""
        if len(self._ids) == MOST_LOGGED:
            self._unlogged += 1
            id = self._ids[-1]
        else:
            id = uuid4().hex
            self._ids.append(id)
            log.error("internal error %s at %s", id, error.path, exc_info=cause)
        return {
            "message": f"internal error {id}",
            "extensions": {"code": "INTERNAL_SERVER_ERROR", "id": id},
        }

    def end(self) -> None:
        """Log how many were not."""
        if self._unlogged:
            log.error("and %d more like internal error %s", self._unlogged, self._ids[-1])
