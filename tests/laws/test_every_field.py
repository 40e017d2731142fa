"""Every field that a query can reach is answered by a plan, and as graphql-core answers it.

The fields are those of the schema: one that is added tomorrow is asked tomorrow, by itself.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLField, get_named_type, is_composite_type, is_object_type
from graphql import is_required_argument as is_required

from db.search_index import index_some
from db.store import Store
from graph.schema import schema
from graph.setting_kinds import Engine
from tests.conftest import run_id
from tests.laws.hostile import fill
from tests.levels import Levels

GRAPHQL = schema._schema
ARGUMENTS = {
    ("Query", "node"): f'id: "{run_id("t0")}"',
    ("Query", "nodes"): f'ids: ["{run_id("t0")}", "{run_id("nobody")}"]',
    ("Query", "run"): f'id: "{run_id("t0.0.0")}"',
    ("Query", "trace"): f'traceId: "{run_id("t0")}"',
    ("Query", "project"): 'by: {name: "default"}',
    ("Query", "compareRuns"): f'a: "{run_id("t0")}", b: "{run_id("t1")}"',
    ("Query", "runStats"): "groupBy: [{field: STATUS}], interval: DAY",
}
"""What leads to rows; other fields get a path where they want a text."""

UNPLANNED = {"RunStatsGroup.runs": "a page of runs below what is no row"}
"""Fields that graphql-core answers, and why."""

ROUTES = {"SearchHit": 'runs(where: {search: "boom"}) { nodes { searchHit { %s } } }'}
"""Types that nothing leads to without more than that, as `%s` of a query."""


def arguments(type: Any, name: str, field: GraphQLField) -> str:
    """Return the arguments a field has to have."""
    given = ARGUMENTS.get((type.name, name))
    if given is None:
        given = ", ".join(f'{n}: "a"' for n, a in field.args.items() if is_required(a))
    return f"({given})" if given else ""


def routes() -> Iterator[tuple[Any, str]]:
    """Yield every object type with the shortest way there, as a query in which `%s` stands."""
    seen = {GRAPHQL.query_type}
    waiting = deque([(GRAPHQL.query_type, "{ %s }")])
    while waiting:
        type, route = waiting.popleft()
        yield type, route
        for name, field in type.fields.items():
            below: Any = get_named_type(field.type)
            kinds = GRAPHQL.get_possible_types(below) if not is_object_type(below) else [below]
            for kind in kinds if is_composite_type(below) else ():
                if kind not in seen:
                    seen.add(kind)
                    on = "%s" if kind is below else f"... on {kind.name} {{ %s }}"
                    step = f"{name}{arguments(type, name, field)} {{ {on} }}"
                    way = ROUTES.get(kind.name)
                    waiting.append((kind, f"{{ {way} }}" if way else route.replace("%s", step)))


def selected(type: Any, name: str, field: GraphQLField) -> str:
    """Return one field, with a field below it where it has any."""
    text = f"{name}{arguments(type, name, field)}"
    return f"{text} {{ __typename }}" if is_composite_type(get_named_type(field.type)) else text


async def unlike(store: Store, type: Any, route: str) -> list[str]:
    """Return the fields of a type that are not planned, or answered otherwise."""
    levels = Levels(store)
    fields = {
        name: selected(type, name, field)
        for name, field in type.fields.items()
        if f"{type.name}.{name}" not in UNPLANNED
    }
    try:
        if await _are_planned(levels, route.replace("%s", " ".join(fields.values()))):
            return []
        return [
            name
            for name, text in fields.items()
            if not await _are_planned(levels, route.replace("%s", text))
        ] or [f"all of {type.name} together"]
    finally:
        await levels.close()


async def _are_planned(levels: Levels, query: str) -> bool:
    planned = await levels.answer(Engine.HTTP, query)
    alone = await levels.answer(Engine.OFF, query)
    return planned.path == "http" and planned[:3] == alone[:3] and not planned.errors


@pytest.mark.parametrize(("type", "route"), [pytest.param(*r, id=r[0].name) for r in routes()])
def test_every_field_is_planned(
    store: Store, add: Any, judge: Any, attach: Any, type: Any, route: str
):
    fill(store, add, judge, attach)
    asyncio.run(store.write(index_some))

    assert asyncio.run(unlike(store, type, route)) == []
