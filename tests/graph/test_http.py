"""GraphQL over HTTP: what is negotiated, refused, compressed, allowed to other origins."""

import gzip
import json
from dataclasses import replace
from typing import Any

import brotli
import pytest
import zstandard
from starlette.testclient import TestClient

from db.store import Store
from graph.app import create_app
from graph.http.negotiation import Coding, Media, coding_of, media_of, sends_json
from graph.settings import Settings

ROOT = {"query": "{ __typename }"}
GRAPHQL = "application/graphql-response+json"
WRONG = {"query": "{ nothing }"}
SETTINGS_ONLY = pytest.mark.only_on("sqlite", reason="it is about settings, not about the store")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", Media.JSON),
        ("*/*", Media.JSON),
        ("application/*", Media.JSON),
        ("application/json", Media.JSON),
        (GRAPHQL, Media.GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", Media.GRAPHQL),
        (f"{GRAPHQL}, application/json", Media.GRAPHQL),
        (f"{GRAPHQL};q=0.5, application/json", Media.JSON),
        (f"{GRAPHQL};q=0, */*", Media.JSON),
        ("application/json;q=0, */*", Media.GRAPHQL),
        ("APPLICATION/JSON ; Q=1", Media.JSON),
        ("text/event-stream", Media.EVENTS),
        ("text/event-stream, application/json", Media.JSON),
        (
            f"{GRAPHQL}, application/graphql+json, application/json, text/event-stream, "
            "multipart/mixed",
            Media.GRAPHQL,
        ),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=nan", None),
        ("image/png", None),
    ],
)
def test_the_form_of_an_answer_is_what_the_client_likes_best(accept: str, media: Media | None):
    assert media_of(accept.encode()) is media


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Media.HTML),
        ("*/*", Media.JSON),
        ("application/json", Media.JSON),
        ("application/json, text/html;q=0.9", Media.JSON),
    ],
)
def test_a_page_is_for_those_who_rather_have_one(accept: str, media: Media):
    assert media_of(accept.encode(), page=True) is media


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("gzip", Coding.GZIP),
        ("gzip, deflate, br, zstd", Coding.GZIP),
        ("br;q=0.9, zstd", Coding.ZSTD),
        ("gzip;q=1, br;q=0.5", Coding.GZIP),
        ("*", Coding.GZIP),
        ("gzip;q=0, *;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("deflate", None),
    ],
)
def test_the_coding_of_an_answer_is_what_the_client_likes_best(accept: str, coding: Coding | None):
    assert coding_of(accept.encode()) is coding


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("application/json", True),
        ("application/json; charset=UTF-8", True),
        ('application/json;charset="utf-8"', True),
        ("application/json; charset=latin-1", False),
        ("application/jsonp", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=a", False),
        ("", False),
    ],
)
def test_only_json_is_read(given: str, wanted: bool):
    assert sends_json(given.encode()) is wanted


@pytest.mark.parametrize(
    ("accept", "body", "status", "data"),
    [
        ("application/json", ROOT, 200, True),
        (GRAPHQL, ROOT, 200, True),
        ("application/json", WRONG, 200, False),
        (GRAPHQL, WRONG, 400, False),
        ("application/json", {"query": "{"}, 200, False),
        (GRAPHQL, {"query": "{"}, 400, False),
        (GRAPHQL, {"query": '{ run(id: "x") { id } }'}, 200, True),
        (GRAPHQL, {"query": "query($a: ID!) { run(id: $a) { id } }"}, 400, False),
        ("application/json", {}, 400, False),
    ],
)
def test_a_request_that_was_not_executed_is_told_by_its_status(
    client: TestClient, accept: str, body: Any, status: int, data: bool
):
    found = client.post("/graphql", json=body, headers={"accept": accept})

    assert found.status_code == status
    assert found.headers["content-type"] == f"{accept}; charset=utf-8"
    assert found.headers["vary"] == "Accept, Accept-Encoding"
    assert ("data" in found.json()) is data


def test_queries_may_stand_in_the_address_and_mutations_may_not(client: TestClient):
    asked = {"query": "query A($a: Int) { runs(first: $a) { nodes { id } } }"}
    found = client.get("/graphql", params={**asked, "variables": '{"a": 1}', "operationName": "A"})
    assert found.json()["data"] == {"runs": {"nodes": []}}

    change = "mutation { deleteFeedback(input: {ids: []}) { __typename } }"
    refused = client.get("/graphql", params={"query": change})
    assert refused.status_code == 405
    assert refused.json()["errors"][0]["message"] == "a mutation is sent by POST"


def test_other_methods_are_told_which_are_allowed(client: TestClient):
    for method in ("PUT", "DELETE", "PATCH"):
        found = client.request(method, "/graphql")
        assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert client.options("/graphql").status_code == 204


def test_head_answers_as_get_does_without_a_body(client: TestClient):
    address = "/graphql?query={__typename}"

    head, get = client.head(address), client.get(address)

    assert head.content == b""
    assert head.headers == get.headers


def test_the_page_is_sent_once_to_a_browser_that_keeps_it(client: TestClient):
    browser = {"accept": "text/html"}
    first = client.get("/graphql", headers=browser)
    assert first.headers["content-type"] == "text/html; charset=utf-8"

    again = client.get("/graphql", headers={**browser, "if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("coding", "decode"),
    [
        ("gzip", gzip.decompress),
        ("br", brotli.decompress),
        ("zstd", lambda text: zstandard.ZstdDecompressor().decompressobj().decompress(text)),
    ],
)
@pytest.mark.parametrize("size", [2_000, 400_000, 5_000_000])
def test_answers_are_compressed_in_pieces_if_need_be(
    client: TestClient, add: Any, coding: str, decode: Any, size: int
):
    add("run", inputs={"text": "a b " * (size // 4)})
    asked = {"query": "{ runs { nodes { inputs } } }"}
    plain = client.post("/graphql", json=asked, headers={"accept-encoding": "identity"})

    with client.stream(
        "POST", "/graphql", json=asked, headers={"accept-encoding": coding}
    ) as found:
        sent = b"".join(found.iter_raw())

    assert found.headers["content-encoding"] == coding
    assert len(sent) < size / 4
    assert json.loads(decode(sent))["data"] == plain.json()["data"]


def test_tiny_answers_are_not_compressed(client: TestClient):
    assert "content-encoding" not in client.post("/graphql", json=ROOT).headers


@pytest.fixture
def clients(store: Store, settings: Settings) -> Any:
    """Make a client of a server with other settings."""
    opened: list[TestClient] = []

    def client_of(**changed: Any) -> TestClient:
        app = create_app(replace(settings, **changed), store, upkeep=False)
        opened.append(TestClient(app))
        return opened[-1]

    return client_of


@SETTINGS_ONLY
def test_pages_of_other_origins_read_answers_only_where_that_is_set(clients: Any):
    ours, other = "https://app.example", "https://evil.example"
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    name = "access-control-allow-origin"
    closed, some = clients(), clients(cors_origins=(ours,))
    everybody = clients(cors_origins=("*",))

    def told(client: TestClient, origin: str, **more: str) -> Any:
        return client.post("/graphql", json=ROOT, headers={"origin": origin, **more}).headers

    def asked(client: TestClient, origin: str) -> Any:
        return client.options("/graphql", headers={"origin": origin, **asks}).headers

    assert name not in told(closed, ours)
    assert name not in asked(closed, ours)
    assert told(some, ours)[name] == asked(some, ours)[name] == ours
    assert asked(some, ours)["access-control-allow-headers"] == "x-api-key"
    assert "Origin" in told(some, ours)["vary"]
    assert name not in told(some, other)
    assert name not in asked(some, other)
    assert told(everybody, other)[name] == "*"


@SETTINGS_ONLY
def test_introspection_and_the_page_can_be_switched_off(clients: Any):
    client = clients(introspection=False, graphiql=False)

    for field in ("__schema { queryType { name } }", '__type(name: "Run") { name }'):
        found = client.post("/graphql", json={"query": f"{{ {field} }}"}).json()
        assert found["errors"][0]["extensions"]["code"] == "INTROSPECTION_OFF"
    assert client.post("/graphql", json=ROOT).json()["data"] == {"__typename": "Query"}
    assert client.get("/graphql", headers={"accept": "text/html"}).status_code == 406


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ __typename }", {}, 0),
        ("{ runs(first: 20) { nodes { id childRuns { id } } } }", {}, 221),
        ("query($n: Int) { runs(first: $n) { nodes { id } } }", {"n": 7}, 8),
        ("query($n: Int = 30) { runs(first: $n) { nodes { id } } }", {}, 31),
        ("query($n: Int) { runs(first: $n) { nodes { id } } }", {}, 51),
        ("{ runs { totalCount } }", {}, 11),
    ],
)
def test_what_a_query_costs_is_told_when_it_is_asked(
    client: TestClient, query: str, variables: Any, cost: int
):
    asked = {"query": query, "variables": variables, "extensions": {"cost": True}}

    for _ in range(2):
        found = client.post("/graphql", json=asked).json()
        assert found["extensions"]["cost"] == {"requested": cost, "limit": 100_000}


def test_a_page_of_a_thousand_runs_with_their_payloads_is_allowed(ask: Any):
    ask("{ runs(first: 1000) { totalCount nodes { name inputs outputs extra childRuns { id } } } }")


@SETTINGS_ONLY
def test_errors_are_cut_in_number_and_in_length(clients: Any, add: Any):
    client = clients(max_errors=3, max_error_length=100)
    for at in range(10):
        add(f"{at}", at=at)
    asked = '{ runs { nodes { inputsAt(path: "a..b") } } }'

    found = client.post("/graphql", json={"query": asked}).json()["errors"]
    long = client.post("/graphql", json={"query": f"{{ {'a' * 5000} }}"}).json()["errors"]

    assert len(found) == 4
    assert found[-1]["message"] == "and 7 more errors (setting RUNGRAPH_MAX_ERRORS)"
    assert len(long[0]["message"]) == 103
