"""What filters mean: each operator of each field, next to the same written in Python."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import run_id

Filter = dict[str, Any]
Meaning = Callable[[Any, Any], bool]

ALL = """{ runs(first: 1000) { nodes {
  id traceId parentRunId sessionId referenceExampleId isRoot name runType status error model
  threadId startTime endTime firstTokenTime latency timeToFirstToken promptTokens
  completionTokens totalTokens promptCost completionCost totalCost project { name }
} } }"""


def like(value: str, pattern: str) -> bool:
    """SQL's LIKE: % is any text, _ any character, a backslash takes the next one as it is."""
    found = re.findall(r"\\.|.", pattern, re.DOTALL)
    parts = [{"%": ".*", "_": "."}.get(each) or re.escape(each[-1]) for each in found]
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def present(meaning: Meaning) -> Meaning:
    """False of missing values."""
    return lambda value, operand: value is not None and meaning(value, operand)


EQUALITY: Mapping[str, Meaning] = {
    "eq": present(lambda value, operand: value == operand),
    "neq": lambda value, operand: value != operand,
    "in": present(lambda value, operand: value in operand),
    "notIn": lambda value, operand: value not in operand,
    "isNull": lambda value, operand: (value is None) == operand,
}
ORDER: Mapping[str, Meaning] = {
    "gt": present(lambda value, operand: value > operand),
    "gte": present(lambda value, operand: value >= operand),
    "lt": present(lambda value, operand: value < operand),
    "lte": present(lambda value, operand: value <= operand),
}
TEXT: Mapping[str, Meaning] = {
    "contains": present(lambda value, operand: operand in value),
    "iContains": present(lambda value, operand: operand.lower() in value.lower()),
    "startsWith": present(lambda value, operand: value.startswith(operand)),
    "endsWith": present(lambda value, operand: value.endswith(operand)),
    "like": present(like),
    "notLike": lambda value, operand: value is None or not like(value, operand),
}
NUMBER = {name: EQUALITY[name] for name in ("eq", "neq", "isNull")} | ORDER
MOMENT = {name: EQUALITY[name] for name in ("eq", "isNull")} | ORDER
STATUS = {name: EQUALITY[name] for name in ("eq", "neq", "in", "notIn")}


class Field(NamedTuple):
    """A field of the filter: its operators, operands to try, and how both compare."""

    operators: Mapping[str, Meaning]
    operands: tuple[Any, ...]
    compared: Callable[[Any], Any] = lambda value: value


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


IDS = (run_id("plain"), run_id("finished"), run_id("nobody"), run_id("plain").upper())
TEXTS = (
    "plain",
    "",
    "100%",
    "1%",
    "a_b",
    "_",
    "%",
    "back\\slash",
    "\\",
    "Straße",
    "UPPER",
    "upper",
)
PATTERNS = ("%", "", "plain", "p%n", "100\\%", "100%", "a_b", "a\\_b", "back\\\\slash", "%\\%", "_")
TIMES = (
    *("2026-01-01T12:00:00Z", "2026-01-01T12:00:02.5Z", "2026-01-01T14:00:02+02:00"),
    "0999-01-01T00:00:00Z",
)
FIELDS: dict[str, Field] = {
    **{
        name: Field(EQUALITY, IDS, str.lower)
        for name in ("id", "traceId", "parentRunId", "referenceExampleId")
    },
    **{name: Field(EQUALITY | TEXT, TEXTS) for name in ("name", "error", "model", "threadId")},
    "runType": Field(EQUALITY | TEXT, ("chain", "llm", "CHAIN", "")),
    "projectName": Field(EQUALITY | TEXT, ("p", "q", "P", "")),
    "status": Field(STATUS, ("SUCCESS", "ERROR", "PENDING")),
    "startTime": Field(MOMENT, TIMES, moment),
    "endTime": Field(MOMENT, TIMES, moment),
    "firstTokenTime": Field(MOMENT, TIMES, moment),
    "latency": Field(NUMBER, (0.0, 1.0, 2.5, -1.0)),
    "timeToFirstToken": Field(NUMBER, (0.5, 1)),
    **{
        name: Field(NUMBER, (0, 10, 30, 2**40, -1))
        for name in ("promptTokens", "completionTokens", "totalTokens")
    },
    **{
        name: Field(NUMBER, ("0", "0.000001", "0.0000010", "1e-6", "3", "1e15", "-1e15"), Decimal)
        for name in ("promptCost", "completionCost", "totalCost")
    },
}


@pytest.fixture(autouse=True)
def _runs(add: Callable[..., Any]) -> None:
    """Runs in which each field is here missing, there odd, and now and then equal."""
    plain = add("plain", extra={"metadata": {"ls_model_name": "plain", "thread_id": "plain"}})
    add("", at=1, parent=plain, error="", end_time=None)
    add("100%", at=2, parent=plain, error="100%", reference_example_id=plain.id)
    add("1000", at=2, parent=plain, error="1000", session_name="q")
    add("a_b", at=2.5, error="aXb", extra={"metadata": {"ls_model_name": "a_b"}}, session_name="q")
    add("aXb", at=2.5, error="a_b", extra={"metadata": {"session_id": "upper"}})
    add("back\\slash", at=3, error="\\", extra={"metadata": {"ls_model_name": "back\\slash"}})
    add("Straße", at=4, error="Straße\nnach %", session_name="straße")
    add("UPPER", at=5, error="plain\nUPPER")
    add("upper", at=5, error="upper", end_time=None)
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    costs = {"prompt_cost": "0.000001", "completion_cost": "2.999999", "total_cost": "3"}
    token = {"name": "new_token", "time": "2026-01-01T12:00:06.500000+00:00"}
    add("llm", at=6, run_type="llm", usage=usage | costs, events=[token])
    add("more", at=6, run_type="llm", usage=dict.fromkeys(usage, 2**40), parent=plain)


@pytest.fixture
def everything(ask: Callable[..., Any]) -> list[dict[str, Any]]:
    """All runs, as the API tells them."""
    found = ask(ALL)["runs"]["nodes"]
    return [run | {"projectName": run["project"]["name"]} for run in found]


@pytest.fixture
def matching(ask: Callable[..., Any]) -> Callable[[Filter | None], list[str]]:
    """Ask which runs match a filter."""

    def matching(where: Filter | None) -> list[str]:
        query = (
            "query($where: RunFilter) { runs(where: $where, first: 1000) { nodes { id }"
            " totalCount } }"
        )
        found = ask(query, where=where)["runs"]
        assert found["totalCount"] == len(found["nodes"])
        return [run["id"] for run in found["nodes"]]

    return matching


def holds(run: dict[str, Any], where: Filter) -> bool:
    """What a filter means, in Python."""
    return all(_holds(run, name, asked) for name, asked in where.items())


def _holds(run: dict[str, Any], name: str, asked: Any) -> bool:
    match name:
        case "and":
            return all(holds(run, part) for part in asked)
        case "or":
            return any(holds(run, part) for part in asked)
        case "not":
            return not holds(run, asked)
        case "isRoot":
            return run["isRoot"] == asked
    field = FIELDS[name]
    return all(
        field.operators[operator](_compared(field, run[name]), _compared(field, operand))
        for operator, operand in asked.items()
    )


def _compared(field: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [field.compared(each) for each in value]
    return value if value is None or isinstance(value, bool) else field.compared(value)


def attempts(field: Field) -> list[tuple[str, Any]]:
    """Each operator with each operand that it takes."""
    tests: list[tuple[str, Any]] = []
    for operator in field.operators:
        match operator:
            case "isNull":
                tests += [(operator, True), (operator, False)]
            case "in" | "notIn":
                lists = [], list(field.operands[:1]), list(field.operands[:3]), list(field.operands)
                tests += [(operator, some) for some in lists]
            case "like" | "notLike":
                tests += [(operator, pattern) for pattern in PATTERNS]
            case _:
                tests += [(operator, operand) for operand in field.operands]
    return tests


@pytest.mark.parametrize("name", FIELDS)
def test_each_operator_of_a_field_means_what_it_does_in_python(
    everything: list[dict[str, Any]],
    matching: Callable[[Filter | None], list[str]],
    name: str,
):
    wrong = []
    for operator, operand in attempts(FIELDS[name]):
        where = {name: {operator: operand}}
        expected = [run["id"] for run in everything if holds(run, where)]
        found = matching(where)
        if found != expected:
            names = {run["id"]: run[name] for run in everything}
            wrong.append((where, [names[id] for id in set(found) ^ set(expected)]))

    assert wrong == []


SIMPLE = st.one_of(
    st.just({}),
    st.booleans().map(lambda is_root: {"isRoot": is_root}),
    *[st.sampled_from([{n: {op: o}} for op, o in attempts(FIELDS[n])]) for n in FIELDS],
)
FILTERS = st.recursive(
    SIMPLE,
    lambda some: st.one_of(
        st.lists(some, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(some, max_size=3).map(lambda parts: {"or": parts}),
        some.map(lambda part: {"not": part}),
        st.tuples(some, some).map(lambda both: both[0] | both[1]),
    ),
    max_leaves=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=FILTERS)
def test_filters_join_as_they_do_in_python(
    everything: list[dict[str, Any]],
    matching: Callable[[Filter | None], list[str]],
    where: Filter,
):
    assert matching(where) == [run["id"] for run in everything if holds(run, where)]


@pytest.mark.parametrize(
    "where", [None, {}, {"and": []}, {"and": [{}]}, {"or": [{}]}, {"name": {}}]
)
def test_a_filter_that_asks_nothing_matches_all(
    everything: list[dict[str, Any]],
    matching: Callable[[Filter | None], list[str]],
    where: Filter | None,
):
    assert len(matching(where)) == len(everything)


@pytest.mark.parametrize("where", [{"or": []}, {"not": {}}, {"name": {"in": []}}])
def test_a_filter_that_nothing_satisfies_matches_nothing(
    matching: Callable[[Filter | None], list[str]], where: Filter
):
    assert matching(where) == []


@pytest.mark.parametrize("size", [1, 2, 5, 17, 100, 1000])
def test_a_list_may_be_of_any_length_up_to_a_thousand(
    matching: Callable[[Filter | None], list[str]], size: int
):
    names = [f"nobody {n}" for n in range(size - 1)] + ["plain"]

    assert matching({"name": {"in": names}}) == [run_id("plain")]
    assert run_id("plain") not in matching({"name": {"notIn": names}})


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ('{id: {eq: "x"}}', "id.eq is 'x'; a UUID is wanted"),
        ('{parentRunId: {notIn: ["x"]}}', "parentRunId.notIn is 'x'; a UUID is wanted"),
        ("{name: {eq: null}}", "name.eq is null; use isNull to ask for missing values"),
        ("{name: {in: null}}", "name.in is null; use isNull to ask for missing values"),
        ("{latency: {gt: null}}", "latency.gt is null; use isNull to ask for missing values"),
        (
            "{traceId: {isNull: null}}",
            "traceId.isNull is null; use isNull to ask for missing values",
        ),
        ("{status: {eq: null}}", "status.eq is null; use isNull to ask for missing values"),
        (
            "{isRoot: null}",
            "isRoot is null; leave it out, or use isNull to ask for missing values",
        ),
        ("{not: null}", "not is null; leave it out, or use isNull to ask for missing values"),
        ("{or: [{name: {eq: null}}]}", "name.eq is null; use isNull to ask for missing values"),
    ],
)
def test_a_filter_that_can_not_be_meant_is_refused_by_name(
    answer: Callable[..., Any], where: str, message: str
):
    found = answer(f"{{ runs(where: {where}) {{ nodes {{ id }} }} }}")

    assert found["data"] == {"runs": None}
    assert [error["message"] for error in found["errors"]] == [message]
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_too_long_a_list_is_refused(answer: Callable[..., Any]):
    query = "query($names: [String!]) { runs(where: {name: {in: $names}}) { totalCount } }"

    found = answer(query, names=["a"] * 1001)

    assert found["errors"][0]["message"] == "name.in has 1001 values; at most 1000"


@pytest.mark.parametrize(
    "where",
    [
        '{startTime: {gt: "yesterday"}}',
        "{startTime: {gt: 5}}",
        '{totalTokens: {gt: "many"}}',
        "{totalTokens: {gt: 9223372036854775808}}",
        '{totalCost: {gt: "a lot"}}',
        '{totalCost: {gt: "NaN"}}',
        '{totalCost: {gt: "1e999999999"}}',
        '{totalCost: {gt: "0.0000000000001"}}',
        '{startTime: {gt: "0001-01-01T00:00:00+05:00"}}',
        "{isRoot: 1}",
        "{status: {eq: DONE}}",
        "{name: {eq: 5}}",
        "{unknown: {eq: 5}}",
    ],
)
def test_an_operand_of_another_type_is_refused_before_anything_is_read(
    answer: Callable[..., Any], where: str
):
    found = answer(f"{{ runs(where: {where}) {{ nodes {{ id }} }} }}")

    assert found["errors"][0]["extensions"]["code"] in {
        "GRAPHQL_VALIDATION_FAILED",
        "BAD_USER_INPUT",
    }
    assert found["extensions"]["rungraph"]["statements"] == []


def test_a_filter_works_wherever_runs_are_listed(ask: Callable[..., Any]):
    found = ask(
        """query($id: ID!, $where: RunFilter) {
          run(id: $id) {
            childRuns(where: $where) { name }
            childRunsConnection(where: $where) { nodes { name } totalCount }
            descendants(where: $where) { nodes { name } totalCount }
            trace { runs(where: $where) { nodes { name } } }
            project { runs(where: $where) { totalCount } }
          }
        }""",
        id=run_id("plain"),
        where={"totalTokens": {"gt": 30}, "isRoot": False},
    )["run"]

    more = {"nodes": [{"name": "more"}]}
    assert found == {
        "childRuns": [{"name": "more"}],
        "childRunsConnection": more | {"totalCount": 1},
        "descendants": more | {"totalCount": 1},
        "trace": {"runs": more},
        "project": {"runs": {"totalCount": 1}},
    }


def test_projects_are_filtered_by_name(ask: Callable[..., Any]):
    query = 'projects(where: {name: {in: ["p", "straße", "nobody"]}}) { nodes { name } totalCount }'

    assert ask(f"{{ {query} }}")["projects"] == {
        "nodes": [{"name": "p"}, {"name": "straße"}],
        "totalCount": 2,
    }


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that look at the time at every step, and have none."""
    monkeypatch.setattr("db.readers._STEPS", 1)
    monkeypatch.setattr("db.readers.PATIENCE", 1e-6)
    monkeypatch.setattr("db.readers.LONGEST", 1e-6)


@pytest.mark.parametrize(
    ("where", "advice"),
    [
        ("{}", "add a projectName or startTime condition"),
        ('{name: {contains: "x"}}', "add a projectName or startTime condition"),
        ('{projectName: {eq: "p"}}', "add a startTime condition"),
        ('{startTime: {gt: "2026-01-01T00:00:00Z"}}', "add a projectName condition"),
        (
            '{projectName: {eq: "p"}, and: [{startTime: {gt: "2026-01-01T00:00:00Z"}}]}',
            "narrow the range of startTime, or add a condition on tags, metadata or threadId",
        ),
    ],
)
@pytest.mark.only_on("sqlite", reason="the limit that is set here is its own")
@pytest.mark.usefixtures("hurried")  # before a connection is opened
def test_what_takes_too_long_says_which_condition_to_add(
    answer: Callable[..., Any], add: Callable[..., Any], where: str, advice: str
):
    add("slow", inputs={"list": [{"a": n} for n in range(200)]})
    slow = f'{{and: [{where}, {{inputs: [{{path: "list.a", eq: 1000}}]}}]}}'

    found = answer(f"{{ runs(where: {slow}) {{ totalCount }} }}")

    assert found["data"] == {"runs": {"totalCount": None}}
    (error,) = found["errors"]
    assert error["message"] == f"the read took more than 1e-06 s; {advice}"
    assert error["extensions"]["code"] == "TIMEOUT"


def test_a_filter_that_is_too_much_at_once_is_refused(answer: Callable[..., Any]):
    query = "query($where: RunFilter) { runs(where: $where) { totalCount } }"
    many = {"or": [{"name": {"eq": "a"}}] * 251}
    deep: Filter = {"name": {"eq": "a"}}
    for _ in range(9):
        deep = {"anyChildRun": deep}

    messages = [answer(query, where=each)["errors"][0]["message"] for each in (many, deep)]

    assert messages == [
        "where has 251 tests; at most 250",
        "where nests 81 deep, a relation counting 9; at most 72",
    ]


@pytest.mark.parametrize("size", range(1, 9))
def test_what_is_not_too_deep_is_answered(answer: Callable[..., Any], size: int):
    query = """query($where: RunFilter) {
      runs(where: $where, orderBy: [{field: FEEDBACK_SCORE, feedbackKey: "k"}]) {
        totalCount nodes { inputs }
      }
    }"""
    where: Filter = {"feedback": [{"key": "k", "value": {"path": "a", "eq": [1]}}]}
    for at in range(size):
        where = {"or": [{"name": {"eq": "x"}}, {"not": {TREES[at % len(TREES)]: where}}]}

    found = answer(query, where=where)

    refused = [error["message"] for error in found.get("errors", ())]
    assert refused == [] or " deep, a relation counting 9; at most 72" in refused[0]
    assert (refused == []) == (size <= 4)


TREES = ("rootRun", "parentRun", "anyChildRun", "anyDescendant", "anyRunInTrace")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ('{metadata: [{path: "a", eq: null}]}', "metadata.eq is null; use exists to ask for what"),
        ('{inputs: [{path: "a", gt: true}]}', "inputs.gt is boolean; a number or a text is wanted"),
        ('{inputs: [{path: "a", lt: [1]}]}', "inputs.lt is array; a number or a text is wanted"),
        ('{inputs: [{path: "a..b", eq: 1}]}', "path 'a..b' is wrong at character 2"),
        ("{tags: {hasAny: null}}", "tags.hasAny is null; leave it out"),
        ('{feedback: [{key: "k", score: null}]}', "feedback.score is null; leave it out"),
        ("{rootRun: null}", "rootRun is null; leave it out"),
        ("{metadata: null}", "metadata is null; leave it out"),
        ('{expression: "eq(nome, 1)"}', "expression, line 1, column 4: 'nome' is no field"),
    ],
)
def test_what_can_not_be_asked_of_json_tags_and_trees_is_refused(
    answer: Callable[..., Any], where: str, message: str
):
    found = answer(f"{{ runs(where: {where}) {{ nodes {{ id }} }} }}")

    assert found["errors"][0]["message"].startswith(message)
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("[{field: FEEDBACK_SCORE}]", "orderBy by FEEDBACK_SCORE has no feedbackKey; the key of"),
        ('[{field: NAME, feedbackKey: "k"}]', "orderBy by NAME has a feedbackKey; only FEEDBACK"),
        (f"[{'{field: NAME} ' * 9}]", "orderBy has 9 keys; at most 8"),
    ],
)
def test_an_order_that_can_not_be_meant_is_refused(
    answer: Callable[..., Any], order: str, message: str
):
    found = answer(f"{{ runs(orderBy: {order}) {{ nodes {{ id }} }} }}")

    assert found["errors"][0]["message"].startswith(message)


def test_a_cursor_of_another_order_is_refused_by_name(answer: Callable[..., Any]):
    page = "edges { cursor }"
    found = answer(f"{{ runs(first: 1, orderBy: [{{field: LATENCY}}]) {{ {page} }} }}")
    cursor = found["data"]["runs"]["edges"][0]["cursor"]

    (error,) = answer(f'{{ runs(after: "{cursor}") {{ {page} }} }}')["errors"]

    assert error["message"] == (
        "after is a cursor of the order '-latency nulls last,-id'; this list has '-start_time,-id'"
    )
