"""`rungraph`: reads the command line, and nothing else; `graph.commands` does what it says.

Exit codes: 0 done, 1 it could not be done, 2 it was asked for in a way that is not understood.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from graph.settings import COUNT, DATABASE_URL, DAYS, SETTINGS, TEXT, Kind, Settings, SettingsError

COMMANDS = {
    "serve": "take in runs and answer queries",
    "demo": "serve a week of made-up runs, from a throw-away database unless --db names one",
    "schema": "print the GraphQL schema",
    "migrate": "bring a database to this version's tables",
    "reindex": "make the index of words, which searches ask, anew",
    "keep": "print for how many days each project keeps its runs, or set it for one",
    "copy": "copy a database into an empty one, of either kind, or go on with that",
    "prune": "take away the runs that projects keep no longer",
}
_GC_THRESHOLDS = (50_000, 20, 50)
"""Answers are many small objects without cycles: looking for some in them is time lost."""

FLAGS = {
    "serve": ("host", "port", "db", "workers"),
    "demo": ("host", "port", "db"),
    "schema": (),
    "migrate": ("db",),
    "reindex": ("db",),
    "keep": ("db",),
    "copy": (),
    "prune": ("db", "retention_days"),
}


@dataclass(frozen=True, slots=True)
class Argument:
    """What one command alone takes: an option, a switch (no kind), or a value by its place."""

    name: str
    about: str
    kind: Kind[Any] | None = None
    default: Any = None
    placed: bool = False


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
        Argument("dry_run", "Change nothing; tell how many runs it would be."),
        Argument("batch", "How many runs go in one transaction. Default: 500", COUNT, 500),
    ),
}
"""By command; its function gets them by name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
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
    run: Callable[..., None] = getattr(commands, command)
    try:
        run(settings, **own)
    except commands.FAILURES as problem:
        return _failed(str(problem), 1)
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rungraph", description="A GraphQL API over the runs your LangSmith SDK traces."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=does)
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
    command.add_argument(
        f"--{name.replace('_', '-')}", dest=name, type=checked, metavar=name.upper(), help=about
    )


def _add_argument(command: argparse.ArgumentParser, argument: Argument) -> None:
    name, about, kind = argument.name, argument.about, argument.kind
    flag = f"--{name.replace('_', '-')}"
    if kind is None:
        command.add_argument(flag, action="store_true", help=about)
    elif argument.placed:
        command.add_argument(name, type=_reader(kind), metavar=name.upper(), help=about)
    else:
        command.add_argument(
            flag, type=_reader(kind), default=argument.default, metavar=name.upper(), help=about
        )


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
    gc.enable()
    return commands


def _failed(problem: str, code: int) -> int:
    sys.stderr.write("".join(f"rungraph: {line}\n" for line in problem.splitlines()))
    return code
