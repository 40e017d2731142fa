"""How many objects a query asks for, as a sum that variables may stand in.

A sum without variables is a number. One with them is a step of a program: the steps are kept in the
order in which they were made, each knows those before it by place, so that a fragment that is used
often is worked out once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

MOST = 10**12
"""No number grows beyond this: it would only take longer to be refused."""


@dataclass(frozen=True, slots=True)
class Size:
    """How long a list will be that a variable decides: it is a number, or a list's own length."""

    variable: str
    default: int
    most: int

    def of(self, variables: Mapping[str, Any]) -> int:
        """Return the length."""
        value = variables.get(self.variable)
        if isinstance(value, list):
            return len(cast("list[Any]", value))
        return min(max(value, 0), self.most) if type(value) is int else self.default


@dataclass(frozen=True, slots=True)
class Step:
    """The place of a sum in the program."""

    at: int


Term: TypeAlias = int | Step
Factor: TypeAlias = int | Size
Part: TypeAlias = tuple[Factor, Term]


class Cost:
    """What a query costs for given variables."""

    def __init__(self, total: Term, steps: Sequence[tuple[int, list[Part]]]) -> None:
        self._total = total
        self._steps = steps if isinstance(total, Step) else ()
        self.variables = {
            factor.variable
            for _, parts in self._steps
            for factor, _ in parts
            if isinstance(factor, Size)
        }

    def of(self, variables: Mapping[str, Any]) -> int:
        """Return the cost of a request."""
        if isinstance(self._total, int):
            return self._total
        found: list[int] = []
        for known, parts in self._steps:
            total = known
            for factor, term in parts:
                value = term if isinstance(term, int) else found[term.at]
                total += value * (factor if isinstance(factor, int) else factor.of(variables))
            found.append(min(total, MOST))
        return found[self._total.at]


class Sums:
    """Makes sums; those with variables become steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, list[Part]]] = []

    def sum(self, parts: Sequence[Part]) -> Term:
        """Return what the products of some parts are together."""
        known = 0
        open_parts: list[Part] = []
        for factor, term in parts:
            if isinstance(factor, int) and isinstance(term, int):
                known += factor * term
            else:
                open_parts.append((factor, term))
        known = min(known, MOST)
        if not open_parts:
            return known
        if known == 0 and len(open_parts) == 1 and open_parts[0][0] == 1:
            return open_parts[0][1]
        self.steps.append((known, open_parts))
        return Step(len(self.steps) - 1)
