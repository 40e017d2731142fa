"""Pages of runs, newest first, merged from several that an index has in order each.

Every index but that of the time begins with the project, and so the pages of each project are
merged; and those of each value, where a condition that has an index takes one of several.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import FromClause, Select, bindparam, select, union, union_all

from db.dialects import merges_in_order
from db.filters import All, Form, Some, Test, Where, form, parameters
from db.narrow import (
    LEADERS,
    OF_PROJECT,
    Bound,
    column_in,
    conjuncts,
    has_leader,
    is_by_time,
    is_of_project,
    led,
)
from db.ordering import WindowForm, between, directed
from db.orders import Order, Term, reversed_order, terms
from db.questions import RUNS, RUNS_OF_PROJECT, Link

MOST_PROJECTS = 128
"""How many projects' pages are merged; with more, the newest runs are looked through."""

MOST_VALUES = 16
"""How many values' pages are merged."""

MOST_ARMS = 256
"""How many pages are merged in all: SQLite joins at most 500 selects."""

_ONE = frozenset({"id", "trace_id"})
_INDEXED = ("thread_id", "run_type", "status")
_KEY, _TAGS = ("metadata_key", "eq", None), ("some", "tags")


@dataclass(frozen=True, slots=True)
class Split:
    """How a page is taken apart into those that are merged.

    `values` is the place of the conjunct with several values, and `named` that of the one that
    names several projects; `spread`: over projects, these or all of them.
    """

    values: int | None = None
    named: int | None = None
    spread: bool = False


class Arms(NamedTuple):
    """How many projects a merged page is of, padded, and its parameters; None passes no test."""

    projects: int
    values: dict[str, Any]


@lru_cache(maxsize=1024)
def split_of(link: Link, where: Form, order: Order, *, limited: bool = False) -> Split | None:
    """Return how to take a page apart; None where one index has it in order, or none has.

    To a `limited` reader, who sees some projects, even that of the time is no use.
    """
    if link not in {RUNS, RUNS_OF_PROJECT} or not is_by_time(link, order):
        return None
    parts = list(conjuncts(where))
    if any(part[0] in _ONE and part[1] in {"eq", "in"} for part in parts):
        return None
    has_index = any(_is_indexed(part) for part in parts)
    several = (at for at, part in enumerate(parts) if 0 < width(part) <= MOST_VALUES)
    values = None if has_index else next(several, None)
    if is_of_project(link, parts):
        return Split(values) if values is not None or has_leader(parts) else None
    named = next((at for at, part in enumerate(parts) if _names_projects(part)), None)
    if named is None and values is None and not has_index and not limited:
        return None
    return Split(values, named, spread=True)


def _is_indexed(part: Form) -> bool:
    return part in LEADERS or (part[0] in _INDEXED and part[1] == "eq")


def _names_projects(part: Form) -> bool:
    return part[0] in OF_PROJECT and part[1] == "in"


def width(part: Form) -> int:
    """Return how many values a condition with an index may take, padded; 0 if it is another."""
    match part:
        case (str() as clause, "in", values) if clause in _INDEXED:
            return values if isinstance(values, int) else len(values)
        case ("some", "tags", ("tag", "in", int() as values)):
            return values
        case ("some", "pairs", ("all", key, ("metadata_value", "in", int() as values))):
            return values if key == _KEY else 0
        case _:
            return 0


def _of_one(part: Form, at: int) -> Form:
    """Return the condition that takes one of the values only."""
    match part:
        case (clause, "in", values):
            return (clause, "eq", None if isinstance(values, int) else values[at])
        case _:
            return (*part[:-1], _of_one(part[-1], at))


def parts_of(where: Where) -> Iterator[Where]:
    """Yield what all must hold, in the order of `conjuncts`."""
    if isinstance(where, All):
        for part in where.parts:
            yield from parts_of(part)
    else:
        yield where


def values_in(part: Where) -> tuple[Any, ...]:
    """Return the values of the condition that takes one of several."""
    match part:
        case Test():
            return part.value
        case Some():
            return values_in(part.part)
        case All():
            return values_in(part.parts[-1])
        case _:
            raise AssertionError(part)


def merged(
    dialect: str,
    link: Link,
    where: Form,
    window: WindowForm,
    order: Order,
    bind: Callable[[], Iterator[Any]],
    split: Split,
    projects: int,
) -> Select[Any]:
    """Return the keys of a merged page: of projects s0, s1, ... and of values v0, v1, ...

    Runs that may have several of the values, tags, are cut to a page before they are merged.
    """
    found = terms(reversed_order(order) if window.backward else order)
    parts = list(conjuncts(where))
    values = 1 if split.values is None else width(parts[split.values])
    arms = [
        _arm(link, _bound(parts, bind(), split, value), window, order, project)
        for project in (range(projects) if split.spread else (None,))
        for value in range(values)
    ]
    shared = split.values is not None and parts[split.values][:2] == _TAGS
    if len(arms) > 1 and (shared or not merges_in_order(dialect)):
        arms = [select(_in_order(arm.subquery(), found).subquery()) for arm in arms]
    together = (union if shared else union_all)(*arms) if len(arms) > 1 else arms[0]
    return _in_order(together.subquery("arms"), found)


def _in_order(rows: FromClause, order: Sequence[Term]) -> Select[Any]:
    """Return the first rows."""
    directions = [directed(rows.c[str(term.column)], term) for term in order]
    return select(rows).order_by(*directions).limit(bindparam("size"))


def _arm(
    link: Link, bound: Iterator[Bound], window: WindowForm, order: Order, project: int | None
) -> Select[Any]:
    conditions, leader = led(bound)
    fixed = [leader.c[column] == bindparam(f"k{at}") for at, (_, column) in enumerate(link.on)]
    if project is not None:
        fixed.append(leader.c.session_id == bindparam(f"s{project}"))
    keys = select(*(leader.c[name] for name in ("trace_id", "start_time", "id")))
    return keys.where(*fixed, *conditions, *between(column_in(leader), order, window))


def _bound(parts: list[Form], bind: Iterator[Any], split: Split, value: int) -> Iterator[Bound]:
    """Yield what an arm asks, each part with its parameters."""
    for at, part in enumerate(parts):
        given: list[Any] = list(islice(bind, parameters(part)))
        if at == split.values:
            given[len(given) - width(part) :] = [bindparam(f"v{value}")]
            yield _of_one(part, value), iter(given)
        elif at != split.named:
            yield part, iter(given)


@lru_cache(maxsize=64)
def padded(projects: int) -> int:
    """Return a number of parameters that this many projects fit in."""
    return 1 << max(projects - 1, 0).bit_length()


def projects_named(where: Where, split: Split) -> Test | None:
    """Return the test that names the projects a page is of; None where it is of all."""
    named = None if split.named is None else list(parts_of(where))[split.named]
    return named if isinstance(named, Test) else None


def arms_of(where: Where, split: Split, projects: Sequence[Any], nobody: Any) -> Arms | None:
    """Return what a merged page takes; None where there are too many pages to merge."""
    places = padded(len(projects)) if split.spread else 1
    given = {f"s{at}": project for at, project in enumerate(projects)}
    given |= {f"s{at}": nobody for at in range(len(projects), places)}
    arms = places
    if split.values is not None:
        part = list(parts_of(where))[split.values]
        arms *= width(form(part))
        values = values_in(part)
        given |= {f"v{at}": None for at in range(len(values), MOST_VALUES)}
        given |= {f"v{at}": value for at, value in enumerate(values)}
    return Arms(places, given) if arms <= MOST_ARMS else None
