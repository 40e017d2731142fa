"""`rungraph`: reads the command line, and nothing else; `graph.commands` does what it says.

Exit codes: 0 done, 1 it could not be done, 2 it was asked for in a way that is not understood. An
import ends with 1 if lines were refused, and with 2 if it could not be done.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from graph.setting_kinds import COUNT, DATABASE_URL, DAYS, SWITCH, TEXT, Kind
from graph.settings import SETTINGS, Settings, SettingsError

COMMANDS = {
    "serve": "take in runs and answer queries",
    "demo": "serve a week of made-up runs, from a throw-away database unless --db names one",
    "schema": "print the GraphQL schema",
    "migrate": "bring a database to this version's tables",
    "reindex": "make the index of words, which searches ask, anew",
    "keep": "print for how many days each project keeps its runs, or set it for one",
    "copy": "copy a database into an empty one, of either kind, or go on with that",
    "prune": "take away the runs that projects keep no longer",
    "import": "bring in runs from files, JSON lines or Parquet",
    "export": "write runs to a file, as JSON lines",
    "backup": "copy an SQLite database, which may be in use, to a new file",
    "doctor": "print how server and database stand; the exit code is 1 if anything is wrong",
    "key create": "make a key and print it, which is never done again",
    "key list": "print the keys that are not revoked, without their secrets",
    "key revoke": "make a key good for nothing, in every server within seconds",
}
"""What each does; a command of two words is one of a group."""

GROUPS = {"key": "make, list and revoke the keys that the server wants of its clients"}
_GC_THRESHOLDS = (50_000, 20, 50)
"""Answers are many small objects without cycles: looking for some in them is time lost."""
_TURN_SECONDS = 0.001
"""How long a thread computes while others wait: whoever talks to the database does so briefly and
often, and with Python's 5 ms would wait longer for its turn than for the database."""

FLAGS = {
    "serve": ("host", "port", "db", "workers", "insecure"),
    "demo": ("host", "port", "db", "insecure"),
    "schema": (),
    "migrate": ("db",),
    "reindex": ("db",),
    "keep": ("db",),
    "copy": (),
    "prune": ("db", "retention_days"),
    "import": ("db",),
    "export": ("db",),
    "backup": ("db",),
    "doctor": ("db",),
    "key create": ("db",),
    "key list": ("db",),
    "key revoke": ("db",),
}


@dataclass(frozen=True, slots=True)
class Argument:
    """What one command alone takes: an option, a switch (no kind), or a value by its place.

    An option that may be given `often` is a list, and so is what takes several places. What has a
    place and a default need not be given.
    """

    name: str
    about: str
    kind: Kind[Any] | None = None
    default: Any = None
    placed: bool = False
    often: bool = False


_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _expiry(text: str) -> datetime:
    """Return a moment: so long from now, or a date in UTC."""
    if text[-1:] in _UNITS:
        return datetime.now(UTC) + timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


SCOPE = Kind(
    "read, write or admin", lambda text: {"read": text, "write": text, "admin": text}[text]
)
EXPIRY = Kind("a time from now like 12h, 30d or 4w, or a date like 2027-01-31", _expiry)

ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "migrate": (
        Argument("citus", "Spread the tables over the workers of a Citus cluster as well."),
    ),
    "keep": (
        Argument("project", "The name of a project to set it for.", TEXT),
        Argument("days", "So many days; 0: for ever; not given: as the default says.", DAYS),
    ),
    "copy": (
        Argument(
            "source", "The database to read; nothing may write to it.", DATABASE_URL, placed=True
        ),
        Argument("target", "The empty database to write to.", DATABASE_URL, placed=True),
    ),
    "prune": (
        Argument("payloads_only", "Take only what runs carried; they stay to be listed."),
        Argument("dry_run", "Change nothing; tell how many it would be."),
        Argument(
            "files",
            "Take only files out of RUNGRAPH_ATTACHMENTS that are no run's of this database, which"
            " a killed server leaves; what lies there must be no other database's.",
        ),
        Argument("batch", "How many runs go in one transaction. Default: 500", COUNT, 500),
    ),
    "import": (
        Argument(
            "files",
            "JSON lines or Parquet, packed with gzip or zstd or not; - is standard input",
            TEXT,
            placed=True,
            often=True,
        ),
        Argument("project", "put all runs into the project of this name", TEXT),
        Argument("again", "Bring in whole files, even what was brought in before."),
    ),
    "export": (
        Argument(
            "file",
            "the new file, packed if it ends in .gz or .zst; default: standard output, -",
            TEXT,
            "-",
            placed=True,
        ),
        Argument("project", "only of this project, by name or id; repeatable", TEXT, often=True),
        Argument("where", "only what passes this RunFilter of the schema, as JSON", TEXT),
        Argument("filter", "only what passes this expression of LangSmith's language", TEXT),
        Argument("resume", "Go on with a file that was not finished, with the same filter."),
    ),
    "backup": (Argument("file", "the new file", TEXT, placed=True),),
    "key create": (
        Argument("scope", "read, write or admin; may be given twice", SCOPE, often=True),
        Argument(
            "project", "limit it to a project, by name or id; may be repeated", TEXT, often=True
        ),
        Argument("expires", "when it stops to be good; default: never", EXPIRY),
        Argument("name", "whose it is, or what for", TEXT),
    ),
    "key revoke": (Argument("id", "the id of the key, as `key list` shows it", TEXT, placed=True),),
}
"""By command; its function gets them by name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = vars(_parser().parse_args(arguments))
    command = " ".join([given.pop("command"), *filter(None, [given.pop("part", None)])])
    own = {each.name: given.pop(each.name) for each in ARGUMENTS.get(command, ())}
    flags = {SETTINGS[name].variable: text for name, text in given.items() if text is not None}
    environ = {**os.environ, **flags}
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as problem:
        return _failed(str(problem), 2)
    if command == "demo" and not environ.get(SETTINGS["db"].variable):
        command = "passing_demo"
    commands = _load_commands()
    function = {"import": "import_"}.get(command, command.replace(" ", "_"))
    run: Callable[..., int | None] = getattr(commands, function)
    try:
        return run(settings, **own) or 0
    except commands.FAILURES as problem:
        return _failed(str(problem), getattr(problem, "code", 1))
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rungraph", description="A GraphQL API over the runs your LangSmith SDK traces."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    groups: dict[str, Any] = {}
    for name, does in GROUPS.items():
        group = commands.add_parser(name, help=does, description=does)
        groups[name] = group.add_subparsers(dest="part", metavar="COMMAND", required=True)
    for name, does in COMMANDS.items():
        first, _, rest = name.partition(" ")
        place = groups[first] if rest else commands
        command = place.add_parser(rest or first, help=does, description=does)
        for flag in FLAGS[name]:
            _add_flag(command, flag)
        for argument in ARGUMENTS.get(name, ()):
            _add_argument(command, argument)
    return parser


def _add_flag(command: argparse.ArgumentParser, name: str) -> None:
    setting = SETTINGS[name]
    read = _reader(setting.kind)

    def checked(text: str) -> str:
        read(text)
        return text

    about = f"{setting.meaning} Default: {setting.variable}, else {setting.default}"
    flag = f"--{name.replace('_', '-')}"
    if setting.kind is SWITCH:
        command.add_argument(flag, dest=name, action="store_const", const="on", help=about)
    else:
        command.add_argument(flag, dest=name, type=checked, metavar=name.upper(), help=about)


def _add_argument(command: argparse.ArgumentParser, argument: Argument) -> None:
    name, about, kind = argument.name, argument.about, argument.kind
    flag = f"--{name.replace('_', '-')}"
    if kind is None:
        command.add_argument(flag, action="store_true", help=about)
    elif argument.placed:
        count = "+" if argument.often else None if argument.default is None else "?"
        given: dict[str, Any] = {"nargs": count, "default": argument.default}
        command.add_argument(name, type=_reader(kind), metavar=name.upper(), help=about, **given)
    else:
        given = {"default": argument.default}
        if argument.often:
            given["default"], given["action"] = [], "append"
        command.add_argument(flag, type=_reader(kind), metavar=name.upper(), help=about, **given)


def _reader(kind: Kind[Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return kind.parse(text)
        except (ValueError, KeyError):
            problem = f"{text!r} given; allowed: {kind.allowed}"
            raise argparse.ArgumentTypeError(problem) from None

    return read


def _load_commands() -> Any:
    """Load everything, not before it is needed; collecting garbage would add a fifth to it."""
    gc.disable()
    commands = import_module("graph.commands")
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_TURN_SECONDS)
    gc.enable()
    return commands


def _failed(problem: str, code: int) -> int:
    sys.stderr.write("".join(f"rungraph: {line}\n" for line in problem.splitlines()))
    return code
