"""What the fields of a schema cost: found once, from a table of sizes and weights.

A connection is as long as its `first` or `last`. Every other list of objects has its usual length
in the table, or the name of the argument that holds a value for each item. A field without an entry
costs nothing but its object.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
)

Sizes = Mapping[str, int | str]
"""By `Type.field`: how many objects, or which argument lists them."""

USUAL = 10
"""How long a list is that the table does not know."""

PAGE_PARTS = frozenset({"nodes", "edges"})


@dataclass(frozen=True, slots=True)
class Price:
    """What one field costs.

    `weight` counts once for each time it is read, `size` is how often what is below it counts:
    a number, the name of an argument, or None for a page. `type` is the type below, None for a
    leaf; `is_tree` says that the same field below it makes a tree.
    """

    weight: int
    size: int | str | None
    type: str | None
    is_tree: bool = False


def prices_of(
    schema: GraphQLSchema, sizes: Sizes, weights: Mapping[str, int], trees: frozenset[str]
) -> dict[str, dict[str, Price]]:
    """Return the price of every field, by type and name."""
    found: dict[str, dict[str, Price]] = {}
    for type_name, type in schema.type_map.items():
        if is_object_type(type) or is_interface_type(type):
            found[type_name] = {
                name: _price(f"{type_name}.{name}", field, sizes, weights, trees)
                for name, field in type.fields.items()
            }
    query = schema.query_type
    if query is not None:
        found[query.name]["__schema"] = Price(1, 1, "__Schema")
        found[query.name]["__type"] = Price(1, 1, "__Type")
    return found


def _price(
    place: str, field: GraphQLField, sizes: Sizes, weights: Mapping[str, int], trees: frozenset[str]
) -> Price:
    declared: Any = cast("Any", field).type
    type = cast("GraphQLNamedType", get_named_type(declared))
    listed = "[" in str(declared)
    weight = weights.get(place, 0)
    if not is_composite_type(type):
        return Price(weight, 1, None)
    if type.name.endswith("Connection"):
        return Price(weight + 1, None, type.name)
    if not listed or place.rpartition(".")[2] in PAGE_PARTS:
        return Price(weight, 1, type.name)
    return Price(weight, sizes.get(place, USUAL), type.name, place in trees)
