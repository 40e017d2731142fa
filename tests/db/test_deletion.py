"""Deleting traces and projects: bit by bit, counted no more, and not beyond who may."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from db import deletion, project_admin
from db.errors import ForbiddenError
from db.projects import id_of
from db.reach import Reach
from db.store import Store
from db.within import OpenStore, within
from tests.conftest import run_id

Add = Callable[..., Any]


def delete_traces(store: OpenStore, *names: str) -> list[UUID]:
    """Delete traces by the names of their roots."""
    ids = [UUID(run_id(name)) for name in names]
    return asyncio.run(deletion.delete_traces(store, ids))


def delete_project(store: OpenStore, name: str) -> bool:
    """Delete a project; say whether it was there."""
    return bool(asyncio.run(deletion.delete_projects(store, [id_of(name)])))


def names(store: Store) -> set[str]:
    """The runs that are left."""
    with store._engine.connect() as connection:
        return set(connection.exec_driver_sql("SELECT name FROM run").scalars())


def limited(store: Store, *projects: str) -> OpenStore:
    """The store as a key for some projects may see it."""
    return within(store, Reach(frozenset(id_of(name) for name in projects)))


def test_more_runs_than_go_at_once(store: Store, add: Add, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deletion, "BATCH", 2)
    root = add("root")
    for at in range(1, 6):
        add(f"leaf {at}", at=at, parent=root)
    add("other")

    assert delete_traces(store, "root", "nobody") == [root.id]
    assert names(store) == {"other"}


def test_a_key_deletes_in_its_projects_only(store: Store, add: Add):
    add("mine", session_name="mine")
    add("theirs", session_name="theirs")
    key = limited(store, "mine")

    assert delete_traces(key, "theirs") == []
    assert not delete_project(key, "theirs")
    assert names(store) == {"mine", "theirs"}
    assert delete_traces(key, "mine", "theirs") == [UUID(run_id("mine"))]
    assert names(store) == {"theirs"}


def test_a_trace_that_is_partly_beyond_a_key_is_left_whole(
    store: Store, add: Add, judge: Callable[..., Any]
):
    root = add("root", session_name="mine")
    leaf = add("leaf", parent=root, session_name="theirs")
    judge(leaf, "good", score=1)

    with pytest.raises(ForbiddenError, match="has runs of a project that this key is not for"):
        delete_traces(limited(store, "mine"), "root")
    with pytest.raises(ForbiddenError):
        delete_project(limited(store, "mine"), "mine")

    assert names(store) == {"root", "leaf"}


def test_a_project_goes_with_the_traces_that_have_runs_in_it(store: Store, add: Add):
    root = add("root", session_name="one")
    add("leaf", parent=root, session_name="other")
    add("kept", session_name="other")

    assert delete_project(store, "one")
    assert names(store) == {"kept"}
    assert not delete_project(store, "one")
    with store._engine.connect() as connection:
        assert project_admin.find(connection, id_of("other"))
        assert project_admin.find(connection, uuid4()) is None
