"""The commands `backup` and `doctor`."""

import asyncio
import shutil
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path

import orjson

from db.backup import backup as copy_database
from db.doctor import Finding, examine, index_lag
from db.errors import StoreError
from db.schema_version import shown
from db.store import Store
from graph.app import STATEMENTS
from graph.settings import SETTINGS, Settings

_LEAST_FREE = 1 << 30
_MOST_SLOW = 10
_PATIENCE = 2.0


class UnwellError(Exception):
    """Something is not as it should be; its text says how much."""


def backup(settings: Settings, file: str) -> None:
    """Copy the database, which may be in use, to a new file."""
    size = copy_database(settings.db, Path(file))
    sys.stdout.write(f"{file}: {size} bytes, checked; docs/operations.md says how to restore it\n")


def doctor(settings: Settings) -> None:
    """Print how things stand. Raises UnwellError where something is wrong."""
    findings = [
        Finding("version of Rungraph", version("rungraph")),
        *_configuration(settings),
        *_space(settings),
        *_database(settings),
        *_server(settings),
    ]
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


def _server(settings: Settings) -> list[Finding]:
    """Ask the server that runs on this machine, if one does, which statements were slow."""
    about = f"server on {settings.host} port {settings.port}"
    client = HTTPConnection(settings.host, settings.port, timeout=_PATIENCE)
    try:
        client.request("GET", STATEMENTS)
        answer = client.getresponse()
        slow = orjson.loads(answer.read())["statements"]
    except (OSError, HTTPException, orjson.JSONDecodeError):
        return [Finding(about, "none that answers")]
    except KeyError:
        told = f"it answers; a key with admin scope sees slow statements at {STATEMENTS}"
        return [Finding(about, told)]
    finally:
        client.close()
    found = [Finding(about, f"it answers; {len(slow)} statements of queries were slow")]
    for each in slow[:_MOST_SLOW]:
        told = f"{each['times']} times, {each['longest']:.2f} s at most: {each['sql'][:300]}"
        found.append(Finding("slow statement", told))
    return found


def _database(settings: Settings) -> list[Finding]:
    try:
        with closing(Store.open(settings.db)) as store:
            found = asyncio.run(store.read_with(examine))
            found.append(asyncio.run(store.read_with(index_lag, _PATIENCE)))
            return [Finding("database", f"{shown(settings.db)} ({store.dialect})"), *found]
    except StoreError as error:
        return [Finding("database", str(error), fine=False)]
