"""Declared types told apart; graphql-core's own aliases of them are too generic to be checked."""

from typing import Any, TypeAlias

from graphql import GraphQLList, GraphQLNonNull

Declared: TypeAlias = Any
"""A GraphQL type, as a field, an argument or a variable declares it."""


def is_required(declared: Declared) -> bool:
    """Say whether null may not stand there."""
    return isinstance(declared, GraphQLNonNull)


def nullable(declared: Declared) -> Declared:
    """Return the type without saying that it is required."""
    return declared.of_type if is_required(declared) else declared


def is_list(declared: Declared) -> bool:
    """Say whether a list stands there, required or not."""
    return isinstance(nullable(declared), GraphQLList)
