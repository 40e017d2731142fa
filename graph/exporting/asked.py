"""Which runs an export is of, as the command line says it."""

from typing import Any, cast

import orjson
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import (
    get_variable_values,  # pyright: ignore[reportUnknownVariableType]
)

from db.errors import InvalidError
from db.filters import Where
from graph.arguments import converter_of
from graph.schema import schema
from graph.types.filters import asked

_CORE: Any = vars(schema)["_schema"]
_to_filter: Any = converter_of(_CORE.query_type.fields["runs"].args["where"])
_DOCUMENT = parse("query ($where: RunFilter!) { runs(where: $where) { totalCount } }")


def where_of(text: str) -> Where:
    """Return what the JSON of a RunFilter asks; it is read as a variable of a query is.

    Raises InvalidError.
    """
    try:
        given: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidError(f"--where is not JSON: {error}") from None
    operation = _DOCUMENT.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101 - it stands above
    declared: Any = operation.variable_definitions
    found: Any = get_variable_values(_CORE, declared, {"where": given})
    if isinstance(found, list):
        problems = cast("list[Any]", found)
        told = (problem.message.replace("Variable '$where'", "--where") for problem in problems)
        raise InvalidError("\n".join(told))
    return asked(_to_filter(found.coerced["where"]))
