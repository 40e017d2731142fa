"""Projects as the SDK makes, finds and changes them."""

from uuid import UUID

import pytest
from langsmith.schemas import TracerSession

from tests.graph.ingest.sending import OTHER, RUN, post


def create(wire, name="p2", **fields):
    answer = wire.post("/sessions", json={"name": name, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_project_is_made_as_the_sdk_asks(wire, prefix):
    sent = {"name": "p2", "extra": {"metadata": {"k": 1.0}}, "description": "d", "id": OTHER}

    told = wire.post(f"{prefix}/sessions", json={**sent, "num_examples": 3}).json()

    assert told == {
        **sent,
        "tenant_id": "00000000-0000-4000-8000-000000000000",
        "start_time": "2026-11-22T12:00:00+00:00",
        "end_time": None,
        "reference_dataset_id": None,
    }
    assert told == wire.get(f"{prefix}/sessions/{OTHER}").json()
    assert TracerSession(**told).metadata == {"k": 1.0}


def test_a_project_made_by_its_runs_is_found_by_name(wire):
    wire.post("/runs", json=post(session_name="mine"))

    (found,) = wire.get("/sessions?limit=1&name=mine&include_stats=False").json()

    assert found["name"] == "mine"
    assert TracerSession(**found).id
    assert wire.get("/sessions?name=other").json() == []


def test_runs_go_to_the_project_that_was_made_before(wire, rows):
    create(wire, "mine", id=OTHER)

    wire.post("/runs", json=post(session_name="mine"))

    assert rows("SELECT count(*) AS n FROM project") == [{"n": 1}]
    assert rows("SELECT session_id AS id FROM run") == [{"id": UUID(OTHER)}]


def test_a_second_project_of_a_name_is_a_conflict(wire):
    first = create(wire, id=OTHER)

    again = wire.post("/sessions", json={"name": "p2", "id": RUN})
    other = wire.post("/sessions", json={"name": "p3", "id": OTHER})

    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")
    assert again.json()["detail"] == f"a project named 'p2' is there already: {OTHER}"
    assert other.status_code == 409
    assert create(wire, id=OTHER) == first


def test_upsert_changes_the_project_of_that_name(wire):
    first = create(wire, description="d")

    answer = wire.post("/sessions?upsert=True", json={"name": "p2", "extra": {"a": 1}, "id": RUN})

    assert answer.json() == first | {"extra": {"a": 1}}


def test_a_patch_changes_what_is_not_null(wire):
    first = create(wire, id=OTHER, extra={"metadata": {"k": 1}})
    sent = {
        "name": None,
        "extra": None,
        "description": "e",
        "end_time": "2026-11-22T11:52:37.210105",
    }

    answer = wire.patch(f"/sessions/{OTHER}", json=sent)

    changed = {"description": "e", "end_time": "2026-11-22T11:52:37.210105+00:00"}
    assert answer.json() == first | changed == wire.get(f"/sessions/{OTHER}").json()


def test_a_project_takes_another_name_if_it_is_free(wire):
    create(wire, "taken")
    create(wire, "p2", id=OTHER)

    assert wire.patch(f"/sessions/{OTHER}", json={"name": "taken"}).status_code == 409
    assert wire.patch(f"/sessions/{OTHER}", json={"name": "free"}).json()["name"] == "free"
    assert wire.patch(f"/sessions/{RUN}", json={"name": "x"}).status_code == 404
    assert wire.get(f"/sessions/{RUN}").status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["p_3", "pa2", "Pa1"]),
        ("limit=2", ["p_3", "pa2"]),
        ("limit=2&offset=2", ["Pa1"]),
        ("name=pa2", ["pa2"]),
        ("name_contains=PA", ["pa2", "Pa1"]),
        ("name_contains=p_", ["p_3"]),
        (f"id={OTHER}&id={RUN}", ["pa2"]),
        ("reference_free=True&include_stats=True", ["p_3", "pa2"]),
        ("metadata=%7B%22a%22%3A+1%7D", []),
        (f"reference_dataset={RUN}", ["Pa1"]),
    ],
)
def test_projects_are_listed_newest_first(wire, query, names):
    create(wire, "Pa1", start_time="2026-01-01", reference_dataset_id=RUN)
    create(wire, "pa2", start_time="2026-01-02", id=OTHER)
    create(wire, "p_3", start_time="2026-01-03")

    assert [project["name"] for project in wire.get(f"/sessions?{query}").json()] == names


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({}, "the project: name is missing"),
        ({"name": 5}, "the project: name is 5; expected text"),
        ({"name": "x", "id": 1}, "the project: id is 1; expected a UUID"),
        ({"name": "x", "start_time": "soon"}, "the project: start_time is 'soon'"),
    ],
)
def test_what_is_wrong_is_named(wire, content, detail):
    answer = wire.post("/sessions", json=content)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)
