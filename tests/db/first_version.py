"""Writes the first migration from the models; until 0.1.0 is released it is written anew.

    python -m tests.db.first_version

From then on this file goes and its output stays as it is; `db/migrations/__init__.py` says how
the second version comes.
"""

import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import db.models
from db import dialects, migrations

PLACE = Path(migrations.__file__).parent / "versions" / "0001_first.py"

HEADER = '''"""The first tables. Written by `python -m tests.db.first_version`."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

from db.dialects import {types}
from db.full_text import FULL_TEXT, Words
from db.tree_order import IndexedHead

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
'''

FULL_TEXT_MADE = """

def _full_text() -> None:
    for statement in FULL_TEXT[op.get_bind().dialect.name].makes:
        op.execute(statement)
"""
"""What no model declares: the indexes of words, by the database."""

_HEAD_IN_INDEXES = (
    "sa.literal_column('dotted_order IN PART')",
    "IndexedHead(sa.column('dotted_order'))",
)
"""What an index is of, as Alembic prints it, and for every database."""


def first_version() -> str:
    """Return the source of the first migration, formatted."""
    tables: dict[str, list[str]] = {}
    for operation in _operations():
        tables.setdefault(operation.table_name, []).append(_code(operation))
    body = "".join(f"    _{name}()\n" for name in sorted(tables)) + "    _full_text()\n"
    for name, code in sorted(tables.items()):
        body += f"\n\ndef _{name}() -> None:\n" + indent("\n".join(code), "    ") + "\n"
    body += FULL_TEXT_MADE
    used = [name for name in sorted(_our_types()) if f" {name}()" in body]
    return _formatted(HEADER.format(types=", ".join(used)) + body)


def _operations() -> list[Any]:
    assert db.models.Run
    with create_engine("sqlite://").connect() as connection:
        script = produce_migrations(MigrationContext.configure(connection), SQLModel.metadata)
    assert script.upgrade_ops
    top = script.upgrade_ops.ops
    nested = [op.ops if isinstance(op, ops.ModifyTableOps) else [op] for op in top]
    return [operation for some in nested for operation in some]


def _our_types() -> set[str]:
    return {name for name, item in vars(dialects).items() if _is_ours(item)}


def _is_ours(item: Any) -> bool:
    return isinstance(item, type) and item.__module__ == dialects.__name__


def _type(kind: str, item: Any, _: Any) -> str | bool:
    name = type(item).__name__
    ours = {*_our_types(), "UTCDateTime", "Words"}
    return f"{name}()" if kind == "type" and name in ours else False


def _code(operation: ops.MigrateOperation) -> str:
    code = render_python_code(ops.UpgradeOps([operation]), render_item=_type)
    lines = [line for line in code.splitlines() if not line.strip().startswith("#")]
    found = "\n".join(line.removeprefix("    ") for line in lines)
    return found.replace(*_HEAD_IN_INDEXES)


def _formatted(source: str) -> str:
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PLACE), "-"]
    return subprocess.run(ruff, input=source, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    PLACE.write_text(first_version())
