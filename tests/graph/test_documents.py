"""Documents that are prepared at start, and asked by id."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.errors import InvalidError
from db.store import Store
from graph.app import create_app
from graph.documents import hash_of, load, warm
from graph.limits.bounds import Limits
from graph.preparing import Place
from graph.schema import schema
from graph.settings import Settings

QUERY = "query Warm { runs(first: 7) { nodes { id } } } query Other { projects { totalCount } }"
ROOT = "{ __typename }"
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": "one", "name": "Root", "type": "query", "body": ROOT}],
}


def test_every_operation_of_every_document_is_prepared(tmp_path: Path):
    (tmp_path / "a.graphql").write_text(QUERY)
    limits = Limits.of(Settings())

    warm(load(str(tmp_path)), "sqlite", limits)

    place = Place("sqlite", limits)
    assert schema._prepared.get((QUERY, "Warm", place)).operation is not None
    assert schema._prepared.get((QUERY, "Other", place)).operation is not None


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("bad.graphql", "{ nope }", r"bad\.graphql: Cannot query field 'nope'"),
        ("deep.graphql", "{ a " * 200, r"deep\.graphql: brackets are more than 100 deep"),
        ("bad.json", "[]", r"bad\.json is no document and no manifest"),
        ("bad.json", '{"id": 5}', r"bad\.json is no document and no manifest \('id' is no text\)"),
        ("bad.json", '{"id": "{ nope }"}', r"bad\.json, id: Cannot query field 'nope'"),
    ],
)
def test_a_document_that_is_not_allowed_is_refused_by_name(
    tmp_path: Path, name: str, text: str, problem: str
):
    (tmp_path / name).write_text(text)

    with pytest.raises(InvalidError, match=problem):
        warm(load(str(tmp_path)), "sqlite", Limits.of(Settings()))


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("root.graphql", ROOT, []),
        ("root.graphql", f"{ROOT}\n", []),
        ("relay.json", json.dumps({"abc": ROOT}), ["abc"]),
        ("apollo.json", json.dumps(APOLLO), ["one"]),
    ],
)
def test_a_document_is_asked_by_its_hash_and_its_id(
    tmp_path: Path, store: Store, settings: Settings, name: str, text: str, ids: list[str]
):
    (tmp_path / name).write_text(text)
    digest = hash_of(ROOT)
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    asked = [{"documentId": id} for id in (digest, f"sha256:{digest}", *ids)]

    app = create_app(replace(settings, documents=str(tmp_path / name)), store, upkeep=False)
    with TestClient(app) as client:
        for body in (*asked, {"extensions": persisted}):
            assert client.post("/graphql", json=body).json()["data"] == {"__typename": "Query"}
        found = client.get("/graphql", params={"extensions": json.dumps(persisted)})
        assert found.json()["data"] == {"__typename": "Query"}


@pytest.fixture
def only(tmp_path: Path, store: Store, settings: Settings):
    """A client of a server that answers one document only."""
    (tmp_path / "root.graphql").write_text(ROOT)
    settings = replace(settings, documents=str(tmp_path), documents_only=True)
    with TestClient(create_app(settings, store, upkeep=False)) as client:
        yield client


def test_only_trusted_documents_are_answered_where_that_is_set(only: TestClient):
    assert only.post("/graphql", json={"query": ROOT}).status_code == 200
    assert only.post("/graphql", json={"documentId": hash_of(ROOT)}).status_code == 200

    found = only.post("/graphql", json={"query": "{ __typename  }"})

    assert found.status_code == 403
    (error,) = found.json()["errors"]
    assert error["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
    assert "RUNGRAPH_DOCUMENTS_ONLY" in error["message"]


def test_apollo_falls_back_from_a_hash_that_is_not_known(client: TestClient):
    digest = hash_of("{ runs { totalCount } }")
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": digest}}

    found = client.post("/graphql", json={"extensions": persisted})

    assert found.status_code == 200
    (error,) = found.json()["errors"]
    assert error["message"] == "PersistedQueryNotSupported"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"documentId": "nobody"}, "DOCUMENT_NOT_FOUND"),
        ({"documentId": 5}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": 5}}, "BAD_REQUEST"),
        (
            {"query": ROOT, "extensions": {"persistedQuery": {"sha256Hash": hash_of("other")}}},
            "BAD_REQUEST",
        ),
    ],
)
def test_an_id_that_names_nothing_is_refused(client: TestClient, body: dict[str, Any], code: str):
    found = client.post("/graphql", json=body)

    assert found.status_code == 400
    assert found.json()["errors"][0]["extensions"]["code"] == code


def test_a_hash_beside_its_query_is_no_matter(client: TestClient, ask: Callable[..., Any]):
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(ROOT)}}

    found = client.post("/graphql", json={"query": ROOT, "extensions": persisted})

    assert found.json()["data"] == {"__typename": "Query"}
