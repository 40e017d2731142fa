"""Rows that should not be: what a bug, a crash or a stranger may have left in the tables.

`odd` rows can be answered; `broken` ones make errors wherever they are shown.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from db.entities import table
from db.models import Project, Run, RunPayload
from db.store import Store
from tests.conftest import NOON, run_id
from tests.databases import CLUSTER

UNICODE = 'q"uo\\te \u2028 \x07 \U0001f600 %_ é'
HUGE = '{"a": 123456789012345678901234567890, "b": [1e400, -0.0, 1e-7], "é": "\\ud83d\\ude00"}'
NOT_NUMBERS = '{"a": "NaN", "b": ["Infinity"], "key.with.dots": null, "x": [1, {"y": null}]}'

PAYLOADS: Mapping[str, Mapping[str, Any]] = {
    "huge": {"inputs": HUGE, "outputs": HUGE, "extra": f'{{"metadata": {HUGE}, "n": {HUGE}}}'},
    "not numbers": {"inputs": NOT_NUMBERS, "extra": f'{{"metadata": {NOT_NUMBERS}}}'},
    "no metadata": {"extra": '{"metadata": null}', "inputs": None, "outputs": "null"},
    "odd metadata": {"extra": '{"metadata": [1]}', "inputs": '"text"', "outputs": "[]"},
    "extra list": {"extra": "[1, 2]", "inputs": "5", "serialized": '"s"', "events": "{}"},
    "extra text": {"extra": '"x"', "inputs": "[]", "events": '"token"'},
    "extra null": {"extra": "null", "inputs": "{}", "events": "null"},
    "no extra": {"extra": None, "events": None, "inputs": None, "outputs": None},
    "events null": {"events": '[null, {"name": "new_token", "time": null}, 5]'},
    "events odd": {"events": ' [ {"name": "null"} , [] , "x" ] ', "serialized": "[1e999]"},
    "revision number": {"extra": '{"metadata": {"revision_id": 12345678901234567890123}}'},
    "revision list": {"extra": '{"metadata": {"revision_id": [1, null]}}'},
    "spaced": {"extra": '{ "metadata" : { "a" : 1.0e2 , "b" : [ ] } }', "inputs": ' { "a" : 1 } '},
}
"""By the name of the run: what stands in its payload."""

ODD: Mapping[str, Mapping[str, Any]] = {
    "oddities": {"name": UNICODE},
    "huge": {"total_prompt_tokens": 2**40, "total_total_tokens": 2**62, "own_total_tokens": 2**40},
    "not numbers": {"total_total_tokens": -1, "tags": '["NaN", "\\u00e9", "a\\"b"]'},
    "no metadata": {"tags": None, "error": "", "model": ""},
    "odd metadata": {"tags": '[ "a" , "b" ]', "app_path": "", "run_type": ""},
    "extra list": {"total_details": "{}", "latency": -5.0, "in_dataset": True},
    "extra text": {"total_details": '{"promptTokens": {}, "promptCost": {"a": "1.5"}}'},
    "extra null": {"total_details": '{"completionTokens": {"x": 1152921504606846976}}'},
    "no extra": {"end_time": None, "latency": None, "status": "pending", "in_dataset": False},
    "events null": {
        "total_total_cost": Decimal(0),
        "total_prompt_cost": Decimal("-0.001"),
        "app_path": "/x?y",
    },
    "events odd": {"total_total_cost": Decimal("123456.789012345678"), "error": UNICODE},
    "spaced": {"time_to_first_token": 1e-9, "first_token_time": NOON, "thread_id": UNICODE},
}
"""By the name of the run: columns that can still be answered."""

BROKEN: Mapping[str, Mapping[str, Any]] = {
    "bad status": {"status": "weird"},
    "endless": {"latency": float("inf"), "time_to_first_token": float("-inf")},
    "bad details": {"total_details": "not JSON"},
    "list details": {"total_details": '[1, "x"]'},
    "text amounts": {"total_details": '{"promptTokens": {"a": null}, "promptCost": {"b": null}}'},
    "bad tags": {"tags": "[1, 2.5, true]"},
    "tags with null": {"tags": '["a", null]'},
    "text tags": {"tags": '"abc"'},
    "map tags": {"tags": '{"a": 1}'},
    "torn tags": {"tags": '["a'},
    "deep": {"depth": 2**40},
    "blob": {"name": b"\xff\x00", "model": b"x", "dotted_order": b"20260101T120000000000Z"},
    "text latency": {"latency": "soon", "total_total_tokens": "many", "total_total_cost": "dear"},
    "real cost": {"total_total_cost": 1.5, "total_total_tokens": 2.5},
    "timeless": {"start_time": 5, "end_time": "never"},
}
"""By the name of the run: columns that make errors."""


def fill(store: Store, add: Callable[..., Any], judge: Callable[..., Any], attach: Any) -> None:
    """Put good and odd rows into the store."""
    for at in range(3):
        _trace(f"t{at}", at, add, judge, attach)
    parent = add("oddities", at=10, run_type="weird")
    for at, name in enumerate(PAYLOADS):
        add(name, at=11 + at, parent=parent if at % 3 else None, session_name="odd")
    _orphans(add)
    with store._engine.begin() as connection:
        for name, columns in PAYLOADS.items():
            _change(connection, RunPayload, name, columns)
        for name, columns in ODD.items():
            _change(connection, Run, name, columns)
        project = table(Project)
        connection.execute(insert(project).values(id=run_id_of("empty"), name="", created_at=NOON))
        connection.execute(
            update(project)
            .where(project.c.name == "odd")
            .values(extra='{"metadata": {"a": 1e400}}')
        )
    _cycles(store, add)


def break_(store: Store, add: Callable[..., Any], judge: Callable[..., Any]) -> None:
    """Put rows into the store that can not be shown without an error."""
    root = add("breaking", at=30, session_name="broken")
    for at, name in enumerate(BROKEN):
        judge(
            add(name, at=31 + at, parent=root if at % 2 else None, session_name="broken"),
            "k",
            score=1.0,
        )
    with store._engine.begin() as connection:
        for name, columns in BROKEN.items():
            _raw(connection, "run", name, columns)
        connection.exec_driver_sql("UPDATE feedback SET score = 9e999 WHERE rowid % 3 = 0")
        connection.exec_driver_sql(
            "UPDATE project SET retention_days = 4294967296 WHERE name = 'broken'"
        )


def _trace(name: str, at: float, add: Any, judge: Any, attach: Any) -> None:
    """A trace of four levels, with everything a run can have."""
    extra = {"metadata": {"a": {"b": [1]}, "session_id": f"thread{at}", "revision_id": "v1"}}
    above = [add(name, at=at, inputs={"a": {"b": [at]}}, extra=extra, tags=("x", "y"))]
    for level in range(3):
        made = []
        for place in range(2):
            run = add(
                f"{name}.{level}.{place}",
                at=at + level / 10 + place / 100,
                parent=above[place % len(above)],
                run_type="llm",
                usage={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
                outputs={"messages": [{"content": "x" * 40}]},
                error="boom" if level == place else None,
            )
            judge(run, "right", score=float(place))
            judge(run, "why", value=json.dumps(["a", None]), comment=UNICODE)
            made.append(run)
        above = made
    attach(above[0], "a b/c.txt", b"notes")


def _orphans(add: Any) -> None:
    """Runs whose parent or root never arrived."""

    class Missing:
        id = UUID(run_id("missing"))
        trace_id = UUID(run_id("missing"))
        dotted_order = f"20260101T120000000000Z{id}"

    first = add("orphan", at=50, parent=Missing)
    add("orphan's child", at=51, parent=first, end_time=None)
    add("other orphan", at=52, parent=Missing, session_name="odd")


def _cycles(store: Store, add: Any) -> None:
    """Parents that contradict dotted orders: cycles, a child elsewhere, a root with a parent."""
    root = add("cycle", at=60)
    some = [add(f"cycle{at}", at=61 + at, parent=root) for at in range(4)]
    deep = add("cycle deep", at=66, parent=add("cycle below", at=65, parent=some[2]))
    run = table(Run)
    parents = {some[0].id: some[1].id, some[1].id: some[0].id, some[2].id: some[2].id}
    parents |= {deep.id: root.id, some[3].id: deep.id}
    with store._engine.begin() as connection:
        for child, parent in parents.items():
            connection.execute(update(run).where(run.c.id == child).values(parent_run_id=parent))
        grown = dict(connection.execute(select(run).where(run.c.id == deep.id)).mappings().one())
        for at in range(2):
            changed = {
                "id": UUID(run_id(f"far{at}")),
                "parent_run_id": some[0].id,
                "name": f"far{at}",
            }
            far = f"{grown['dotted_order']}.20260101T120000000000Z{changed['id']}"
            connection.execute(
                insert(run).values({**grown, **changed, "dotted_order": far, "depth": 4})
            )
        if not CLUSTER:  # which could not say which of two rows of one id comes first
            _twins(connection, grown)
        other = add_root(connection, root.trace_id)
        connection.execute(update(run).where(run.c.id == root.id).values(parent_run_id=other))


def _twins(connection: Any, grown: dict[Any, Any]) -> None:
    """One id in two traces, each with a child."""
    twin = {**grown, "trace_id": run_id_of("t0"), "parent_run_id": run_id_of("t0.0.0")}
    twin |= {"start_time": NOON, "dotted_order": f"0{grown['dotted_order']}"}
    below = {"id": run_id_of("twin's child"), "parent_run_id": grown["id"], "depth": 3}
    for row in (twin, {**twin, **below}):
        connection.execute(insert(table(Run)).values(row))


def add_root(connection: Any, trace_id: UUID) -> UUID:
    """A second run without a parent in a trace."""
    run = table(Run)
    found = dict(connection.execute(select(run).where(run.c.id == trace_id)).mappings().one())
    id = UUID(run_id("second root"))
    connection.execute(insert(run).values({**found, "id": id, "parent_run_id": None}))
    return id


def run_id_of(name: str) -> UUID:
    """The id of a run as the tables hold it."""
    return UUID(run_id(name))


def _change(connection: Any, model: Any, name: str, columns: Mapping[str, Any]) -> None:
    of = table(model)
    connection.execute(update(of).where(of.c.id == run_id_of(name)).values(columns))


def _raw(connection: Any, of: str, name: str, columns: Mapping[str, Any]) -> None:
    """Set columns past every type; only SQLite lets anybody do that."""
    settings = ", ".join(f"{column} = ?" for column in columns)
    values = (*columns.values(), run_id_of(name).bytes)
    connection.exec_driver_sql(f"UPDATE {of} SET {settings} WHERE id = ?", values)
