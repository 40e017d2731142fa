"""What to say of a question that takes too long: which condition would make it short."""

from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from db.entities import RUN
from db.errors import TooSlowError
from db.filters import All, Test, Where
from db.questions import Rows
from db.readers import Reading

P = ParamSpec("P")
T = TypeVar("T")
Ask = Callable[Concatenate[Reading, Rows, P], Awaitable[T]]

FEWER = "ask for fewer of them at once"
_FEW = frozenset({"id", "trace_id", "session_id", "project_name"})
"""Clauses that leave few enough runs, or those of one project, when equal to something."""


@contextmanager
def advising(advice: str | Rows) -> Generator[None]:
    """Say what to ask instead in the error of whatever takes too long in this context."""
    try:
        yield
    except TooSlowError as error:
        raise _advised(error, advice) from error


def advised(ask: Ask[P, T]) -> Ask[P, T]:
    """Say in the error of a question that took too long which condition to add."""

    @wraps(ask)
    async def asking(reading: Reading, question: Rows, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await ask(reading, question, *args, **kwargs)
        except TooSlowError as error:
            raise _advised(error, question) from error

    return asking


def _advised(error: TooSlowError, advice: str | Rows) -> TooSlowError:
    told = advice if isinstance(advice, str) else advice_for(advice)
    return TooSlowError(error.told, told)


def advice_for(question: Rows) -> str:
    """Return what to ask instead of a question that takes too long."""
    link = question.link
    if link.target is not RUN:
        return FEWER
    return condition_to_add(question.where, of_one=bool(link.on or link.below))


def condition_to_add(where: Where, *, of_one: bool = False) -> str:
    """Return which condition an index is wanted for; `of_one`: in one project or trace already."""
    tests = list(_conjuncts(where))
    missing: list[str] = []
    if not of_one and not any(t.clause in _FEW and t.operator in {"eq", "in"} for t in tests):
        missing.append("projectName")
    if not any(test.clause == "start_time" for test in tests):
        missing.append("startTime")
    if not missing:
        return "narrow the range of startTime, or add a condition on tags, metadata or threadId"
    return f"add a {' or '.join(missing)} condition"


def _conjuncts(where: Where) -> Iterator[Test]:
    """Yield the tests of columns that all must hold."""
    if isinstance(where, All):
        for part in where.parts:
            yield from _conjuncts(part)
    elif isinstance(where, Test):
        yield where
