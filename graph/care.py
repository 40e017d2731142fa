"""The commands `backup` and `doctor`."""

import asyncio
import shutil
import sys
from contextlib import closing
from pathlib import Path

from db.backup import backup as copy_database
from db.doctor import Finding, examine
from db.errors import StoreError
from db.schema_version import shown
from db.store import Store
from graph.settings import SETTINGS, Settings

_LEAST_FREE = 1 << 30


class UnwellError(Exception):
    """Something is not as it should be; its text says how much."""


def backup(settings: Settings, file: str) -> None:
    """Copy the database, which may be in use, to a new file."""
    size = copy_database(settings.db, Path(file))
    sys.stdout.write(f"{file}: {size} bytes, checked; docs/operations.md says how to restore it\n")


def doctor(settings: Settings) -> None:
    """Print how things stand. Raises UnwellError where something is wrong."""
    findings = [*_configuration(settings), *_space(settings), *_database(settings)]
    for each in findings:
        sys.stdout.write(f"{'ok   ' if each.fine else 'WRONG'} {each.about}: {each.told}\n")
    wrong = sum(not each.fine for each in findings)
    if wrong:
        raise UnwellError(f"{wrong} of {len(findings)} findings are wrong")


def _configuration(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    for name, setting in SETTINGS.items():
        value = getattr(settings, name)
        if setting.kind.secret:
            value = "set" if value else "not set"
        elif isinstance(value, str) and "://" in value:
            value = shown(value)
        found.append(Finding(setting.variable, str(value)))
    return found


def _space(settings: Settings) -> list[Finding]:
    path = Path(settings.db.removeprefix("sqlite:///"))
    if not settings.db.startswith("sqlite") or not path.exists():
        return []
    free = shutil.disk_usage(path.absolute().parent).free
    return [
        Finding("size of the file", f"{path.stat().st_size} bytes"),
        Finding("free space", f"{free} bytes", free >= _LEAST_FREE),
    ]


def _database(settings: Settings) -> list[Finding]:
    try:
        with closing(Store.open(settings.db)) as store:
            found = asyncio.run(store.read_with(examine))
            return [Finding("database", f"{shown(settings.db)} ({store.dialect})"), *found]
    except StoreError as error:
        return [Finding("database", str(error), fine=False)]
