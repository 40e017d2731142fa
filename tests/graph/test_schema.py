"""The public contract: printed, described, and nothing but what was decided."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_specified_directive,
    is_specified_scalar_type,
    print_ast,
)

from graph.schema import schema

HOME = Path(__file__).parents[2]
TARGET = HOME.parent / "shared" / "design" / "target.graphql"

ADDED = {"Subscription.runChanges(first:)": "Int"}
"""What was not decided and is there all the same: a script waits for the next event with it."""


def elements(found: GraphQLSchema) -> Iterator[tuple[str, str, Any]]:
    """Each element: its name, its type as text, itself."""
    for name, each in found.type_map.items():
        if not name.startswith("__") and not is_specified_scalar_type(each):
            yield name, _kind(each), each
            yield from _parts(name, each)


def _kind(each: GraphQLNamedType) -> str:
    kind = type(each).__name__.removeprefix("CustomGraphQL").removeprefix("GraphQL")
    if isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
        kind += " & ".join(["", *(interface.name for interface in each.interfaces)])
    return f"{kind} one of" if getattr(each, "is_one_of", False) else kind


def _parts(name: str, each: GraphQLNamedType) -> Iterator[tuple[str, str, Any]]:
    if isinstance(each, GraphQLEnumType):
        yield from ((f"{name}.{value}", "", each.values[value]) for value in each.values)
    elif isinstance(each, GraphQLInputObjectType):
        yield from ((f"{name}.{field}", _typed(of), of) for field, of in each.fields.items())
    elif isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
        for field, of in each.fields.items():
            yield f"{name}.{field}", _typed(of), of
            for argument, taken in of.args.items():
                yield f"{name}.{field}({argument}:)", _typed(taken), taken


def _typed(of: Any) -> str:
    deprecated = f" deprecated: {of.deprecation_reason}" if of.deprecation_reason else ""
    default = getattr(of, "default", None)
    return f"{of.type}{f' = {print_ast(default.literal)}' if default else ''}{deprecated}"


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return build_schema(schema.as_str())


@pytest.fixture(scope="module")
def target() -> GraphQLSchema:
    if not TARGET.exists():
        pytest.skip(f"the decided surface is not there: {TARGET}")
    return build_schema(TARGET.read_text())


def test_the_committed_schema_is_the_printed_one():
    assert (HOME / "schema.graphql").read_text() == schema.as_str() + "\n", (
        "print it anew: rungraph schema > schema.graphql"
    )


def test_each_element_says_what_it_means(ours: GraphQLSchema):
    silent = [name for name, _, each in elements(ours) if not (each.description or "").strip()]

    assert silent == []


def test_descriptions_are_sentences(ours: GraphQLSchema):
    odd = [
        (name, each.description)
        for name, _, each in elements(ours)
        if not each.description.endswith(".") or "  " in each.description
    ]

    assert odd == []


def test_no_directive_but_the_specified_ones_is_declared(ours: GraphQLSchema):
    assert [each.name for each in ours.directives if not is_specified_directive(each)] == []


def test_what_there_is_is_what_was_decided(ours: GraphQLSchema, target: GraphQLSchema):
    decided = {name: typed for name, typed, _ in elements(target)}
    found = {name: typed for name, typed, _ in elements(ours)}
    added = {name: typed for name, typed in found.items() if decided.get(name) != typed}

    assert added == ADDED


def test_all_that_was_decided_is_there(ours: GraphQLSchema, target: GraphQLSchema):
    there = {name for name, _, _ in elements(ours)}

    assert [name for name, _, _ in elements(target) if name not in there] == []


def test_fields_stand_in_the_decided_order(ours: GraphQLSchema, target: GraphQLSchema):
    decided = [name for name, _, _ in elements(target)]
    found = [name for name, _, _ in elements(ours) if name not in ADDED]
    names = {name.partition(".")[0] for name in found}

    def of(type_name: str, some: list[str]) -> list[str]:
        return [name for name in some if name.startswith(f"{type_name}.") and name in found]

    assert [of(name, found) for name in sorted(names)] == [
        of(name, decided) for name in sorted(names)
    ]


def test_what_is_deprecated_says_what_to_use_instead():
    reasons = {
        name: each.deprecation_reason
        for name, _, each in elements(schema._schema)
        if getattr(each, "deprecation_reason", None) is not None
    }

    assert "Run.childRunIds" in reasons
    assert all(len(reason) > 10 and reason != "No longer supported" for reason in reasons.values())
