"""A key limited to a project is asked everything that the schema knows; nothing of another comes.

The queries are made from the schema itself, so that a new field is asked as well.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_interface_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
)
from starlette.testclient import TestClient

from db import keys
from db.arrivals import FeedbackArrival
from graph.app import create_app
from graph.schema import schema
from graph.setting_kinds import Engine
from tests.conftest import NAMES, NOON, run_id

ROWS = frozenset({"Run", "Trace", "Project", "Thread", "Feedback"})
CORE = schema._schema
LIMITS = dict.fromkeys(
    (
        *("max_tokens", "max_depth", "max_aliases", "max_directives", "max_root_fields"),
        *("max_cost", "max_rows", "max_errors", "max_body_bytes"),
    ),
    10**9,
)


@pytest.fixture
def stored(add, judge, attach, keep, index):
    """Two projects alike, whose runs are in each other's trees, and what must never be seen."""
    never: set[str] = set()
    for name in ("own", "foreign"):
        shared = {
            "session_name": name,
            "tags": ("alike", f"tag-{name}"),
            "inputs": {"text": f"input-{name}"},
            "outputs": {"text": f"output-{name}"},
            "extra": {"metadata": {"session_id": "thread", "who": f"metadata-{name}"}},
            "error": f"error-{name}",
        }
        root = add(f"root-{name}", **shared)
        add(f"child-{name}", at=1, parent=root, run_type="llm", **shared)
        judge(root, f"key-{name}", score=0.5, comment=f"comment-{name}")
        attach(root, f"file-{name}", b"x")
        told = {"created_at": NOON, "modified_at": NOON}
        trace = FeedbackArrival(
            id=uuid5(NAMES, f"on trace {name}"), key=f"trace-{name}", trace_id=root.id, **told
        )
        keep(feedback=[trace])
        if name == "own":
            add("theirs-foreign", at=2, parent=root, **{**shared, "session_name": "foreign"})
            below = add(
                "between-foreign", at=3, parent=root, **{**shared, "session_name": "foreign"}
            )
            add("under-own", at=4, parent=below, **shared)
            never.add(str(run_id("theirs-foreign")))
        else:
            never |= {str(root.id), str(run_id("child-foreign")), str(trace.id)}
    index()
    return never


def arguments(field: str, id: str, trace: str, project: str) -> str:
    """What a field of the root wants."""
    given = {
        "node": f'(id: "{id}")',
        "nodes": f'(ids: ["{id}", "{trace}", "{project}"])',
        "run": f'(id: "{id}")',
        "trace": f'(traceId: "{trace}")',
        "project": f'(by: {{id: "{project}"}})',
        "compareRuns": f'(a: "{id}", b: "{trace}")',
        "runStats": "(groupBy: [{field: NAME}, {field: PROJECT}, {field: TAG}])",
    }
    return given.get(field, "")


def selection(type_: GraphQLNamedType, depth: int, asked: set[tuple[str, str]]) -> str:
    """Every field of a type, down to a depth; arguments that have to be given are paths."""
    if is_interface_type(type_):
        kinds = CORE.get_possible_types(type_)
        parts = [f"... on {kind.name} {selection(kind, depth, asked)}" for kind in kinds]
        return "{ __typename " + " ".join(parts) + " }"
    parts = ["__typename"]
    step = 1 if type_.name in ROWS else 0
    assert isinstance(type_, GraphQLObjectType)
    for name, field in type_.fields.items():
        kind = get_named_type(field.type)
        wanted = [each for each, arg in field.args.items() if is_required_argument(arg)]
        assert set(wanted) <= {"path"}, f"{type_.name}.{name} wants {wanted}: say what to give it"
        given = '(path: "text")' if wanted else ""
        form = str(field.type).replace("!", "_n").replace("[", "l_").replace("]", "")
        alias = f"{name}_{form}: "
        if is_leaf_type(kind):
            asked.add((type_.name, name))
            parts.append(f"{alias}{name}{given}")
        elif depth >= step or not leads_to_rows(kind):
            asked.add((type_.name, name))
            parts.append(f"{alias}{name}{given} {selection(kind, max(depth - step, 0), asked)}")
    return "{ " + " ".join(parts) + " }"


def leads_to_rows(type_: GraphQLNamedType, seen: frozenset[str] = frozenset()) -> bool:
    """Whether rows can be selected below a type."""
    if type_.name in ROWS or is_interface_type(type_):
        return True
    inner = [get_named_type(field.type) for field in getattr(type_, "fields", {}).values()]
    deeper = [each for each in inner if each.name not in seen]
    return any(leads_to_rows(each, seen | {type_.name}) for each in deeper)


def questions(project: str) -> Iterator[tuple[str, str]]:
    """Every field of the root, asked of what is there in either project."""
    asked: set[tuple[str, str]] = set()
    for name, field in CORE.query_type.fields.items():
        inner = selection(get_named_type(field.type), 1, asked)
        for whose in ("own", "foreign"):
            id, trace = run_id(f"child-{whose}"), run_id(f"root-{whose}")
            yield name, f"{{ {name}{arguments(name, id, trace, project)} {inner} }}"
        if "where" in field.args and name == "runs":
            for where in (
                '{search: "foreign"}',
                '{tags: {hasAny: ["alike", "tag-foreign"]}}',
                '{threadId: {eq: "thread"}}',
                '{projectName: {in: ["own", "foreign"]}}',
                '{anyRunInTrace: {name: {startsWith: "root"}}}',
                '{expression: "eq(name, \\"child-foreign\\")"}',
            ):
                yield name, f"{{ {name}(where: {where}) {inner} }}"
    asked.add(("Thread", "runs"))
    for whose in ("own", "foreign"):
        inside = "threads { nodes { threadId traceCount runs { nodes { name id } } } }"
        yield "threads", f'{{ project(by: {{name: "{whose}"}}) {{ id name {inside} }} }}'
    missing = {
        (type_.name, name)
        for type_ in CORE.type_map.values()
        if is_object_type(type_) and not type_.name.startswith("__")
        for name in type_.fields
        if type_ not in {CORE.query_type, CORE.mutation_type, CORE.subscription_type}
        and type_.name not in OF_CHANGES
    }
    assert sorted(missing - asked) == []


OF_CHANGES = frozenset(
    name
    for name in CORE.type_map
    if name.endswith("Payload") or name in {"RunRefusal", "RunChange"}
)
"""Types that mutations and subscriptions answer with; what they hold is asked elsewhere."""


@pytest.mark.parametrize(
    "engine",
    [
        Engine.HTTP,
        *(pytest.param(each, marks=pytest.mark.slow) for each in Engine if each is not Engine.HTTP),
    ],
)
def test_nothing_of_another_project_is_in_any_answer(store, settings, stored, engine):
    with store._engine.begin() as connection:
        now = NOON + timedelta(days=1)
        _, text = keys.create(connection, now, rights=["read"], named=["own"])
        foreign = keys.create(connection, now, rights=["read"], named=["foreign"])[0].projects
    (project,) = foreign or ()
    never = stored | {str(project)}
    with TestClient(
        create_app(replace(settings, engine=engine, debug=False, **LIMITS), store)
    ) as client:
        seen = ""
        for name, query in questions(str(project)):
            answer = client.post("/graphql", json={"query": query}, headers={"x-api-key": text})
            told = answer.text.replace("between-foreign", "")
            for secret in never:
                assert secret not in told, f"{name}: {secret} in {told[:2000]}"
            for word in ("root", "child", "theirs", "input", "output", "tag", "metadata"):
                assert f"{word}-foreign" not in told, f"{name}: {told[:2000]}"
            for word in ("key", "comment", "file", "trace", "error"):
                assert f"{word}-foreign" not in told, f"{name}: {told[:2000]}"
            assert "internal error" not in told, told
            assert "GRAPHQL_VALIDATION_FAILED" not in told, told
            seen += told
    for word in (
        "root",
        "child",
        "under",
        "input",
        "output",
        "tag",
        "key",
        "comment",
        "file",
    ):
        assert f"{word}-own" in seen
