"""What becomes of a query's text before it is run: measured, parsed, validated, once for each text.

Nothing here touches the store or what is kept, so that a long text can be prepared in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from graph.engine.operation import Operation
from graph.limits.bounds import LimitError, Limits, too_costly
from graph.limits.cost import Cost
from graph.limits.measure import Measuring, Prices
from graph.limits.tokens import count_tokens

LONG = 1500
"""Characters of a text that takes some milliseconds to prepare."""

_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


class Place(NamedTuple):
    """What a text is prepared for, beside what it says."""

    dialect: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of a query text: errors, or a document, or an operation for the engine.

    `literals` are values of the operation's variables that the text itself holds; `document` is
    the text as it stands, where it could be parsed and nothing was taken out of it, and `node` the
    operation in it that is asked for. `cost` is a number unless variables decide it.
    """

    errors: tuple[GraphQLError, ...] = ()
    operation: Operation | None = None
    literals: Mapping[str, Any] = field(default_factory=dict[str, Any])
    document: DocumentNode | None = None
    node: OperationDefinitionNode | None = None
    cost: int | Cost = 0

    @property
    def introspects(self) -> bool:
        """Say whether nothing but the schema itself is asked for."""
        selections = () if self.node is None else self.node.selection_set.selections
        return bool(selections) and all(
            isinstance(each, FieldNode) and each.name.value.startswith("__") for each in selections
        )

    def costs(self, variables: Mapping[str, Any] | None) -> int:
        """Return the cost of a request."""
        cost = self.cost
        return cost if isinstance(cost, int) else cost.of({**(variables or {}), **self.literals})

    def check(self, variables: Mapping[str, Any] | None, limits: Limits) -> int:
        """Return the cost. Raises LimitError where variables make a request ask for too much."""
        if isinstance(self.cost, int):
            return self.cost
        cost = self.costs(variables)
        if cost > limits.cost:
            raise too_costly(cost, limits)
        return cost


def prepare(
    schema: GraphQLSchema, prices: Prices, query: str, name: str | None, limits: Limits
) -> Prepared:
    """Return what becomes of a text that was never seen."""
    try:
        count_tokens(query, limits)
        document = parse(query)
        node = asked_for(document, name)
        cost = cost_of(schema, prices, document, node, limits)
        if isinstance(cost, int) and cost > limits.cost:
            raise too_costly(cost, limits)
        errors = validate(schema, document, _RULES, max_errors=limits.errors)
    except GraphQLError as error:
        return Prepared((slim(error),))
    except RecursionError:
        return Prepared((LimitError("TOO_DEEP", "the query is nested too deeply to be read"),))
    if errors:
        return Prepared(tuple(map(slim, errors)))
    return Prepared(document=document, node=node, cost=cost)


def slim(error: GraphQLError) -> GraphQLError:
    """Return an error without the document it was found in: it is kept as long as the text is."""
    code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else None
    extensions = error.extensions or ({"code": code} if code else {})
    slim = GraphQLError(error.message, extensions=extensions)
    slim.locations = error.locations
    return slim


def cost_of(
    schema: GraphQLSchema,
    prices: Prices,
    document: DocumentNode,
    node: OperationDefinitionNode,
    limits: Limits,
) -> int | Cost:
    """Return the cost of an operation. Raises LimitError for what is beyond another limit."""
    types = (schema.query_type, schema.mutation_type, schema.subscription_type)
    roots = {
        kind: type.name
        for kind, type in zip(("query", "mutation", "subscription"), types, strict=True)
        if type is not None
    }
    cost = Measuring(document, prices, roots).check(limits)[node]
    return cost if cost.variables else cost.of({})


def asked_for(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation that is asked for. Raises GraphQLError where that is not one."""
    found = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    names = [each.name.value for each in found if each.name is not None]
    if name is not None:
        for each in found:
            if each.name is not None and each.name.value == name:
                return each
        msg = f"operationName is {name[:100]!r}; the document has {_listed(names)}"
        raise GraphQLError(msg)
    if len(found) == 1:
        return found[0]
    if not found:
        msg = "the document has no operation"
        raise GraphQLError(msg)
    several = f"the document has {len(found)} operations ({_listed(names)})"
    msg = f"{several}; operationName must name one"
    raise GraphQLError(msg)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if names[10:] else "") or "none with a name"
