"""A store is copied whole, from either database into either, or it is said that it is not."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from db import copying
from db.copying import copy
from db.dialects import open_any
from db.errors import ConflictError, InvalidError, NotFoundError, SchemaMismatchError
from db.store import Store
from db.tables import FEEDBACK, RUN, RUN_PAYLOAD, RUN_SEARCH_QUEUE
from tests import databases


@pytest.fixture
def filled(store: Store, add, judge, attach) -> str:
    """The URL of a store with some of everything."""
    root = add(
        "root", inputs={"q": "é \U0001f600"}, extra={"metadata": {"thread_id": "t", "a": "ü"}}
    )
    for at in range(5):
        usage = {"prompt_tokens": at, "total_tokens": at, "total_cost": 0.000001 * at}
        run = add(f"child {at}", at=at, parent=root, run_type="llm", tags=("Ä", "a"), usage=usage)
        judge(run, "right", score=at / 3)
    attach(root, "a.txt", b"\0\xff")
    return store._engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request, tmp_path) -> Any:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/target.db"
        return
    name = f"rungraph_target_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with databases.own(request.getfixturevalue("postgres_server"), name) as url:
        yield url


@pytest.fixture
def bar() -> Callable[..., Any]:
    """A bar that remembers what it was told."""

    @contextmanager
    def bar(name: str, total: int, done: int) -> Generator[Callable[[int], None]]:
        counts = [done]
        yield counts.append
        bar.told[name] = (total, sum(counts))

    bar.told = {}
    return bar


def count(url: str, table: Any) -> int:
    engine = open_any(url)
    with engine.connect() as connection:
        found = connection.scalar(select(func.count()).select_from(table))
    engine.dispose()
    return found


def test_everything_is_there_afterwards(filled, target, bar, tmp_path):
    copied = copy(filled, target, bar)

    rows = {table.name: table.rows for table in copied}
    assert (rows["run"], rows["feedback"], rows["attachment"], rows["run_tag"]) == (6, 5, 1, 10)
    assert all(total == done for total, done in bar.told.values())
    assert count(target, RUN_SEARCH_QUEUE) == 6
    again = f"sqlite:///{tmp_path}/again.db"
    assert copy(target, again, bar) == copied


def test_a_copy_that_was_stopped_goes_on_where_it_was(filled, target, bar, monkeypatch):
    monkeypatch.setattr(copying, "_MOST", 2)
    put, calls = copying._put, []

    def broken(*given: Any) -> None:
        calls.append(given[1].name)
        if calls.count("run") == 2:
            raise KeyboardInterrupt
        put(*given)

    monkeypatch.setattr(copying, "_put", broken)
    with pytest.raises(KeyboardInterrupt):
        copy(filled, target, bar)
    assert count(target, RUN) == 2
    monkeypatch.setattr(copying, "_put", put)

    copied = {table.name: table.rows for table in copy(filled, target, bar)}

    assert copied["run"] == count(target, RUN) == 6


def test_rows_are_read_a_few_at_a_time(filled, target, bar, monkeypatch):
    monkeypatch.setattr(copying, "_ENOUGH", 1)
    monkeypatch.setattr(copying, "_AT_ONCE", 1)
    sizes: list[int] = []
    put = copying._put
    monkeypatch.setattr(copying, "_put", lambda *given: (sizes.append(len(given[2])), put(*given)))

    copy(filled, target, bar)

    assert set(sizes) == {1}


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
def test_half_a_copy_of_something_else_is_refused(filled, target, bar, tmp_path, monkeypatch):
    other = f"sqlite:///{tmp_path}/other.db"
    Store.open(other).close()
    monkeypatch.setattr(copying, "_copy_table", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        copy(filled, target, bar)
    engine = open_any(target)
    with engine.begin() as connection:
        note = {"name": "run", "source": "sqlite:///x.db", "told": "{}"}
        connection.execute(copying._PROGRESS.insert(), note)
    engine.dispose()

    with pytest.raises(ConflictError, match=r"half a copy of sqlite:///x\.db"):
        copy(filled, target, bar)


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
def test_a_target_with_rows_is_refused(filled, target, bar):
    copy(filled, target, bar)

    with pytest.raises(ConflictError, match=r"holds rows already, in .*run"):
        copy(filled, target, bar)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda: delete(FEEDBACK).where(FEEDBACK.c.score > 1), id="a row is missing"),
        pytest.param(lambda: update(RUN_PAYLOAD).values(inputs="{}"), id="a value differs"),
    ],
)
def test_a_target_that_is_not_the_same_is_found_out(filled, target, bar, monkeypatch, spoil):
    verified = copying._verified

    def spoiled(source: Any, engine: Any, *given: Any) -> Any:
        with engine.begin() as connection:
            connection.execute(spoil())
        return verified(source, engine, *given)

    monkeypatch.setattr(copying, "_verified", spoiled)

    with pytest.raises(ConflictError, match=r"feedback has 5 rows|run_payload are not those"):
        copy(filled, target, bar)


@pytest.mark.only_on("sqlite", reason="PostgreSQL takes no such row in the first place")
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)  # SQLite takes any text
def test_a_row_that_the_target_does_not_take_is_named(store, filled, target, bar):
    with store._engine.begin() as connection:
        connection.execute(update(RUN).values(dotted_order="".join(map(chr, range(300, 3_300)))))

    with pytest.raises(
        InvalidError, match=r"the run of trace_id .* can not be copied: .*index row"
    ):
        copy(filled, target, bar)


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
def test_a_source_that_is_not_there_or_old_is_refused(filled, target, bar, store, tmp_path):
    with pytest.raises(NotFoundError, match="there is no database"):
        copy(f"sqlite:///{tmp_path}/nothing.db", target, bar)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")

    try:
        with pytest.raises(SchemaMismatchError, match="rungraph migrate"):
            copy(filled, target, bar)
    finally:
        with store._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
