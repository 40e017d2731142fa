"""Questions: frozen descriptions of rows. Resolvers return them, `db.answers` runs them.

A question names its parent row, where it has one, but is compared without it: equal questions of
many parents are one question about many.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from db.cursors import Edge, PageInfo
from db.entities import ATTACHMENT, FEEDBACK, PROJECT, RUN, TRACE
from db.entity import Column, Entity
from db.filters import EVERYTHING, Where
from db.frozen import frozen
from db.orders import NEWEST_FIRST, Order, columns_of
from db.readers import Reading
from db.rows import Derived, Row
from db.search_hits import searched

IN_TREE: Order = (("dotted_order", False),)  # ends in the id
BY_NAME: Order = (("name", False), ("id", False))
OLDEST_FIRST: Order = (("created_at", False), ("id", False))


@dataclass(frozen=True, eq=False)
class Link:
    """How rows hang together: pairs of a column of the parent and one of the target.

    `below` holds everything under the parent in its trace, `above` the chain over it.
    """

    name: str
    target: Entity
    on: tuple[tuple[str, str], ...] = ()
    order: Order = ()
    below: bool = False
    above: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the parent without which the link can not be followed."""
        if self.below:
            return ("trace_id", "dotted_order", "depth")
        if self.above:
            return ("trace_id", "dotted_order")
        return tuple(column for column, _ in self.on)

    @property
    def brings(self) -> tuple[str, ...]:
        """Columns of the target by which its rows are given to their parents."""
        return tuple(column for _, column in self.on)


_SAME_TRACE = ("trace_id", "trace_id")

RUNS = Link("runs", RUN, order=NEWEST_FIRST)
TRACES = Link("traces", TRACE)
PROJECTS = Link("projects", PROJECT, order=BY_NAME)
FEEDBACKS = Link("feedbacks", FEEDBACK, order=OLDEST_FIRST)
CHILDREN = Link("children", RUN, (_SAME_TRACE, ("id", "parent_run_id")), IN_TREE)
PARENT = Link("parent", RUN, (_SAME_TRACE, ("parent_run_id", "id")))
ANCESTORS = Link("ancestors", RUN, (_SAME_TRACE, ("id", "id")), above=True)
DESCENDANTS = Link("descendants", RUN, order=IN_TREE, below=True)
TRACE_OF_RUN = Link("trace", TRACE, (_SAME_TRACE,))
RUNS_OF_TRACE = Link("runs of trace", RUN, (_SAME_TRACE,), IN_TREE)
ROOT_OF_TRACE = Link("root of trace", RUN, (_SAME_TRACE, ("trace_id", "id")))
PROJECT_OF = Link("project", PROJECT, (("session_id", "id"),))
RUNS_OF_PROJECT = Link("runs of project", RUN, (("id", "session_id"),), NEWEST_FIRST)
FEEDBACK_OF_RUN = Link("feedback", FEEDBACK, (_SAME_TRACE, ("id", "run_id")), OLDEST_FIRST)
RUN_OF_FEEDBACK = Link("run of feedback", RUN, (_SAME_TRACE, ("run_id", "id")))
ATTACHMENTS = Link("attachments", ATTACHMENT, (_SAME_TRACE, ("id", "run_id")), (("name", False),))

NODES = (RUNS, PROJECTS, FEEDBACKS)
"""Where a global id is looked for, in this order."""


@frozen
class Window:
    """A page: how many rows, from which end, between which cursors (values of the order)."""

    size: int
    backward: bool = False
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None


@frozen
class Rows:
    """Rows of a link: one of them, all, or those of a window.

    The answer is a row or None (`one`), a list (None instead of [] with `empty_is_null`), or a
    `Slice` (`window`).
    """

    shape: ClassVar[str] = "rows"
    tree_needs: ClassVar[tuple[str, ...]] = ("trace_id", "id", "depth")
    tree_brings: ClassVar[tuple[str, ...]] = ("id", "depth")

    link: Link
    parent: Row | None = field(default=None, compare=False)
    where: Where = EVERYTHING
    one: bool = False
    window: Window | None = None
    max_depth: int | None = None
    empty_is_null: bool = False
    order: Order | None = None

    @property
    def ordered(self) -> Order:
        """The order of the rows: the one asked for, else the link's own."""
        return self.order or self.link.order

    @property
    def order_columns(self) -> tuple[Column, ...]:
        """The columns that cursors are made of."""
        return columns_of(self.ordered)

    @property
    def totals_beside(self) -> bool:
        """Whether the statement of a page can count all rows as well; a search is led elsewhere."""
        return not (self.link.on or self.link.below or searched(self.where))

    @property
    def nests(self) -> bool:
        """Whether, asked at each level of a tree, one statement can bring all levels."""
        return self.link is CHILDREN and self.where == EVERYTHING and self.window is None

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.link, self.one, self.empty_is_null, self.nests)


@frozen
class Count:
    """How many rows a link has."""

    shape: ClassVar[str] = "count"

    rows: Rows

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.rows.link)

    @property
    def parent(self) -> Row | None:
        """The row it is asked of."""
        return self.rows.parent


@dataclass(frozen=True)
class Values(ABC):
    """Whatever is not rows: a question that knows how to be answered, for many parents at once.

    Answers are plain values, lists and named tuples in the names of the API's fields.
    """

    shape: ClassVar[str] = "values"

    link: Link
    parent: Row | None = field(default=None, compare=False)

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.link)

    @abstractmethod
    async def answer(self, reading: Reading, keys: Sequence[tuple[Any, ...]]) -> dict[Any, Any]:
        """Return the value of each parent that has one; keys are stored `link.needs`."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The rows, of whatever kind, that have one of these ids: a list with None for the missing."""

    shape: ClassVar[str] = "nodes"

    ids: tuple[UUID | None, ...]
    one: bool = False

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.one)


@dataclass(frozen=True, slots=True)
class Then:
    """What a function makes of the answer to another question, for which `columns` suffice."""

    shape: ClassVar[str] = "then"

    question: Rows
    make: Callable[..., Any]
    columns: tuple[Column, ...] = ()

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.question.link)


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a window, and whether there are more on either side."""

    rows: list[Row]
    has_next: bool
    has_previous: bool


@frozen
class Page:
    """A connection: its parts are questions, so that each costs only when it is selected."""

    shape: ClassVar[str] = "page"

    rows: Rows

    @property
    def form(self) -> Any:
        """What plans depend on."""
        return (self.shape, self.rows.link, self.rows.order, self.rows.totals_beside)

    @property
    def nodes(self) -> Then:
        """The rows."""
        return Then(self.rows, _rows)

    @property
    def edges(self) -> Then:
        """The rows with their cursors."""
        return Then(self.rows, partial(_edges, self.rows.ordered))

    @property
    def page_info(self) -> Then:
        """Whether there is more, and the cursors at both ends."""
        return Then(self.rows, partial(_page_info, self.rows.ordered))

    @property
    def total_count(self) -> Count:
        """How many rows there are in all."""
        return Count(replace(self.rows, window=None))

    @property
    def stats(self) -> Values:
        """All rows, which are runs, summed up."""
        from db.stats import StatsOf  # noqa: PLC0415 - it is made of what stands here

        rows = self.rows
        return StatsOf(rows.link, rows.parent, rows.where, rows.max_depth)


Question: TypeAlias = Rows | Count | Values | Nodes | Then | Derived
"""Whatever can be answered."""


def _rows(found: Slice) -> list[Row]:
    return found.rows


def _edges(order: Order, found: Slice) -> list[Edge]:
    return [Edge(row, order) for row in found.rows]


def _page_info(order: Order, found: Slice) -> PageInfo:
    return PageInfo(found.has_next, found.has_previous, found.rows, order)
