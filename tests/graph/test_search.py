"""Search over GraphQL: what it finds, beside which other tests, how far it reads, where it hit."""

import time
from typing import Any

import pytest

from db import compiler, full_text, search_walk

BOTH_ENGINES = True

NAMES = "query($where: RunFilter) { runs(where: $where) { nodes { name } } }"
HIT = "searchHit { field snippet highlights { start end } }"


@pytest.fixture
def found(ask):
    """Return the names of the runs that a filter finds, newest first."""

    def found(search: str | None = None, **where: Any) -> list[str]:
        where |= {"search": search} if search is not None else {}
        return [node["name"] for node in ask(NAMES, where=where)["runs"]["nodes"]]

    return found


@pytest.fixture
def support(add, index, engine):
    """Three runs of a support agent, one of another project."""
    add("refund", at=1, inputs={"q": "Where is my café order 4711?"}, outputs={"a": "On its way"})
    add("retrieve_docs", at=2, error="TimeoutError: the index was too slow", inputs={"q": "refund"})
    add("greeting", at=3, outputs={"a": "Hello, Zoë! Your order is on its way."})
    add("other", at=4, session_name="q", extra={"metadata": {"customer": "Zoë", "tier": "gold"}})
    index()


@pytest.fixture(params=["few matches", "many matches"])
def many(request, monkeypatch):
    """Statements as they are, then such as hold where more match than are listed at once."""
    kept = [each for each in vars(compiler).values() if hasattr(each, "cache_clear")]
    if request.param == "many matches":
        monkeypatch.setattr(full_text, "RARE", 0)
        monkeypatch.setattr(search_walk, "FEW", 0)
        monkeypatch.setattr(search_walk, "NEXT", 0)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


@pytest.mark.usefixtures("support", "many")
@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("order", ["greeting", "refund"]),
        ("ORDER", ["greeting", "refund"]),
        ("cafe", ["refund"]),
        ("café", ["refund"]),
        ("4711", ["refund"]),
        ("zoe", ["other", "greeting"]),
        ("zoe gold", ["other"]),
        ("refund", ["retrieve_docs", "refund"]),
        ('"on its way"', ["greeting", "refund"]),
        ('"its on way"', []),
        ("time*", ["retrieve_docs"]),
        ('"your ord"*', ["greeting"]),
        ("order -zoe", ["refund"]),
        ('order -"your order" ', ["refund"]),
        ("retrieve_docs", ["retrieve_docs"]),
        ("docs", ["retrieve_docs"]),
        ("nothing", []),
        ("q", []),
    ],
)
def test_a_search_finds_words_phrases_and_beginnings(found, search, names):
    assert found(search) == names


@pytest.mark.usefixtures("support", "many")
def test_a_search_stands_among_other_tests(found):
    assert found("zoe", projectName={"eq": "q"}) == ["other"]
    assert found("zoe", projectName={"eq": "nobody's"}) == []
    assert found("refund", status={"eq": "ERROR"}) == ["retrieve_docs"]
    assert found("order", startTime={"lt": "2026-01-01T12:00:03Z"}) == ["refund"]
    assert found("order", startTime={"gte": "2026-01-01T12:00:03Z"}) == ["greeting"]
    assert found(**{"not": {"search": "order"}}) == ["other", "retrieve_docs"]
    assert found(**{"or": [{"search": "gold"}, {"search": "4711"}]}) == ["other", "refund"]
    assert found("order", **{"and": [{"search": "zoe"}]}) == ["greeting"]
    assert found("order", id={"in": []}) == []


@pytest.mark.usefixtures("many")
def test_a_search_reaches_through_the_tree(add, index, found):
    root = add("root", at=1)
    middle = add("middle", at=2, parent=root, inputs={"q": "needle"})
    add("leaf", at=3, parent=middle)
    add("alone", at=4)
    index()

    assert found(anyRunInTrace={"search": "needle"}) == ["leaf", "middle", "root"]
    assert found(isRoot=True, anyRunInTrace={"search": "needle"}) == ["root"]
    assert found(parentRun={"search": "needle"}) == ["leaf"]
    assert found(anyDescendant={"search": "needle"}) == ["root"]
    assert found(**{"not": {"anyRunInTrace": {"search": "needle"}}}) == ["alone"]


def test_lists_of_a_trace_and_a_project_are_searched(add, index, ask):
    root = add("root", at=1)
    add("a", at=2, parent=root, inputs={"q": "needle"})
    add("b", at=3, parent=root)
    index()
    query = """query($id: ID!) {
      run(id: $id) {
        childRuns(where: {search: "needle"}) { name }
        childRunsConnection(where: {search: "needle"}) { totalCount nodes { name } }
        descendants(where: {search: "-needle b"}) { nodes { name } }
      }
      trace(traceId: $id) { runs(where: {search: "needle"}) { totalCount nodes { name } } }
      project(by: {name: "p"}) { runs(where: {search: "needle"}) { totalCount nodes { name } } }
    }"""

    one = {"totalCount": 1, "nodes": [{"name": "a"}]}
    assert ask(query, id=str(root.id)) == {
        "run": {
            "childRuns": [{"name": "a"}],
            "childRunsConnection": one,
            "descendants": {"nodes": [{"name": "b"}]},
        },
        "trace": {"runs": one},
        "project": {"runs": one},
    }


@pytest.mark.usefixtures("many")
def test_pages_of_a_search_are_the_whole(add, index, ask):
    for at in range(20):
        add(f"run {at}", at=at // 7 / 1000, outputs={"a": "half" if at % 2 else "other"})
    index()
    query = """query($first: Int, $after: String, $last: Int, $before: String) {
      runs(where: {search: "half"}, first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }"""
    whole = ask(query)["runs"]
    assert whole["totalCount"] == len(whole["nodes"]) == 10
    plain = [each["name"] for each in ask("{ runs { nodes { name } } }")["runs"]["nodes"]]
    assert [each["name"] for each in whole["nodes"]] == [n for n in plain if int(n[4:]) % 2]

    forward, page = [], {"pageInfo": {"endCursor": None, "hasNextPage": True}}
    while page["pageInfo"]["hasNextPage"]:
        page = ask(query, first=3, after=page["pageInfo"]["endCursor"])["runs"]
        forward += page["nodes"]
    backward, page = [], {"pageInfo": {"startCursor": None, "hasPreviousPage": True}}
    while page["pageInfo"]["hasPreviousPage"]:
        page = ask(query, last=3, before=page["pageInfo"]["startCursor"])["runs"]
        backward = page["nodes"] + backward

    assert forward == backward == whole["nodes"]


def test_other_orders_are_searched_too(add, index, ask):
    for at, name in enumerate(("b", "c", "a")):
        add(name, at=at, inputs={"q": "needle"})
    index()
    order = "orderBy: {field: NAME, direction: ASC}"
    query = f'{{ runs(where: {{search: "needle"}}, {order}) {{ nodes {{ name }} }} }}'

    assert [each["name"] for each in ask(query)["runs"]["nodes"]] == ["a", "b", "c"]


@pytest.mark.parametrize("search", ["", "-a", '"a', "a*b", "x" * 2000])
def test_a_search_that_means_nothing_is_refused(answer, engine, search):
    (error,) = answer(NAMES, where={"search": search})["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "search" in error["message"]


def test_a_null_search_is_refused(answer, engine):
    (error,) = answer("{ runs(where: {search: null}) { totalCount } }")["errors"]

    assert error["message"].startswith("search is null; leave it out")


def hits(ask, search: str, **variables: Any) -> list[Any]:
    query = f"query($s: String) {{ runs(where: {{search: $s}}) {{ nodes {{ {HIT} }} }} }}"
    return [each["searchHit"] for each in ask(query, s=search)["runs"]["nodes"]]


def shown(hit: dict[str, Any]) -> tuple[str, list[str]]:
    marked = [hit["snippet"][each["start"] : each["end"]] for each in hit["highlights"]]
    return hit["field"], marked


@pytest.mark.usefixtures("support")
def test_a_hit_shows_the_field_and_what_matches(ask):
    assert [shown(hit) for hit in hits(ask, "order")] == [
        ("outputs", ["order"]),
        ("inputs", ["order"]),
    ]
    assert shown(hits(ask, "refund")[0]) == ("inputs", ["refund"])
    assert shown(hits(ask, "cafe 47*")[0]) == ("inputs", ["café", "4711"])
    assert shown(hits(ask, '"its way" order -cafe')[0]) == ("outputs", ["order", "its way"])
    assert shown(hits(ask, "retrieve_docs")[0]) == ("name", ["retrieve_docs"])
    assert hits(ask, "gold")[0]["snippet"] == "Zoë\ngold"


def test_a_hit_in_a_long_text_is_a_piece_of_it(add, index, ask):
    add("long", outputs={"a": "före " * 1000 + "the Nëedle 😀 and a thread " + "after " * 1000})
    index()

    (hit,) = hits(ask, "needle thread")

    assert shown(hit) == ("outputs", ["Nëedle", "thread"])
    assert hit["snippet"].startswith("…före")
    assert hit["snippet"].endswith("…")
    assert 150 < len(hit["snippet"]) < 250


def test_a_hit_is_of_the_list_that_the_run_stands_in(add, index, ask):
    root = add("root", inputs={"q": "needle"})
    add("child", at=1, parent=root, inputs={"q": "needle and thread"})
    index()
    either = '{or: [{search: "thread"}, {not: {search: "and"}}]}'
    query = f"""{{
      runs(where: {{search: "needle", isRoot: true}}) {{ nodes {{
        {HIT}
        childRuns {{ {HIT} }}
        threads: childRuns(where: {either}) {{ {HIT} }}
      }} }}
      run(id: "{root.id}") {{ {HIT} }}
      edges: runs(where: {{search: "thread"}}) {{ edges {{ node {{ {HIT} }} }} }}
    }}"""

    found = ask(query)

    (node,) = found["runs"]["nodes"]
    assert shown(node["searchHit"]) == ("inputs", ["needle"])
    assert node["childRuns"] == [{"searchHit": None}]
    assert shown(node["threads"][0]["searchHit"]) == ("inputs", ["thread"])
    assert found["run"] == {"searchHit": None}
    assert shown(found["edges"]["edges"][0]["node"]["searchHit"]) == ("inputs", ["thread"])


def test_a_page_with_hits_costs_what_a_page_costs(add, index, statements):
    for at in range(5):
        add(f"run {at}", inputs={"q": "needle"})
    index()
    page = '{ runs(where: {search: "needle"}) { nodes { name #inputs } } }'

    with_hits = statements(page.replace("#inputs", HIT))

    assert len(with_hits) <= 2
    assert "run_payload" not in statements(page.replace("#inputs", ""))[0]


@pytest.mark.parametrize("upkeep", [True])
def test_the_server_keeps_the_index_by_itself(add, found):
    add("new", inputs={"q": "needle"})
    deadline = time.monotonic() + 20

    while not found("needle"):
        assert time.monotonic() < deadline, "it was not found"
        time.sleep(0.05)

    assert found("needle") == ["new"]
