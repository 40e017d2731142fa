"""Texts that no database or no format likes, in every argument and input that the schema has."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
)
from starlette.testclient import TestClient

from graph.schema import schema
from graph.setting_kinds import Engine
from tests.conftest import run_id

CORE = schema._schema
CODES = {"BAD_USER_INPUT", "NOT_FOUND", "CONFLICT"}
PLAIN = {
    "ID": run_id("root"),
    "String": "a",
    "Int": 1,
    "Float": 0.5,
    "Boolean": True,
    "BigInt": 1,
    "DateTime": "2026-01-01T00:00:00Z",
    "Decimal": "1",
    "JSON": {"a": 1},
}
ODD = frozenset({"ID", "String", "DateTime", "Decimal", "JSON", "BigInt"})


class Name(str):
    """The value of an enum, which a document spells without quotes."""

    __slots__ = ()


def plain(type_: Any) -> Any:
    """A value that is allowed, with what is wanted and no more."""
    while isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLList):
        return [plain(type_.of_type)]
    if isinstance(type_, GraphQLEnumType):
        return Name(next(iter(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        fields = list(type_.fields.items())
        wanted = [each for each in fields if is_required_input_field(each[1])]
        return {name: plain(each.type) for name, each in wanted or fields[:1]}
    return PLAIN[type_.name]


def odd(type_: Any, text: str, seen: set[tuple[str, str]]) -> Iterator[Any]:
    """Values in which one text is odd, for each place where a text may be that is not seen yet."""
    while isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLList):
        yield from ([each] for each in odd(type_.of_type, text, seen))
    elif isinstance(type_, GraphQLInputObjectType):
        fields = type_.fields.items()
        wanted = {name: each for name, each in fields if is_required_input_field(each)}
        base = {name: plain(each.type) for name, each in wanted.items()}
        for name, each in fields:
            if (type_.name, name) not in seen:
                seen.add((type_.name, name))
                yield from ({**base, name: value} for value in odd(each.type, text, seen))
    elif type_.name in ODD:
        yield text
        if type_.name == "JSON":
            yield {text: [text]}


def spelled(value: Any) -> str:
    """A value as a document has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {spelled(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return str(value) if isinstance(value, Name) else json.dumps(value)


def given(field: GraphQLField, but: str = "") -> list[str]:
    """The arguments that a field wants."""
    wanted = [name for name, each in field.args.items() if is_required_argument(each)]
    return [f"{name}: {spelled(plain(field.args[name].type))}" for name in wanted if name != but]


def selected(type_: Any) -> str:
    """Something to select of a type."""
    type_ = get_named_type(type_)
    if is_leaf_type(type_):
        return ""
    if not is_object_type(type_):
        return "{ __typename }"
    for wanted in ("nodes", "edges"):
        if wanted in type_.fields:
            return f"{{ {wanted} {selected(type_.fields[wanted].type)} }}"
    return "{ __typename }"


def called(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})" if arguments else name


def places() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every field: how a document gets to where it can be selected, its name, and the field."""
    yield from (("mutation", name, each) for name, each in CORE.mutation_type.fields.items())
    waiting: list[tuple[GraphQLObjectType, tuple[str, ...]]] = [(CORE.query_type, ())]
    seen = {CORE.query_type.name}
    while waiting:
        type_, way = waiting.pop(0)
        for name, each in type_.fields.items():
            if each.args:
                yield " { ".join(("query", *way)), name, each
            inner = get_named_type(each.type)
            if is_object_type(inner) and inner.name not in seen:
                seen.add(inner.name)
                waiting.append((inner, (*way, called(name, given(each)))))


def questions(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ask every field with the text in each place, by variables and by literals."""
    seen: set[tuple[str, str]] = set()
    for way, name, each in places():
        end = " }" * (len(way.split(" { ")) - 1)
        for argument, what in each.args.items():
            for value in odd(what.type, text, seen):
                rest = given(each, argument)
                parts = called(name, [f"{argument}: $it", *rest])
                head = way.replace("query", f"query($it: {what.type})", 1)
                head = head.replace("mutation", f"mutation($it: {what.type})", 1)
                yield f"{head} {{ {parts} {selected(each.type)} }}{end}", {"it": value}
                if way.startswith("query") and not _has_odd_key(value):
                    parts = called(name, [f"{argument}: {spelled(value)}", *rest])
                    yield f"{way} {{ {parts} {selected(each.type)} }}{end}", {}


def _has_odd_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(not key.isidentifier() or _has_odd_key(each) for key, each in value.items())
    return isinstance(value, list) and any(map(_has_odd_key, value))


SLOW = pytest.mark.slow


@pytest.fixture(params=[Engine.HTTP, pytest.param(Engine.OFF, marks=SLOW)])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\0b", id="NUL within"),
        pytest.param("\0", id="NUL", marks=SLOW),
        pytest.param("'\"\\%_[]{}\u2028\ufffe\U0001f600", id="marks", marks=SLOW),
    ],
)
def test_an_odd_text_is_a_text_or_is_refused_by_name(client: TestClient, add, judge, text: str):
    judge(add("root", inputs={"a": "b"}, extra={"metadata": {"session_id": "t"}}), "key", score=1.0)
    wrong: list[Any] = []
    count = 0
    for query, variables in questions(text):
        count += 1
        answer = client.post("/graphql", json={"query": query, "variables": variables})
        errors = answer.json().get("errors", ())
        told = {error["extensions"]["code"] for error in errors if not _is_value(error["message"])}
        if answer.status_code != 200 or not told <= CODES:
            wrong.append((query, variables, answer.text[:300]))
    assert wrong == []
    assert count > 200


def _is_value(message: str) -> bool:
    """Whether an error is about a value that stands in the document."""
    return message.startswith("Expected value of type")


@pytest.mark.only_on("sqlite", reason="such a text comes to no database")
def test_half_a_pair_of_surrogates_is_no_text(client: TestClient):
    body = b'{"query": "{ runs(where: {name: {eq: \\"\\\\ud800\\"}}) { totalCount } }"}'
    sent = {"content-type": "application/json"}
    answer = client.post("/graphql", content=body, headers=sent).json()
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"

    for half in (b"\\ud800", b"\\udc00", b"\xed\xa0\x80"):
        body = b'{"query": "{ __typename }", "variables": {"a": "' + half + b'"}}'
        answer = client.post("/graphql", content=body, headers=sent)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "INVALID_JSON"
