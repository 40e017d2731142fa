"""The law of the engine: whatever is asked, it answers as graphql-core does.

The questions are made from the schema, the rows are good, odd and broken. Compared are the text of
`data`, key for key, and the errors with their paths and codes.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from db.projects import id_of
from db.reach import Reach
from db.store import Store
from graph.schema import schema
from graph.setting_kinds import Engine
from tests.conftest import run_id
from tests.laws.asking import Asked, Pools, questions
from tests.laws.hostile import BROKEN, UNICODE, break_, fill
from tests.levels import Levels

SHARE = 0.8
"""How many of the valid questions the engine has to answer itself."""

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
"""graphql-core drops what it began for a field's neighbours when the field fails."""

COMPILED = (Engine.EXECUTOR, Engine.OPERATION, Engine.HTTP)


@dataclass
class Contest:
    """Asks all levels the same, and counts who answered."""

    levels: Levels
    paths: dict[Engine, Counter[str]] = field(
        default_factory=lambda: {level: Counter() for level in COMPILED}
    )
    dear: list[tuple[Engine, int, int, Asked]] = field(default_factory=list)

    async def compare(self, asked: Asked) -> None:
        """Ask all levels the same; what they say has to be what graphql-core says alone."""
        off = await self.levels.answer(Engine.OFF, *asked)
        assert off.path in {"graphql-core", "none"}
        valid = off.path != "none" and off.data != "null" and not off.errors
        for engine in COMPILED:
            on = await self.levels.answer(engine, *asked)
            told = f"{engine}\n{asked.query}\n{json.dumps(asked.variables)}"
            assert on.status == off.status, told
            assert on.data == off.data, told
            assert on.errors == off.errors, told
            counts = valid and (off.statements != [] or engine is not Engine.EXECUTOR)
            self.paths[engine][on.path] += counts  # without questions there is nothing to plan
            whole = on.path in {Engine.OPERATION, Engine.HTTP}
            if valid and whole and different(on.statements) > len(off.statements) + 1:
                self.dear.append((engine, len(on.statements), len(off.statements), asked))


def different(statements: list[str]) -> int:
    """How many statements are sent that differ in more than the columns they select.

    What two places of one selection ask alike is sent for each place by plans, with its columns,
    and may be sent once by graphql-core.
    """
    return len({sql.partition(" FROM ")[2] for sql in statements})


FOUND = """{
  runs(first: 200) { edges { cursor node { id name descendants(first: 2) { edges { cursor } }
    feedback { edges { cursor node { id } } } } } }
  projects { edges { cursor node { id runs(first: 3) { edges { cursor } } } } }
}"""


async def pools(levels: Levels) -> Pools:
    """Values that mean something to the rows of a store."""
    text = (await levels.answer(Engine.OFF, FOUND)).data or ""
    runs = [edge["node"] for edge in json.loads(text)["runs"]["edges"]]
    projects = [edge["node"]["id"] for edge in json.loads(text)["projects"]["edges"]]
    judged = [edge["node"]["id"] for run in runs for edge in run["feedback"]["edges"]]
    ids = [run["id"] for run in runs] * 3
    cursors = re.findall(r'"cursor":"([^"]+)"', text)
    return Pools(
        ids=[*ids, *judged[:20], *projects * 5, run_id("missing"), run_id("nobody")],
        texts=[
            "odd",
            "p",
            "t",
            "%.0%",
            "llm",
            "right",
            "why",
            "",
            UNICODE,
            *(r["name"] for r in runs),
        ],
        cursors=sorted(set(cursors)),
        moments=["2026-01-01T12:00:00Z", "2026-01-01T12:00:10.5+00:00", "2030-01-01T00:00:00"],
    )


async def _agree(
    store: Store,
    seed: int,
    number: int,
    spoil: Callable[[], None] | None,
    reach: Reach | None,
) -> Contest:
    contest = Contest(Levels(store, reach))
    known = await pools(Levels(store))  # with ids of what is beyond reach
    if spoil:
        spoil()
        known = replace(known, ids=[*known.ids, *map(run_id, BROKEN), *map(run_id, BROKEN)])
    ask = questions(schema._schema, known, seed)
    for _ in range(number):
        await contest.compare(ask())
    await contest.levels.close()
    return contest


def agree(
    store: Store,
    seed: int,
    number: int,
    spoil: Callable[[], None] | None = None,
    reach: Reach | None = None,
) -> dict[Engine, float]:
    """Ask random questions of all levels; return which share of the valid ones each answered."""
    contest = asyncio.run(_agree(store, seed, number, spoil, reach))
    assert contest.dear == []
    print(*(f"{level}: {dict(paths)}" for level, paths in contest.paths.items()), sep="\n")  # noqa: T201
    return {
        level: 1 - paths["graphql-core"] / paths.total() for level, paths in contest.paths.items()
    }


@pytest.fixture
def odd(store: Store, add: Any, judge: Any, attach: Any) -> Store:
    """Rows that are odd, all of which can be answered."""
    fill(store, add, judge, attach)
    return store


@pytest.fixture
def spoil(odd: Store, add: Any, judge: Any) -> Callable[[], None]:
    """Put rows into the store that make errors wherever they are shown."""
    return lambda: break_(odd, add, judge)


typeless = pytest.mark.only_on(
    "sqlite", reason="PostgreSQL holds no value of another type than its column's"
)


def is_sqlite(store: Store) -> bool:
    return store.reading().dialect == "sqlite"


def test_all_levels_answer_alike(odd: Store):
    shares = agree(odd, seed=1, number=80 if is_sqlite(odd) else 30)

    assert min(shares.values()) >= SHARE


def test_all_levels_answer_a_limited_key_alike(odd: Store):
    reach = Reach(frozenset([id_of("odd")]))
    shares = agree(odd, seed=3, number=60 if is_sqlite(odd) else 20, reach=reach)

    assert min(shares.values()) >= SHARE


@typeless
def test_all_levels_tell_the_same_errors_of_broken_rows(odd: Store, spoil: Callable[[], None]):
    agree(odd, seed=2, number=50, spoil=spoil)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(10, 20))
def test_all_levels_answer_alike_whatever_is_asked(odd: Store, seed: int):
    shares = agree(odd, seed, number=400 if is_sqlite(odd) else 100)

    assert min(shares.values()) >= SHARE


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(30, 32))
def test_all_levels_answer_a_limited_key_alike_whatever_is_asked(odd: Store, seed: int):
    reach = Reach(frozenset(map(id_of, ("odd", "p") if seed % 2 else ("odd",))))
    shares = agree(odd, seed, number=300 if is_sqlite(odd) else 75, reach=reach)

    assert min(shares.values()) >= SHARE


@typeless
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(20, 25))
def test_all_levels_tell_the_same_errors_whatever_is_asked(
    odd: Store, spoil: Callable[[], None], seed: int
):
    agree(odd, seed, number=400, spoil=spoil)
