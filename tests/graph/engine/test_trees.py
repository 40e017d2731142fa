"""Trees cost one statement for all their levels, and are right whatever the rows say of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from db.entities import table
from db.models import Run
from db.store import Store
from graph.setting_kinds import Engine
from tests.conftest import NOON, run_id
from tests.databases import CLUSTER
from tests.levels import Answer


def nested(down: int, fields: str = "name") -> str:
    text = fields
    for _ in range(down):
        text = f"{fields} childRuns {{ {text} }}"
    return text


@pytest.fixture
def _trees(add: Callable[..., Any]) -> None:
    """Three traces, seven levels deep."""
    for trace in range(3):
        above = add(f"{trace}", at=trace)
        for level in range(6):
            add(f"{trace}.{level} leaf", at=trace + level / 10 + 0.01, parent=above)
            above = add(f"{trace}.{level}", at=trace + level / 10, parent=above)


@pytest.mark.usefixtures("_trees")
@pytest.mark.parametrize("down", range(1, 8))
def test_all_levels_of_children_cost_one_statement(planned: Callable[..., Answer], down: int):
    page = planned(f"{{ runs(where: {{isRoot: true}}) {{ nodes {{ {nested(down)} }} }} }}")
    one = planned(f'{{ run(id: "{run_id("1")}") {{ {nested(down)} }} }}')

    assert (len(page.statements), len(one.statements)) == (2, 2)


@pytest.mark.usefixtures("_trees")
@pytest.mark.parametrize("down", range(1, 6))
def test_it_is_so_from_the_middle_of_a_trace(planned: Callable[..., Answer], down: int):
    some = planned(
        f'{{ runs(where: {{name: {{endsWith: ".1"}}}}) {{ nodes {{ {nested(down)} }} }} }}'
    )
    one = planned(f'{{ run(id: "{run_id("1.1")}") {{ {nested(down)} }} }}')
    all_ = planned(f"{{ runs {{ nodes {{ {nested(down)} }} }} }}")

    several = 1 + down if CLUSTER else 2  # a cluster follows several traces level by level
    assert [len(found.statements) for found in (some, one, all_)] == [several, 2, several]


@pytest.mark.usefixtures("_trees")
def test_levels_may_select_different_things(planned: Callable[..., Answer]):
    found = planned(
        """{ runs(where: {isRoot: true}) { nodes { name childRuns {
          id inputs childRuns { parentRun { name } childRuns { feedback { totalCount } tags } }
          childRunCount more: childRuns { runType }
        } } } }"""
    )

    assert len(found.statements) <= 6


@pytest.mark.usefixtures("_trees")
def test_pages_of_many_parents_cost_one_statement(planned: Callable[..., Answer]):
    found = planned(
        """{ runs { nodes { name
          childRunsConnection(first: 1) { nodes { name } edges { cursor } pageInfo { hasNextPage } }
        } } }"""
    )

    assert len(found.statements) == 2
    shown = [run["childRunsConnection"]["nodes"] for run in found.decoded["runs"]["nodes"]]
    assert {len(nodes) for nodes in shown} == {0, 1}


@pytest.mark.usefixtures("_trees")
@pytest.mark.parametrize(
    ("selection", "most"),
    [
        ("a: childRuns { name } b: childRuns { id }", 2),
        (
            "a: descendants(first: 1) { nodes { id } } b: descendants(first: 1) { nodes { name } }",
            2,
        ),
        ("a: descendants(first: 1) { nodes { id } } b: descendants(first: 2) { nodes { id } }", 3),
        ("childRunsConnection { a: totalCount b: totalCount totalCount nodes { id } }", 3),
        ("a: feedbackStats { n } b: feedbackStats { key }", 2),
        ("a: project { name } b: project { id metadata }", 2),
        ("a: childRunCount b: childRunCount", 2),
    ],
)
def test_what_is_asked_twice_is_sent_once(
    planned: Callable[..., Answer], selection: str, most: int
):
    assert len(planned(f"{{ runs {{ nodes {{ {selection} }} }} }}").statements) <= most


@pytest.fixture
def change(store: Store) -> Callable[..., None]:
    """Change a run's row, so that it may contradict others."""

    def change(name: str, parent: str | None, **columns: Any) -> None:
        run = table(Run)
        values = {"parent_run_id": parent and UUID(run_id(parent)), **columns}
        with store._engine.begin() as connection:
            connection.execute(update(run).where(run.c.id == UUID(run_id(name))).values(values))

    return change


@pytest.mark.usefixtures("_trees")
@pytest.mark.parametrize(
    "changes",
    [
        [("1.0", "1.0")],
        [("1.0", "1.2")],
        [("1", "1.3")],
        [("1", "1")],
        [("1.4", "1")],
        [("1.0", "1.0 leaf"), ("1.5", "1")],
        [("1.3", "1.5 leaf"), ("1.5 leaf", "1.3")],
        [("1.3", None)],
        [("1.0 leaf", "2")],
        [("1.2", "nobody")],
        [("1.5", "1.0 leaf"), ("1.4", "1.5")],
    ],
)
def test_trees_that_contradict_themselves_are_followed_by_their_parents(
    everywhere: Callable[..., Any], change: Callable[..., None], changes: list[tuple[str, str]]
):
    for name, parent in changes:
        change(name, parent)

    for down in (1, 2, 3, 5):
        everywhere(f"{{ runs {{ nodes {{ {nested(down)} }} }} }}")
        everywhere(f"{{ runs(where: {{isRoot: true}}) {{ nodes {{ {nested(down)} }} }} }}")
        for name in ("1", "1.0", "1.3"):
            found = everywhere(f'{{ run(id: "{run_id(name)}") {{ {nested(down)} }} }}')
            most = len(found[Engine.OFF].statements) + 1
            assert len(found[Engine.HTTP].statements) <= most


@pytest.mark.usefixtures("_trees")
def test_one_id_in_two_traces_is_two_runs(everywhere: Callable[..., Any], store: Store):
    run = table(Run)
    with store._engine.begin() as connection:
        for name in ("1.1", "1.2"):
            row = connection.execute(select(run).where(run.c.id == UUID(run_id(name))))
            found = dict(row.mappings().one())
            parent = {"parent_run_id": UUID(run_id("0"))} if name == "1.1" else {}
            parent |= {"start_time": NOON, "dotted_order": f"{name}{found['dotted_order']}"}
            connection.execute(
                insert(run).values({**found, **parent, "trace_id": UUID(run_id("0"))})
            )

    for down in (1, 2, 3, 5):
        everywhere(f"{{ runs {{ nodes {{ {nested(down)} }} }} }}")
        everywhere(f"{{ runs(where: {{isRoot: true}}) {{ nodes {{ {nested(down)} }} }} }}")
