"""A request that is no well-formed GraphQL request, or may not be: answered without executing."""

from typing import Any


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What is answered instead: an HTTP status, a code, and a text that says what is allowed."""

    def __init__(self, status: int, code: str, message: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    @property
    def shown(self) -> dict[str, Any]:
        """The error as an answer holds it."""
        return {"message": self.message, "extensions": {"code": self.code}}


CLOSE = (b"connection", b"close")
"""Sent where the rest of a body is not worth waiting for."""


def bad_request(message: str, code: str = "BAD_REQUEST") -> Refusal:
    """Return the refusal of something that is no GraphQL request."""
    return Refusal(400, code, message)
