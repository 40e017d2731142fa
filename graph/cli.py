"""`rungraph`: reads the command line, and nothing else; `graph.commands` does what it says.

Exit codes: 0 done, 1 it could not be done, 2 it was asked for in a way that is not understood.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from graph.settings import SETTINGS, Settings, SettingsError

COMMANDS = {
    "serve": "take in runs and answer queries",
    "demo": "serve a week of made-up runs, from a throw-away database unless --db names one",
    "schema": "print the GraphQL schema",
    "migrate": "bring a database to this version's tables",
    "reindex": "make the index of words, which searches ask, anew",
}
_GC_THRESHOLDS = (50_000, 20, 50)
"""Answers are many small objects without cycles: looking for some in them is time lost."""

FLAGS = {
    "serve": ("host", "port", "db"),
    "demo": ("host", "port", "db"),
    "schema": (),
    "migrate": ("db",),
    "reindex": ("db",),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
    flags = {SETTINGS[name].variable: text for name, text in given.items() if text is not None}
    environ = {**os.environ, **flags}
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as problem:
        return _failed(str(problem), 2)
    if command == "demo" and not environ.get(SETTINGS["db"].variable):
        command = "passing_demo"
    commands = _load_commands()
    run: Callable[[Settings], None] = getattr(commands, command)
    try:
        run(settings)
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
    return parser


def _add_flag(command: argparse.ArgumentParser, name: str) -> None:
    setting = SETTINGS[name]

    def checked(text: str) -> Any:
        try:
            setting.read(text)
        except SettingsError:
            problem = f"{text!r} given; allowed: {setting.kind.allowed}"
            raise argparse.ArgumentTypeError(problem) from None
        return text

    about = f"{setting.meaning} Default: {setting.variable}, else {setting.default}"
    command.add_argument(f"--{name}", type=checked, metavar=name.upper(), help=about)


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
