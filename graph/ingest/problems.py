"""What can be wrong with what was sent: with a whole request, or with one item of it.

Texts say what was given and what is allowed, and may be shown.
"""

from uuid import UUID

LONGEST_SHOWN = 80


class BodyProblem(Exception):  # noqa: N818
    """A request of which nothing can be kept; `status` is the HTTP status of its answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class ItemProblem(Exception):  # noqa: N818
    """One item that can not be kept; its neighbours can. `id` is the item's, where it has one."""

    def __init__(self, code: str, message: str, id: UUID | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


def shown(value: object) -> str:
    """Return a JSON value as an error's text shows it, cut to `LONGEST_SHOWN` characters."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str() | bytes():
            text = repr(value[:LONGEST_SHOWN])
        case _:
            text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
