"""The kit of outside checks beside the repository, made ready to run; where it is not, why."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
KIT = HOME.parent / "shared" / "kit"
PROFILE = Path(__file__).with_name("profile.json")
SCHEMA = HOME / "schema.graphql"


def missing() -> str | None:
    """Say what the kit lacks to run; None if nothing."""
    if not KIT.is_dir():
        return f"no kit at {KIT}"
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no node on this machine"
    return None


def kit() -> Path:
    """Return a copy of the kit with what it needs of npm (340 MB, kept); skip where that fails."""
    why = missing()
    if why:
        pytest.skip(why)
    files = sorted(path for path in KIT.iterdir() if path.is_file())
    digest = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"rungraph-kit-{digest}"
    if not (folder / "ready").exists():
        folder.mkdir(exist_ok=True)
        for path in files:
            (folder / path.name).write_bytes(path.read_bytes())
        command = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=1"]
        done = _run(command, folder)
        if done.returncode:
            pytest.skip(f"npm could not install the kit: {done.stderr[-300:]}")
        (folder / "ready").touch()
    return folder


def checked(*command: str, cwd: Path) -> None:
    """Run a check of the kit; fail with what it says if anything fails."""
    done = _run(command, cwd)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def _run(command: Sequence[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, check=False, cwd=cwd, capture_output=True, text=True, timeout=600
    )
