"""What a plan is made of: levels of rows, and the nodes that load them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graph.engine.bulk import Bulk
from graph.engine.leaves import Complete
from graph.engine.protocol import Column
from graph.engine.selection import Field


@dataclass(slots=True)
class Node:
    """Rows to load for a level: for which field, by which columns of the rows above.

    `depth` says through how many levels the same question is asked from here down; where that is
    more than one, `tree` are the columns by which one statement can bring all of them. `part_of`
    is the field of the page whose `part` it asks; `twin` one before it that asks the same; `among`
    are the rows that stand in a value that is no row. `beyond`: of a page it is asked, too, whether
    there is more, or how many rows there are, which an empty page can not tell by itself.
    """

    field: Field
    question: Any
    key: tuple[int, ...]
    level: "Level | None"
    depth: int = 0
    tree: tuple[int, ...] = ()
    part_of: int | None = None
    part: str = ""
    twin: "Node | None" = None
    among: "Among | None" = None
    beyond: bool = False


@dataclass(slots=True)
class Among:
    """Rows that stand in other values: their levels by the uid of the field that holds them.

    `completer` makes what completes the values, of what completes such rows for a uid.
    """

    levels: dict[int, "Level"]
    completer: Callable[[Callable[[int], Complete]], Complete]


@dataclass(slots=True)
class Level:
    """Rows of one entity at one place: their columns, and what hangs on them.

    `listed` is the uid of the field that lists them; `bulk` says how values are made for many rows,
    by the text that makes them for one.
    """

    entity: Any
    columns: dict[Column, int] = field(default_factory=dict[Column, int])
    nodes: list[Node] = field(default_factory=list[Node])
    nests: bool = False
    listed: int | None = None
    bulk: dict[str, Bulk] = field(default_factory=dict[str, Bulk])
    _shape: tuple[Column, ...] = ()

    def place(self, column: Column) -> int:
        """Return the place of a column, which the rows hold from now on."""
        return self.columns.setdefault(column, len(self.columns))

    @property
    def shape(self) -> tuple[Column, ...]:
        """The columns, in order."""
        if len(self._shape) != len(self.columns):
            self._shape = tuple(self.columns)
        return self._shape


@dataclass(slots=True)
class Plan:
    """What a root field needs: the nodes to load first, and the function that builds its value.

    `build` takes what was found, by the uid of each field; `possible` are the levels of a
    question for rows of any kind, by type name; `listings` the uids of the fields that list the
    rows of which a `derived` question is asked, by its uid.

    `is_required`: its value is never null. `is_single` says that one statement brings all of it;
    `direct` is the node whose rows are all that has to be found, None where there is more to do.
    """

    nodes: list[Node]
    build: Any
    is_required: bool
    possible: dict[str, Level] = field(default_factory=dict[str, Level])
    listings: dict[int, int] = field(default_factory=dict[int, int])
    is_single: bool = field(init=False, default=False)
    direct: Node | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.possible or len(self.nodes) != 1:
            return
        (node,) = self.nodes
        self.is_single = _is_all(node)
        if self.is_single and not self.listings and _is_rows(node):
            self.direct = node


def _is_all(node: Node) -> bool:
    """Say whether one statement brings all that a node wants."""
    if node.question.shape == "values" or node.part == "stats":
        return False
    return node.level is None or not node.level.nodes


def _is_rows(node: Node) -> bool:
    """Say whether a node at the top loads rows as they are, or a page of them."""
    if node.level is None:
        return False
    return node.question.shape == "page" or not node.question.nests
