"""The limits as they are set, and how one that is passed is told."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from graph.settings import SETTINGS, Settings


class LimitError(GraphQLError):
    """A query asks for more than it may; the text names what was given, the limit, its setting."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What one query may ask for. Two of them are never equal: what was checked is kept by them."""

    length: int
    tokens: int
    depth: int
    aliases: int
    directives: int
    root_fields: int
    cost: int
    errors: int
    introspection: bool

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Return the limits that are set."""
        return cls(
            length=settings.max_length,
            tokens=settings.max_tokens,
            depth=settings.max_depth,
            aliases=settings.max_aliases,
            directives=settings.max_directives,
            root_fields=settings.max_root_fields,
            cost=settings.max_cost,
            errors=settings.max_errors,
            introspection=settings.introspection,
        )


def passed(code: str, what: str, given: Any, most: int, setting: str) -> LimitError:
    """Return the error for a limit that was passed."""
    variable = SETTINGS[setting].variable
    return LimitError(code, f"{what} {given}; at most {most} (setting {variable})")


def too_costly(cost: int, limits: Limits) -> LimitError:
    """Return the error of a query that asks for too many objects."""
    error = passed("COST_TOO_HIGH", "the query asks for about", cost, limits.cost, "max_cost")
    error.extensions = {**(error.extensions or {}), "cost": shown_cost(cost, limits)}
    return error


def shown_cost(cost: int, limits: Limits) -> dict[str, int]:
    """Return the cost of a query as answers tell it."""
    return {"requested": cost, "limit": limits.cost}
