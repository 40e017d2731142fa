"""What filters of JSON, tags, feedback and trees mean: SQL next to a plain evaluation in Python.

The evaluation knows what was sent and nothing of the store: JSON text is read with its numbers as
they are written, and searched as the schema's descriptions say.
"""

import json
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from db.arrivals import Batch, FeedbackArrival, RunArrival
from db.dotted import segment
from db.ingest import fold
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.conftest import NAMES, NOON

Filter = dict[str, Any]
WORLDS = 4
SCALARS = (
    *("0", "-0.0", "1", "1.0", "5", "-5", '"5"', "0.1", "0.10000000000000000001", "1e2", "100"),
    *("1180591620717411303424", "1180591620717411303425", "1180591620717411303424.0", "1e-7"),
    *("9007199254740993", "9007199254740992.0", "1e21", "12345678901234567.25"),
    *('""', '"a"', '"ab"', '"A"', '"é"', '"x\\"%_\\\\"', '"\\u00e9"', "true", "false", "null"),
    f'"{"long " * 60}"',
)
KEYS = ("a", "b", "a.b", 'k"', "é", "0", f"{'key' * 90}")
PATHS = (
    "a",
    "b",
    '["a.b"]',
    '["k\\""]',
    "é",
    '["0"]',
    "a.b",
    "b.a",
    "a[0]",
    "a[1].b",
    "b[0][0]",
    "",
)
PATHS += (f'["{"key" * 90}"]', "a.a.b", "a[0].a", "é.b[1]")
TAGS = ("a", "A", "é", "", 'x"%', "tag " * 80)
OPERANDS: list[Any] = [
    *(0, 1, 1.0, 5, -5, "5", 0.1, 100, 2**70, 2**70 + 1, 1e-7, 2**53, 2**53 + 1, 1e21),
    *("", "a", "ab", "A", "é", 'x"%_\\', "long " * 60, True, False, [], {}, [1], ["a", None]),
    *({"a": 1}, {"a": [1.0, "a"]}, [[1]], 12345678901234567.25),
]


@dataclass
class Told:
    """A run as it was sent, and what hangs on it."""

    arrival: RunArrival
    parent: "Told | None" = None
    children: list["Told"] = field(default_factory=list)
    feedback: list[FeedbackArrival] = field(default_factory=list)

    @property
    def root(self) -> "Told":
        return self.parent.root if self.parent else self

    @property
    def below(self) -> Iterator["Told"]:
        for child in self.children:
            yield child
            yield from child.below


def some_json(draw: random.Random, depth: int = 3) -> str:
    kind = draw.random()
    if depth == 0 or kind < 0.45:
        return draw.choice(SCALARS)
    if kind < 0.7:
        return f"[{','.join(some_json(draw, depth - 1) for _ in range(draw.randrange(4)))}]"
    return some_object(draw, depth)


def some_object(draw: random.Random, depth: int = 3) -> str:
    keys = draw.sample(KEYS, draw.randrange(4))
    return "{{{}}}".format(
        ",".join(f"{json.dumps(key)}:{some_json(draw, depth - 1)}" for key in keys)
    )


class World:
    """A project of some traces of hostile runs."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.name = f"world {seed}"
        self.runs: list[Told] = []
        for number in range(40):
            parent = draw.choice([None, *self.runs[-6:]]) if self.runs else None
            self.runs.append(self._run(draw, number, parent))
        for number in range(60):
            self._judge(draw, number, draw.choice(self.runs))

    def _run(self, draw: random.Random, number: int, parent: Told | None) -> Told:
        id, start = uuid5(NAMES, f"{self.name} {number}"), NOON + timedelta(seconds=number // 3)
        own = segment(start, id)
        metadata = draw.choice([None, "{}", '{"metadata":null}', '{"metadata":[1]}'])
        if draw.random() < 0.8:
            metadata = f'{{"metadata":{some_object(draw)}}}'
        arrival = RunArrival(
            id=id,
            post=True,
            name=draw.choice(["x", "y"]),
            run_type=draw.choice(["llm", "tool"]),
            start_time=start,
            end_time=draw.choice([None, start]),
            error=draw.choice([None, None, "broken"]),
            session_name=self.name,
            trace_id=parent.arrival.trace_id if parent else id,
            parent_run_id=parent.arrival.id if parent else None,
            dotted_order=f"{parent.arrival.dotted_order}.{own}" if parent else own,
            inputs=draw.choice([None, some_object(draw), some_json(draw)]),
            outputs=draw.choice([None, some_object(draw), some_json(draw)]),
            extra=metadata,
            tags=tuple(draw.sample(TAGS, draw.randrange(4))) or None,
        )
        told = Told(arrival, parent)
        if parent:
            parent.children.append(told)
        return told

    def _judge(self, draw: random.Random, number: int, run: Told) -> None:
        judgement = FeedbackArrival(
            id=uuid5(NAMES, f"{self.name} feedback {number}"),
            key=draw.choice(["good", "Good", ""]),
            run_id=run.arrival.id,
            trace_id=run.arrival.trace_id,
            score=draw.choice([None, 0.0, 0.5, 1.0]),
            value=draw.choice([None, some_json(draw)]),
            comment=draw.choice([None, "", "fine", "Fine"]),
            created_at=NOON,
            modified_at=NOON,
        )
        run.feedback.append(judgement)

    def batch(self) -> Batch:
        judged = [each for run in self.runs for each in run.feedback]
        return Batch(runs=[run.arrival for run in self.runs], feedback=judged)


# -- what a filter means --------------------------------------------------------------------


@cache
def read(text: str | None) -> Any:
    return NOTHING if text is None else json.loads(text, parse_float=Decimal)


NOTHING = object()


def exact(value: Any) -> Any:
    """An operand as it is written: a float is its shortest text."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [exact(item) for item in value]
    return {key: exact(item) for key, item in value.items()} if isinstance(value, dict) else value


def typed(value: Any) -> Any:
    """A value of which equals are equal JSON: true is not 1, but 1 is 1.0."""
    if isinstance(value, list):
        return ("list", *map(typed, value))
    if isinstance(value, dict):
        return ("object", frozenset((key, typed(item)) for key, item in value.items()))
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value), value)
    return ("number", value)


def items(value: Any) -> list[Any]:
    """A value, or what is in a list however deep."""
    return [x for item in value for x in items(item)] if isinstance(value, list) else [value]


STEPS: dict[str, list[str | int]] = {
    **{path: [path] for path in ("a", "b", "é")},
    '["a.b"]': ["a.b"],
    '["k\\""]': ['k"'],
    '["0"]': ["0"],
    "a.b": ["a", "b"],
    "b.a": ["b", "a"],
    "a[0]": ["a", 0],
    "a[1].b": ["a", 1, "b"],
    "b[0][0]": ["b", 0, 0],
    "": [],
    f'["{"key" * 90}"]': ["key" * 90],
    "a.a.b": ["a", "a", "b"],
    "a[0].a": ["a", 0, "a"],
    "é.b[1]": ["é", "b", 1],
}


def at(value: Any, steps: list[str | int]) -> list[Any]:
    if value is NOTHING:
        return []
    for step in steps:
        return [
            found
            for each in (items(value) if isinstance(step, str) else [value])
            if (isinstance(each, dict) and step in each)
            or (isinstance(each, list) and isinstance(step, int) and step < len(each))
            for found in at(each[step], steps[1:])
        ]
    return [value]


def comparable(left: Any, right: Any) -> bool:
    return typed(left)[0] == typed(right)[0] and typed(left)[0] in {"number", str}


SIGNS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def passes(value: Any, name: str, operand: Any) -> bool:
    match name:
        case "eq":
            return typed(value) == typed(exact(operand))
        case "in":
            return typed(value) in map(typed, map(exact, operand))
        case "contains":
            return any(isinstance(item, str) and operand in item for item in items(value))
        case _:
            return comparable(value, operand) and SIGNS[name](value, exact(operand))


def json_holds(value: Any, asked: Filter) -> bool:
    found = at(value, STEPS[asked["path"]])
    tests = {k: v for k, v in asked.items() if k not in {"path", "neq", "exists"}}
    return (
        (not tests or any(all(passes(v, *test) for test in tests.items()) for v in found))
        and ("neq" not in asked or not any(passes(v, "eq", asked["neq"]) for v in found))
        and ("exists" not in asked or bool(found) == asked["exists"])
    )


def judged(feedback: FeedbackArrival, asked: Filter) -> bool:
    score, comment = asked.get("score", {}), asked.get("comment", {})
    return (
        feedback.key == asked["key"]
        and all(SCORE[name](feedback.score, operand) for name, operand in score.items())
        and all(SCORE[name](feedback.comment, operand) for name, operand in comment.items())
        and ("value" not in asked or json_holds(read(feedback.value), asked["value"]))
    )


SCORE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, operand: value is not None and value == operand,
    "neq": lambda value, operand: value != operand,
    "gte": lambda value, operand: value is not None and value >= operand,
    "contains": lambda value, operand: value is not None and operand in value,
    "isNull": lambda value, operand: (value is None) == operand,
}


def metadata_of(run: Told) -> Any:
    extra = read(run.arrival.extra)
    return extra.get("metadata", NOTHING) if isinstance(extra, dict) else NOTHING


def holds(run: Told, where: Filter) -> bool:
    return all(_holds(run, name, asked) for name, asked in where.items())


def _holds(run: Told, name: str, asked: Any) -> bool:  # noqa: PLR0911, PLR0912
    arrival = run.arrival
    match name:
        case "and":
            return all(holds(run, part) for part in asked)
        case "or":
            return any(holds(run, part) for part in asked)
        case "not":
            return not holds(run, asked)
        case "tags":
            mine, meaning = set(arrival.tags or ()), {"hasAll": all, "hasAny": any}
            return all(
                meaning[how](tag in mine for tag in tags)
                if how in meaning
                else mine.isdisjoint(tags)
                for how, tags in asked.items()
            )
        case "inputs":
            return all(json_holds(read(arrival.inputs), each) for each in asked)
        case "outputs":
            return all(json_holds(read(arrival.outputs), each) for each in asked)
        case "metadata":
            return all(json_holds(metadata_of(run), each) for each in asked)
        case "feedback":
            return all(
                any(judged(feedback, each) for feedback in run.feedback) == each.get("exists", True)
                for each in asked
            )
        case "rootRun":
            return holds(run.root, asked)
        case "parentRun":
            return run.parent is not None and holds(run.parent, asked)
        case "anyChildRun":
            return any(holds(child, asked) for child in run.children)
        case "anyDescendant":
            return any(holds(other, asked) for other in run.below)
        case "anyRunInTrace":
            return any(holds(other, asked) for other in (run.root, *run.root.below))
        case "name":
            return arrival.name == asked["eq"]
        case "isRoot":
            return (run.parent is None) == asked
        case "status":
            ended = "SUCCESS" if arrival.end_time else "PENDING"
            return asked["eq"] == ("ERROR" if arrival.error else ended)
    raise AssertionError(name)


# -- filters --------------------------------------------------------------------------------

ORDERABLE = [each for each in OPERANDS if type(each) in {int, float, str}]
JSON_FILTERS = st.fixed_dictionaries(
    {"path": st.sampled_from(PATHS)},
    optional={
        **{name: st.sampled_from(OPERANDS) for name in ("eq", "neq")},
        "in": st.lists(st.sampled_from(OPERANDS), max_size=3),
        **{name: st.sampled_from(ORDERABLE) for name in ("gt", "gte", "lt", "lte")},
        "contains": st.sampled_from(["", "a", "é", '"%', "A"]),
        "exists": st.booleans(),
    },
)
TAG_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from(TAGS), max_size=3)
        for name in ("hasAll", "hasAny", "hasNone")
    },
)
FEEDBACK_FILTERS = st.fixed_dictionaries(
    {"key": st.sampled_from(["good", "Good", "", "nobody"])},
    optional={
        "score": st.sampled_from([{"eq": 0.5}, {"gte": 0.5}, {"neq": 1}, {"isNull": True}]),
        "comment": st.sampled_from([{"eq": ""}, {"contains": "ine"}, {"isNull": False}]),
        "value": JSON_FILTERS,
        "exists": st.booleans(),
    },
)
SIMPLE = st.one_of(
    st.fixed_dictionaries({"tags": TAG_FILTERS}),
    *[
        st.fixed_dictionaries({name: st.lists(JSON_FILTERS, min_size=1, max_size=2)})
        for name in ("metadata", "inputs", "outputs")
    ],
    st.fixed_dictionaries({"feedback": st.lists(FEEDBACK_FILTERS, min_size=1, max_size=2)}),
    st.sampled_from([{"name": {"eq": "x"}}, {"isRoot": True}, {"status": {"eq": "ERROR"}}]),
)
TREES = ("rootRun", "parentRun", "anyChildRun", "anyDescendant", "anyRunInTrace")
FILTERS = st.recursive(
    SIMPLE,
    lambda some: st.one_of(
        st.lists(some, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(some, max_size=3).map(lambda parts: {"or": parts}),
        some.map(lambda part: {"not": part}),
        *[some.map(lambda part, name=name: {name: part}) for name in TREES],
        st.tuples(some, some).map(lambda both: both[0] | both[1]),
    ),
    max_leaves=6,
)


# -- the two side by side -------------------------------------------------------------------


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [World(seed) for seed in range(WORLDS)]


@pytest.fixture(scope="module")
def client(
    database: str, open_empty: Callable[[str], Store], worlds: list[World]
) -> Iterator[TestClient]:
    store = open_empty(database)
    with store._engine.begin() as connection:
        for world in worlds:
            (outcome,) = fold(connection, [world.batch()], NOON)
            assert not outcome.refused, outcome.refused
    with TestClient(create_app(Settings(), store, upkeep=False)) as client:
        yield client
    store.close()


def ids(client: TestClient, world: World, where: Filter) -> set[UUID]:
    query = """query($project: String!, $where: RunFilter!) {
      runs(where: {and: [{projectName: {eq: $project}}, $where]}, first: 1000) { nodes { id } }
    }"""
    sent = {"query": query, "variables": {"project": world.name, "where": where}}
    found = client.post("/graphql", json=sent).json()
    assert "errors" not in found, found["errors"]
    nodes = found["data"]["runs"]["nodes"]
    assert len({node["id"] for node in nodes}) == len(nodes)
    return {UUID(node["id"]) for node in nodes}


def check(client: TestClient, world: World, where: Filter) -> None:
    expected = {run.arrival.id for run in world.runs if holds(run, where)}
    assert ids(client, world, where) == expected


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, WORLDS - 1), where=FILTERS)
def test_filters_mean_in_sql_what_they_mean_in_python(
    client: TestClient, worlds: list[World], seed: int, where: Filter
):
    check(client, worlds[seed], where)


@pytest.mark.parametrize("name", ["eq", "neq", "in", "gt", "gte", "lt", "lte"])
def test_each_operator_of_json_takes_each_operand(
    client: TestClient, worlds: list[World], name: str
):
    for operand in OPERANDS if name in {"eq", "neq", "in"} else ORDERABLE:
        asked = {"path": "a", name: [operand] if name == "in" else operand}
        for source in ("metadata", "inputs"):
            check(client, worlds[0], {source: [asked]})
