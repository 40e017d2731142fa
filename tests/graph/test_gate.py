"""Who gets past the gate: with keys, and where none are made."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from db import keys
from graph.app import create_app
from graph.auth import LOCAL, NOBODY, AuthError, Keyring, RefusedError, Right
from graph.auth_gate import is_loopback
from graph.auth_limits import Buckets
from tests.conftest import NOON

ASKED = {"query": "{ runs { nodes { name } } }"}
RUN = {"id": "00000000-0000-4000-8000-000000000001", "name": "a", "run_type": "chain"}
STARTED = {**RUN, "start_time": "2026-01-01T00:00:00Z", "session_name": "p"}


@pytest.fixture
def make(store):
    """Make a key; return its text."""

    def make(
        *rights: str, projects: tuple[str, ...] = (), expires_at: datetime | None = None
    ) -> str:
        with store._engine.begin() as connection:
            now = NOON if expires_at else datetime.now(UTC)
            return keys.create(
                connection, now, rights=rights, named=projects, expires_at=expires_at
            )[1]

    return make


@pytest.fixture
def served(store, settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings, store, upkeep=False)) as client:
        yield client


@pytest.fixture
def from_page(served):
    """Ask as a browser would for a page."""

    def from_page(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = served.post("/graphql", json=ASKED, headers=sent).status_code
        brought = served.post("/runs", json=STARTED, headers=sent).status_code
        assert (asked == 200) == (brought == 202)
        return asked

    return from_page


@pytest.mark.parametrize(
    ("host", "there"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("127.1.2.3", True),
        ("[::1]:8000", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1:80", False),
        ("localhost.example", False),
        ("127.0.0.1.example:8000", False),
        ("", False),
    ],
)
def test_a_loopback_host_is_known(host, there):
    assert is_loopback(host) is there


def test_without_keys_a_local_program_may_do_everything(from_page):
    assert from_page() == 200
    assert from_page(host="localhost:8000") == 200
    assert from_page(host="[::1]:8000") == 200


def test_without_keys_another_name_for_this_machine_is_refused(from_page):
    assert from_page(host="rebound.example:8000") == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200),
        ({"host": "localhost:8000", "origin": "http://localhost:3000"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
    ],
)
def test_without_keys_a_page_from_elsewhere_is_refused(from_page, headers, status):
    assert from_page(**headers) == status


def test_a_link_to_the_page_may_be_followed_from_anywhere(served):
    visit = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "accept": "text/html"}

    assert (
        served.get("/graphql", headers={**visit, "sec-fetch-dest": "document"}).status_code == 200
    )
    assert served.get("/graphql", headers={**visit, "sec-fetch-dest": "iframe"}).status_code == 403
    asked = served.get(
        "/graphql?query={__typename}", headers={**visit, "sec-fetch-dest": "document"}
    )
    assert asked.status_code == 403


def test_without_keys_a_server_for_others_answers_nobody_but_probes(store, settings):
    app = create_app(replace(settings, host="0.0.0.0"), store, upkeep=False)
    with TestClient(app) as client:
        assert client.post("/graphql", json=ASKED).status_code == 401
        assert "rungraph key create" in client.post("/runs", json=STARTED).json()["detail"]


def test_an_insecure_server_answers_everybody_but_pages(store, settings):
    app = create_app(replace(settings, host="0.0.0.0", insecure=True), store, upkeep=False)
    with TestClient(app) as client:
        assert client.post("/graphql", json=ASKED, headers={"host": "x.example"}).status_code == 200
        origin = {"origin": "https://evil.example"}
        assert client.post("/graphql", json=ASKED, headers=origin).status_code == 403


def test_with_keys_everything_wants_one_but_what_is_open(served, make):
    make("read")

    assert served.get("/healthz").status_code == 200
    assert served.get("/readyz").status_code == 200
    assert served.get("/graphql", headers={"accept": "text/html"}).status_code == 200
    refused = served.post("/graphql", json=ASKED)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    for method, path in [
        ("POST", "/runs/multipart"),
        ("GET", "/info"),
        ("GET", "/sessions"),
        ("POST", "/api/v1/runs"),
        ("GET", "/metrics"),
        ("GET", "/graphql?query={__typename}"),
        ("GET", "/nowhere"),
    ]:
        assert served.request(method, path).status_code == 401, path


@pytest.mark.parametrize(
    ("rights", "query", "ingest", "info"),
    [
        (("read",), 200, 403, 200),
        (("write",), 403, 202, 200),
        (("read", "write"), 200, 202, 200),
        (("admin",), 200, 202, 200),
    ],
)
def test_a_key_is_good_for_its_scope(served, make, rights, query, ingest, info):
    for headers in ({"x-api-key": make(*rights)}, {"authorization": f"Bearer {make(*rights)}"}):
        assert served.post("/graphql", json=ASKED, headers=headers).status_code == query
        assert served.post("/runs", json=STARTED, headers=headers).status_code == ingest
        assert served.get("/info", headers=headers).status_code == info


def test_a_reader_can_not_write_by_mutation(served, make):
    query = 'mutation { createProject(input: {name: "new"}) { project { name } } }'

    reader, writer = make("read"), make("read", "write")

    def made(key: str):
        headers = {"x-api-key": key}
        return served.post("/graphql", json={"query": query}, headers=headers).json()

    assert made(reader)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert made(writer)["data"]["createProject"]["project"]["name"] == "new"


@pytest.mark.parametrize(
    "text", ["", "any", "rungraph_", "x" * 5000, "rungraph_0123456789ab_wrong"]
)
def test_a_key_that_was_never_made_is_refused(served, make, text):
    make("read")

    assert served.post("/graphql", json=ASKED, headers={"x-api-key": text}).status_code == 401


def test_an_expired_key_is_refused(served, make):
    headers = {"x-api-key": make("read", expires_at=NOON + timedelta(days=1))}

    answer = served.post("/graphql", json=ASKED, headers=headers)
    assert answer.status_code == 401
    assert "has expired" in answer.json()["errors"][0]["message"]


def test_a_revoked_key_is_good_for_nothing_within_seconds(store, make):
    text = make("read")
    seconds = [0.0]
    ring = Keyring(store, timer=lambda: seconds[0])
    asyncio.run(ring.refresh())
    assert ring.viewer_of(text.encode()).may(Right.READ)
    with store._engine.begin() as connection:
        keys.revoke(connection, text.split("_")[1], NOON)
    seconds[0] = 2.1

    asyncio.run(ring.refresh())

    with pytest.raises(AuthError, match="not good here"):
        ring.viewer_of(text.encode())
    assert ring.is_empty


def test_secrets_are_not_stored(store, make):
    text = make("admin")
    with store._engine.connect() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM access_key").all()

    secret = text.split("_", 2)[2]
    assert not any(secret in str(value) for value in row)


def test_the_last_use_is_kept(store, make):
    text = make("read")
    ring = Keyring(store, clock=lambda: NOON)
    asyncio.run(ring.refresh())
    ring.viewer_of(text.encode())
    with store._engine.begin() as connection:
        keys.note_use(connection, ring.take_used())
        assert keys.every(connection)[0].last_used_at == NOON
    assert not ring.take_used()


def test_a_socket_may_tell_its_key_in_parameters(store, make):
    text, sender = make("read", projects=("p",)), make("write")
    ring = Keyring(store)
    asyncio.run(ring.refresh())

    assert ring.viewer_told({"X-API-Key": text}).reach is not None
    assert ring.viewer_told({"Authorization": f"Bearer {text}"}).key == text.split("_")[1]
    with pytest.raises(AuthError, match="a key is wanted"):
        ring.viewer_told({})
    with pytest.raises(RefusedError, match="lacks read scope"):
        ring.viewer_told({"x-api-key": sender})


def test_without_keys_a_socket_needs_none(store):
    ring = Keyring(store)
    asyncio.run(ring.refresh())

    assert ring.viewer_told({}) is LOCAL
    assert not NOBODY.rights


def test_a_key_that_asks_too_often_is_told_when_to_come_again(store, settings, make):
    text, other = make("admin"), make("admin")
    limits = replace(settings, queries_per_second=1, ingest_per_second=1)
    with TestClient(create_app(limits, store, upkeep=False)) as client:

        def asked(key: str):
            return client.post("/graphql", json=ASKED, headers={"x-api-key": key})

        answers = [asked(text) for _ in range(20)]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert limited
        assert int(limited[0].headers["retry-after"]) >= 1
        assert "RUNGRAPH_QUERIES_PER_SECOND" in limited[0].text
        assert asked(other).status_code == 200
        assert client.post("/runs", json=STARTED, headers={"x-api-key": text}).status_code == 202


def test_tokens_come_back_with_time():
    seconds = [0.0]
    bucket = Buckets(2, timer=lambda: seconds[0])

    assert [bucket.take("k") for _ in range(4)] == [0.0] * 4
    assert bucket.take("k") == 0.5
    seconds[0] = 0.5
    assert bucket.take("k") == 0.0
    assert bucket.take("k") > 0
