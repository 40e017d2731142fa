"""The migrations make the very tables that the models declare."""

import re
import sqlite3
import subprocess
import sys
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine
from sqlmodel import SQLModel

import db.models
from db import migrations, schema_version
from db.dialects import open_engine
from db.errors import SchemaMismatchError
from db.full_text import FULL_TEXT
from tests.db.first_version import PLACE, first_version

URL = "sqlite:///runs.db"
OURS = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/runs.db", synchronous="off")
    yield engine
    engine.dispose()


def declarations(engine: Engine) -> dict[str, str]:
    """Every table and index as SQLite keeps it, but for spaces and quotes."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(OURS)
        return {name: re.sub(r'[\s"]+', "", sql) for name, sql in rows if is_declared(name)}


def is_declared(name: str | None, *_: object) -> bool:
    """Whether a table or an index is the models' to declare."""
    return name not in FULL_TEXT["sqlite"].objects


COMPARED = {"compare_type": True, "include_name": is_declared}


def test_a_migrated_database_is_what_the_models_say(engine):
    schema_version.upgrade(engine, URL)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=COMPARED)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_indexes_are_migrated_to_the_letter(engine, tmp_path):
    schema_version.upgrade(engine, URL)
    declared = create_engine(f"sqlite:///{tmp_path}/declared.db")
    SQLModel.metadata.create_all(declared)

    assert declarations(engine) == declarations(declared)
    assert any("DESC" in sql and "WHERE" in sql for sql in declarations(engine).values())
    declared.dispose()


def test_the_first_version_is_written_from_the_models():
    assert PLACE.read_text() == first_version(), "run `python -m tests.db.first_version`"


def test_the_version_in_the_code_is_the_last_migration():
    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))

    assert ScriptDirectory.from_config(config).get_heads() == [schema_version.HEAD]


def test_an_empty_database_is_made_and_a_made_one_left_alone(engine):
    assert schema_version.current(engine) is None

    schema_version.ensure(engine, URL)
    before = declarations(engine)
    schema_version.ensure(engine, URL)

    assert schema_version.current(engine) == schema_version.HEAD
    assert before == declarations(engine)
    assert "run" in before


@pytest.mark.parametrize(("version", "advice"), [("0000", "rungraph migrate"), ("9999", "newer")])
def test_another_version_is_refused_with_what_to_do(engine, version, advice):
    schema_version.upgrade(engine, URL)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")

    with pytest.raises(SchemaMismatchError, match=advice) as refused:
        schema_version.ensure(engine, URL)

    assert f"{URL} holds version {version}" in str(refused.value)
    assert schema_version.HEAD in str(refused.value)


def test_a_newer_database_is_never_touched(engine):
    schema_version.upgrade(engine, URL)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaMismatchError, match="newer"):
        schema_version.upgrade(engine, URL)


@pytest.mark.parametrize("do", [schema_version.upgrade, schema_version.ensure])
def test_a_database_of_something_else_is_refused(engine, do):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE recipe (id INTEGER)")

    with pytest.raises(SchemaMismatchError, match="not Rungraph's"):
        do(engine, URL)

    assert set(declarations(engine)) == {"recipe"}


def test_a_migration_that_fails_leaves_nothing_behind(engine, monkeypatch):
    monkeypatch.setattr(schema_version, "HEAD", "0002")

    with pytest.raises(Exception, match="0002"):
        schema_version.upgrade(engine, URL)

    assert declarations(engine) == {}


def test_several_may_make_one_database_at_once(tmp_path):
    engines = [open_engine(f"sqlite:///{tmp_path}/runs.db", synchronous="off") for _ in range(4)]
    threads = [Thread(target=schema_version.ensure, args=(engine, URL)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [schema_version.current(engine) for engine in engines] == [schema_version.HEAD] * 4
    for engine in engines:
        engine.dispose()


def test_a_database_that_is_up_to_date_is_opened_without_alembic(engine, tmp_path):
    schema_version.upgrade(engine, URL)
    program = f"""
import sys
from db import dialects, schema_version
engine = dialects.open_engine("sqlite:///{tmp_path}/runs.db", synchronous="full")
schema_version.ensure(engine, "it")
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_models_have_tables():
    assert db.models.Run.metadata.tables.keys() >= {"run", "run_payload", "project", "feedback"}
    assert sqlite3.sqlite_version_info >= (3, 35)
