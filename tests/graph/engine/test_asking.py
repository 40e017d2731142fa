"""Variables on the short way are those that graphql-core would make."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, get_variable_values, parse
from graphql.execution.values import VariableValueSource

from graph.engine.asking import Variables

SCHEMA = build_schema("scalar Any type Query { a(of: Any, some: [Int!], text: String): Int }")
DOCUMENT = parse("query($of: Any, $some: [Int!] = [1], $text: String, $left: Int = 2) { a }")


def told(sources: Mapping[str, VariableValueSource]) -> dict[str, Any]:
    """Who is declared, and what was given, Undefined where nothing was."""
    return {name: (each.signature.name, each.value) for name, each in sources.items()}


@pytest.mark.parametrize(
    "given",
    [{}, {"of": {"x": [1]}, "some": 5}, {"of": None, "text": "t", "left": None, "other": 1}],
)
def test_variables_and_where_they_came_from_are_those_of_graphql_core(given: dict[str, Any]):
    (operation,) = DOCUMENT.definitions
    assert isinstance(operation, OperationDefinitionNode)
    wanted: Any = get_variable_values(SCHEMA, operation.variable_definitions or (), given)

    made = Variables(SCHEMA, operation).coerced(given)

    assert made.coerced == wanted.coerced
    assert told(made.sources) == told(wanted.sources)
    assert made.sources.get("other") is None
