"""A walk over a document, before it is validated: depth, aliases, directives, cost.

Each fragment is measured once, wherever and however often it is spread; one that spreads itself
counts as nothing the second time (validation refuses it). What the schema does not know costs
nothing: validation refuses that too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from graph.limits.bounds import LimitError, Limits, passed
from graph.limits.cost import Cost, Factor, Part, Size, Sums, Term
from graph.limits.prices import PAGE_PARTS, Price

PAGE = 50
MOST_IN_PAGE = 1000
TREE = 100
"""From where on a deeper level of a tree counts as many rows as the one above."""

_OBJECT = Price(0, 1, None)
Prices = Mapping[str, Mapping[str, Price]]


@dataclass(slots=True)
class Measure:
    """What was measured of a selection.

    `each` counts for every row of the page that it stands in, `once` for the page.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False
    once: list[Part] = field(default_factory=list[Part])
    each: list[Part] = field(default_factory=list[Part])

    def add(self, other: "Measure", *, deeper: int = 0) -> None:
        """Count what another selection has, but for its cost and its fields."""
        self.depth = max(self.depth, other.depth + deeper)
        self.aliases += other.aliases
        self.directives += other.directives
        self.introspects = self.introspects or other.introspects


class Measuring:
    """Measures the definitions of one document."""

    def __init__(self, document: DocumentNode, prices: Prices, roots: Mapping[str, str]) -> None:
        self._prices = prices
        self._roots = roots
        self._sums = Sums()
        self._done: dict[tuple[str, int], Measure | None] = {}
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        self._defaults = _defaults(self._operations)

    def check(self, limits: Limits) -> dict[OperationDefinitionNode, Cost]:
        """Return the cost of each operation. Raises LimitError for whatever is beyond a limit."""
        costs: dict[OperationDefinitionNode, Cost] = {}
        for operation in self._operations:
            root = self._roots.get(operation.operation.value)
            measure = self._selection(operation.selection_set, root, 1)
            measure.directives += len(operation.directives or ())
            _check(measure, limits, fields=measure.fields)
            total = self._sums.sum([*measure.once, *measure.each])
            costs[operation] = Cost(total, self._sums.steps)
        for name in self._fragments:
            measure = self._fragment(name, 1)
            if measure is not None:
                _check(measure, limits, fields=0)
        return costs

    def _fragment(self, name: str, tree: int) -> Measure | None:
        """Return the measure of a fragment; None while it is being measured, and if unknown."""
        key = (name, tree)
        if key not in self._done:
            self._done[key] = None
            node = self._fragments.get(name)
            if node is not None:
                found = self._selection(node.selection_set, node.type_condition.name.value, tree)
                found.directives += len(node.directives or ())
                self._done[key] = found
        return self._done[key]

    def _selection(self, selections: SelectionSetNode, type: str | None, tree: int) -> Measure:
        measure = Measure()
        names: set[str] = set()
        self._collect(selections, type, tree, measure, names)
        return measure

    def _collect(
        self,
        selections: SelectionSetNode,
        type: str | None,
        tree: int,
        measure: Measure,
        names: set[str],
    ) -> None:
        """Measure what stands in a selection and in the inline fragments of it."""
        for node in selections.selections:
            measure.directives += len(node.directives or ())
            match node:
                case FieldNode():
                    self._field(node, type, tree, measure, names)
                case InlineFragmentNode():
                    condition = node.type_condition
                    inside = condition.name.value if condition else type
                    self._collect(node.selection_set, inside, tree, measure, names)
                case FragmentSpreadNode() if f"...{node.name.value}" not in names:
                    names.add(f"...{node.name.value}")
                    found = self._fragment(node.name.value, tree)
                    if found is not None:
                        measure.add(found)
                        measure.fields += found.fields
                        measure.once.append((1, self._sums.sum(found.once)))
                        measure.each.append((1, self._sums.sum(found.each)))
                case _:
                    pass

    def _field(
        self, node: FieldNode, type: str | None, tree: int, measure: Measure, names: set[str]
    ) -> None:
        key = (node.alias or node.name).value
        measure.fields += 1
        measure.aliases += node.alias is not None or key in names
        measure.introspects = measure.introspects or node.name.value in {"__schema", "__type"}
        names.add(key)
        price = self._prices.get(type or "", {}).get(node.name.value, _OBJECT)
        if node.selection_set is None:
            measure.depth = max(measure.depth, 1)
            measure.once.append((1, price.weight))
            return
        size = self._size(node, price)
        if price.is_tree:
            size, tree = _in_tree(size, tree)
        below = self._selection(node.selection_set, price.type, tree if price.is_tree else 1)
        measure.add(below, deeper=1)
        into = measure.each if node.name.value in PAGE_PARTS else measure.once
        into.append((1, self._cost(price, size, below)))

    def _cost(self, price: Price, size: Factor, below: Measure) -> Term:
        each = self._sums.sum(below.each)
        once = self._sums.sum(below.once)
        if price.size is None:
            return self._sums.sum([(1, price.weight), (size, each), (1, once)])
        inside = self._sums.sum([(1, 1), (1, once), (1, each)])
        return self._sums.sum([(1, price.weight), (size, inside)])

    def _size(self, node: FieldNode, price: Price) -> Factor:
        """Return how often what is below a field counts."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if isinstance(price.size, int):
            return price.size
        if price.size is None:
            asked = given.get("first", given.get("last"))
            return self._length(asked, PAGE)
        return self._length(given.get(price.size), 1)

    def _length(self, value: Any, default: int) -> Factor:
        match value:
            case IntValueNode():
                return _bounded(value)
            case ListValueNode():
                return len(value.values)
            case VariableNode():
                name = value.name.value
                return Size(name, self._defaults.get(name, default), MOST_IN_PAGE)
            case _:
                return default


def _in_tree(size: Factor, above: int) -> tuple[Factor, int]:
    """Return how often a level counts, and how many rows the tree has there."""
    if not isinstance(size, int) or above >= TREE:
        return 1, above
    return size, above * size


def _defaults(operations: Iterable[OperationDefinitionNode]) -> dict[str, int]:
    """Return the default of each variable, the largest if operations differ in it."""
    found: dict[str, int] = {}
    for each in chain.from_iterable(some.variable_definitions or () for some in operations):
        if isinstance(each.default_value, IntValueNode):
            name, value = each.variable.name.value, _bounded(each.default_value)
            found[name] = max(value, found.get(name, 0))
    return found


def _bounded(number: IntValueNode) -> int:
    """Return a number as a length: its text may be as long as it likes."""
    return min(max(int(number.value[:6]), 0), MOST_IN_PAGE)


_BOUNDS: Iterable[tuple[str, str, str, str, str]] = (
    ("depth", "depth", "max_depth", "TOO_DEEP", "fields are nested"),
    (
        "aliases",
        "aliases",
        "max_aliases",
        "TOO_MANY_ALIASES",
        "fields with an alias, or beside their equals:",
    ),
    ("directives", "directives", "max_directives", "TOO_MANY_DIRECTIVES", "directives:"),
)


def _check(measure: Measure, limits: Limits, *, fields: int) -> None:
    if fields > limits.root_fields:
        what = "fields of the root:"
        raise passed("TOO_MANY_ROOT_FIELDS", what, fields, limits.root_fields, "max_root_fields")
    for name, limit, setting, code, what in _BOUNDS:
        given, most = getattr(measure, name), getattr(limits, limit)
        if given > most:
            raise passed(code, what, given, most, setting)
    if measure.introspects and not limits.introspection:
        msg = "__schema and __type are not answered here (setting RUNGRAPH_INTROSPECTION is off)"
        raise LimitError("INTROSPECTION_OFF", msg)
