"""The migrations make the very tables that the models declare."""

import re
import sqlite3
import subprocess
import sys
from threading import Thread
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Row, create_engine, inspect
from sqlmodel import SQLModel

import db.models
from db import migrations, schema_version
from db.dialects import open_any, open_engine
from db.errors import SchemaMismatchError
from db.full_text import FULL_TEXT
from tests.databases import own_database
from tests.db.first_version import PLACE, first_version

URL = "sqlite:///runs.db"
OURS = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/runs.db", synchronous="off")
    yield engine
    engine.dispose()


@pytest.fixture
def url(database, request, tmp_path):
    """The URL of an empty database."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path}/runs.db"
        return
    with own_database(request.getfixturevalue("postgres_server"), f"empty_{uuid4().hex}") as url:
        yield url


@pytest.fixture
def empty(url):
    engine = open_any(url)
    yield engine
    engine.dispose()


def declarations(engine: Engine) -> dict[str, str]:
    """Every table and index as SQLite keeps it, but for spaces and quotes."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(OURS)
        return {name: re.sub(r'[\s"]+', "", sql) for name, sql in rows if is_declared(name)}


def is_declared(name: str | None, *_: object) -> bool:
    """Whether a table or an index is the models' to declare."""
    return name not in OBJECTS


COLUMNS = """
SELECT table_name || '.' || column_name AS name,
       concat_ws(' ', udt_name, numeric_precision, numeric_scale, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = %s
"""
INDEXES = """
UNION ALL SELECT indexname, replace(indexdef, schemaname || '.', '')
FROM pg_indexes WHERE schemaname = %s ORDER BY name
"""


def is_ours(row: Row) -> bool:
    name = row.name.partition(".")[0]
    return name not in OBJECTS and not name.startswith("alembic_version")


OBJECTS = FULL_TEXT["sqlite"].objects | FULL_TEXT["postgresql"].objects

COMPARED = {"compare_type": True, "include_name": is_declared}


def test_a_migrated_database_is_what_the_models_say(empty):
    schema_version.upgrade(empty, URL)

    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts=COMPARED)
        assert compare_metadata(context, SQLModel.metadata) == []


@pytest.mark.only_on("postgresql", reason="the next test does it for SQLite")
def test_columns_and_indexes_of_postgresql_are_migrated_to_the_letter(empty):
    schema_version.upgrade(empty, URL)
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA declared")
        connection.exec_driver_sql("SET LOCAL search_path = declared")
        SQLModel.metadata.create_all(connection)
        told = [
            connection.exec_driver_sql(COLUMNS + INDEXES, (schema, schema)).all()
            for schema in ("rungraph", "declared")
        ]

    migrated, declared = ([row for row in rows if is_ours(row)] for rows in told)
    assert migrated == declared
    assert any("DESC" in row[1] and "WHERE" in row[1] for row in migrated)


def test_indexes_are_migrated_to_the_letter(engine, tmp_path):
    schema_version.upgrade(engine, URL)
    declared = create_engine(f"sqlite:///{tmp_path}/declared.db")
    SQLModel.metadata.create_all(declared)

    assert declarations(engine) == declarations(declared)
    assert any("DESC" in sql and "WHERE" in sql for sql in declarations(engine).values())
    declared.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_the_first_version_is_written_from_the_models():
    assert PLACE.read_text() == first_version(), "run `python -m tests.db.first_version`"


def test_the_version_in_the_code_is_the_last_migration():
    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))

    assert ScriptDirectory.from_config(config).get_heads() == [schema_version.HEAD]


def test_an_empty_database_is_made_and_a_made_one_left_alone(empty):
    assert schema_version.current(empty) is None

    schema_version.ensure(empty, URL)
    before = tables(empty)
    schema_version.ensure(empty, URL)

    assert schema_version.current(empty) == schema_version.HEAD
    assert before == tables(empty)
    assert "run" in before


@pytest.mark.parametrize(("version", "advice"), [("0000", "rungraph migrate"), ("9999", "newer")])
def test_another_version_is_refused_with_what_to_do(empty, version, advice):
    schema_version.upgrade(empty, URL)
    with empty.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")

    with pytest.raises(SchemaMismatchError, match=advice) as refused:
        schema_version.ensure(empty, URL)

    assert f"{URL} holds version {version}" in str(refused.value)
    assert schema_version.HEAD in str(refused.value)


@pytest.mark.parametrize("do", [schema_version.upgrade, schema_version.ensure])
def test_a_refusal_keeps_the_password_of_the_url(engine, do):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE recipe (id INTEGER)")

    with pytest.raises(SchemaMismatchError) as refused:
        do(engine, "postgresql://me:secret@there/runs")

    assert "postgresql://me:***@there/runs" in str(refused.value)


def test_a_newer_database_is_never_touched(empty):
    schema_version.upgrade(empty, URL)
    with empty.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaMismatchError, match="newer"):
        schema_version.upgrade(empty, URL)


@pytest.mark.parametrize("do", [schema_version.upgrade, schema_version.ensure])
def test_a_database_of_something_else_is_refused(engine, do):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE recipe (id INTEGER)")

    with pytest.raises(SchemaMismatchError, match="not Rungraph's"):
        do(engine, URL)

    assert set(declarations(engine)) == {"recipe"}


@pytest.mark.only_on("postgresql", reason="SQLite has no schemas")
def test_tables_of_something_else_in_other_schemas_are_left_alone(empty):
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.recipe (id INTEGER)")

    schema_version.ensure(empty, URL)

    assert inspect(empty).get_table_names("public") == ["recipe"]
    assert "run" in inspect(empty).get_table_names("rungraph")


def test_a_migration_that_fails_leaves_nothing_behind(empty, monkeypatch):
    monkeypatch.setattr(schema_version, "HEAD", "0002")

    with pytest.raises(Exception, match="0002"):
        schema_version.upgrade(empty, URL)

    assert tables(empty) == set()


def test_migrate_tells_the_versions_before_and_after(url):
    assert schema_version.migrate(url) == (None, schema_version.HEAD)
    assert schema_version.migrate(url) == (schema_version.HEAD, schema_version.HEAD)


def test_several_may_make_one_database_at_once(url):
    engines = [open_any(url) for _ in range(4)]
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
