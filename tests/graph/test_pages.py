"""Pages of a list: what each argument means, and what is refused."""

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest

PAGE = "nodes { name } edges { cursor node { name } } pageInfo { ...Info }"
INFO = "fragment Info on PageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
NAMES = ["e", "d", "c", "b", "a"]
"""As `runs` has them: newest first."""


@pytest.fixture(autouse=True)
def _five_runs(add: Callable[..., Any]) -> None:
    for at, name in enumerate(reversed(NAMES)):
        add(name, at=at)


@pytest.fixture
def runs(ask: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Ask for a page of runs."""
    return lambda arguments="": ask(
        f"{{ runs{f'({arguments})' if arguments else ''} {{ {PAGE} }} }} {INFO}"
    )["runs"]


@pytest.fixture
def refusal(answer: Callable[..., Any]) -> Callable[[str], str]:
    """Ask for a page of runs that is refused; return why."""

    def refusal(arguments: str) -> str:
        found = answer(f"{{ runs({arguments}) {{ nodes {{ name }} }} }}")
        assert found["data"] == {"runs": None}
        (error,) = found["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        return error["message"]

    return refusal


@pytest.fixture
def cursors(runs: Callable[..., dict[str, Any]]) -> dict[str, str]:
    """The cursor of each run."""
    return {edge["node"]["name"]: edge["cursor"] for edge in runs()["edges"]}


def names(page: dict[str, Any]) -> list[str]:
    assert page["nodes"] == [edge["node"] for edge in page["edges"]]
    return [node["name"] for node in page["nodes"]]


def more(page: dict[str, Any]) -> tuple[bool, bool]:
    """Whether there is something before and after the page."""
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def test_a_list_without_arguments_begins_at_its_beginning(runs: Callable[..., Any]):
    page = runs()

    assert names(page) == NAMES
    assert more(page) == (False, False)


@pytest.mark.parametrize(
    ("arguments", "expected", "around"),
    [
        ("first: 2", ["e", "d"], (False, True)),
        ("first: 5", NAMES, (False, False)),
        ("first: 4", ["e", "d", "c", "b"], (False, True)),
        ("first: 1000", NAMES, (False, False)),
        ("last: 2", ["b", "a"], (True, False)),
        ("last: 5", NAMES, (False, False)),
        ('first: 2, after: "{e}"', ["d", "c"], (True, True)),
        ('first: 3, after: "{d}"', ["c", "b", "a"], (True, False)),
        ('first: 2, after: "{a}"', [], (True, False)),
        ('last: 2, before: "{c}"', ["e", "d"], (False, True)),
        ('last: 1, before: "{c}"', ["d"], (True, True)),
        ('last: 1, before: "{e}"', [], (False, True)),
        ('before: "{c}"', ["e", "d"], (False, True)),
        ('first: 1, before: "{c}"', ["e"], (False, True)),
        ('first: 10, after: "{e}", before: "{a}"', ["d", "c", "b"], (True, True)),
        ('last: 2, after: "{e}", before: "{a}"', ["c", "b"], (True, True)),
        ('last: 10, after: "{e}", before: "{a}"', ["d", "c", "b"], (True, True)),
        ('after: "{b}", before: "{d}"', [], (True, True)),
        ("first: 2, after: null, last: null, before: null", ["e", "d"], (False, True)),
    ],
)
def test_a_page_holds_what_its_arguments_say(
    runs: Callable[..., Any],
    cursors: dict[str, str],
    arguments: str,
    expected: list[str],
    around: tuple[bool, bool],
):
    page = runs(arguments.format(**cursors))

    assert names(page) == expected
    assert more(page) == around


def test_the_ends_of_a_page_are_its_first_and_last_cursor(runs: Callable[..., Any]):
    for arguments in ("first: 3", "last: 3", "first: 1"):
        page = runs(arguments)
        info = page["pageInfo"]
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]


def test_a_page_of_no_rows_says_whether_there_are_any(runs: Callable[..., Any]):
    page = runs("first: 0")

    assert names(page) == []
    assert page["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }
    assert more(runs("last: 0")) == (True, False)


def test_a_cursor_stays_the_same_whatever_page_it_came_from(
    runs: Callable[..., Any], cursors: dict[str, str]
):
    for arguments in ("last: 3", "first: 2", f'last: 1, before: "{cursors["c"]}"'):
        page = runs(arguments)
        assert [cursors[name] for name in names(page)] == [e["cursor"] for e in page["edges"]]


def test_a_cursor_of_a_run_that_is_gone_still_marks_its_place(
    runs: Callable[..., Any], cursors: dict[str, str], store: Any
):
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM run WHERE name = 'c'")

    assert names(runs(f'first: 1, after: "{cursors["c"]}"')) == ["b"]
    assert names(runs(f'last: 1, before: "{cursors["c"]}"')) == ["d"]


def test_a_page_without_a_size_has_fifty_rows(add: Callable[..., Any], ask: Callable[..., Any]):
    for at in range(50):
        add(f"more{at}", at=at)

    page = ask("{ runs { totalCount nodes { id } pageInfo { hasNextPage } } }")["runs"]

    assert (page["totalCount"], len(page["nodes"])) == (55, 50)
    assert page["pageInfo"]["hasNextPage"]


def test_runs_that_began_together_are_ordered_by_id(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    for name in "xyz":
        add(name, at=9)

    ids = [each["id"] for each in ask("{ runs(first: 3) { nodes { id } } }")["runs"]["nodes"]]

    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("first: 1001", "first is 1001; at most 1000"),
        ("last: 2147483647", "last is 2147483647; at most 1000"),
        ("first: -1", "first is -1; at least 0"),
        ("last: -1", "last is -1; at least 0"),
        ("first: 3, last: 2", "first is 3 and last is 2; give one of them"),
    ],
)
def test_a_size_out_of_bounds_is_refused(
    refusal: Callable[[str], str], arguments: str, message: str
):
    assert refusal(arguments) == message


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "abc", "====", "\\u0000", "\\uD83C\\uDFC3", "x" * 5000),
        forged(),
        forged(1),
        forged(2, "-start_time,-id", "2026-01-01T00:00:00.000000Z", "x"),
        forged(1, "-start_time,-id"),
        forged(1, "-start_time,-id", None, None),
        forged(1, "-start_time,-id", 5, 5),
        forged(1, "-start_time,-id", "2026-01-01T00:00:00.000000Z", "no id"),
        forged(1, "-start_time,-id", "2026-01-01T00:00:00", "7d6f7f8a-51e9-4dff-909e-5dc9bd4f3c00"),
        forged(1, 5, "2026-01-01T00:00:00.000000Z", "7d6f7f8a-51e9-4dff-909e-5dc9bd4f3c00"),
        base64.b64encode(b"arrayconnection:5").decode(),
        base64.b64encode(b'"text"').decode(),
        base64.b64encode(b'{"a": 1}').decode(),
    ],
)
@pytest.mark.parametrize("argument", ["after", "before"])
def test_a_forged_cursor_is_refused_by_name(
    refusal: Callable[[str], str], argument: str, cursor: str
):
    message = refusal(f'{argument}: "{cursor}"')

    assert message.startswith(f"{argument} is no cursor of this API: ")
    assert len(message) < 400


def test_a_cursor_with_something_added_is_refused(
    refusal: Callable[[str], str], cursors: dict[str, str]
):
    for changed in (cursors["c"][:-1], cursors["c"] + "A", cursors["c"] + "="):
        assert refusal(f'after: "{changed}"').startswith("after is no cursor of this API")


def test_a_cursor_of_another_order_is_refused_by_the_orders_names(
    ask: Callable[..., Any], refusal: Callable[[str], str]
):
    found = ask("{ projects { edges { cursor } } }")["projects"]["edges"]

    assert refusal(f'after: "{found[0]["cursor"]}"') == (
        "after is a cursor of the order 'name,id'; this list has '-start_time,-id'"
    )


def test_a_cursor_of_another_list_of_the_same_order_marks_the_same_place(
    add: Callable[..., Any], ask: Callable[..., Any], cursors: dict[str, str]
):
    for at in range(5):
        add(f"other{at}", at=at + 0.5, session_name="other")

    found = ask(
        "query($after: String) "
        '{ project(by: {name: "other"}) { runs(first: 2, after: $after) { nodes { name } } } }',
        after=cursors["c"],
    )["project"]["runs"]

    assert [node["name"] for node in found["nodes"]] == ["other1", "other0"]


def test_a_refused_page_does_not_take_its_neighbours_with_it(answer: Callable[..., Any]):
    found = answer("{ bad: runs(first: -1) { totalCount } good: runs(first: 1) { totalCount } }")

    assert found["data"] == {"bad": None, "good": {"totalCount": 5}}
    assert [error["path"] for error in found["errors"]] == [["bad"]]


def test_a_wrong_size_inside_a_run_is_an_error_there(answer: Callable[..., Any]):
    found = answer(
        "{ runs(first: 1) { nodes { name childRunsConnection(first: -1) { totalCount } } } }"
    )

    assert found["data"] == {"runs": {"nodes": [{"name": "e", "childRunsConnection": None}]}}
    assert found["errors"][0]["path"] == ["runs", "nodes", 0, "childRunsConnection"]


def test_the_total_counts_the_whole_list_and_not_the_page(ask: Callable[..., Any]):
    found = ask('{ runs(first: 1, where: {name: {neq: "b"}}) { totalCount } }')

    assert found["runs"] == {"totalCount": 4}


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        ("first: 2", 5),
        ("last: 2", 5),
        ("first: 0", 5),
        ('after: "{a}"', 5),
        ('before: "{e}", last: 1', 5),
        ('first: 1, after: "{d}", orderBy: [{{field: NAME}}]', 5),
        ('where: {{name: {{in: ["a", "b"]}}}}', 2),
        ('where: {{name: {{eq: "z"}}}}', 0),
    ],
)
def test_all_rows_are_counted_beside_any_page(
    ask: Callable[..., Any], cursors: dict[str, str], arguments: str, total: int
):
    if "orderBy" in arguments:
        query = "{ runs(orderBy: [{field: NAME}]) { edges { cursor node { name } } } }"
        edges = ask(query)["runs"]["edges"]
        cursors = {edge["node"]["name"]: edge["cursor"] for edge in edges}

    page = ask(f"{{ runs({arguments.format(**cursors)}) {{ totalCount nodes {{ name }} }} }}")

    assert page["runs"]["totalCount"] == total


def test_pages_of_several_projects_each_are_in_the_order_that_is_asked(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    told = {project: [f"{project}{at * 7 % 20:02}" for at in range(20)] for project in "xyz"}
    for project, some in told.items():
        for at, name in enumerate(some):
            add(name, at=at, session_name=project)

    order = "orderBy: [{field: NAME, direction: DESC}], first: 15"
    found = ask(f"{{ projects {{ nodes {{ name runs({order}) {{ nodes {{ name }} }} }} }} }}")
    pages = {
        each["name"]: [run["name"] for run in each["runs"]["nodes"]]
        for each in found["projects"]["nodes"]
    }
    for project, some in told.items():
        assert pages[project] == sorted(some, reverse=True)[:15]
