"""What is shipped runs in an environment of its own, away from the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers import HOME, environ, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, HOME, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    run(folder / "venv" / "bin" / "pip", "install", wheel, cwd=folder)
    return folder / "venv" / "bin"


def test_the_wheel_holds_both_packages_and_nothing_of_the_checkout(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert "db/migrations/versions/0001_first.py" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"graph", "db", "rungraph"}


def test_the_installed_demo_answers(bare, tmp_path):
    with serving("demo", None, program=[bare / "rungraph"], cwd=tmp_path) as server:
        data = server.ask("{ runs(first: 3, where: {isRoot: true}) { nodes { name totalCost } } }")

    assert len(data["runs"]["nodes"]) == 3


def test_the_installed_server_makes_its_database(bare, tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with serving("serve", url, program=[bare / "rungraph"], cwd=tmp_path) as server:
        assert server.ask("{ runs { nodes { id } } }") == {"runs": {"nodes": []}}

    with serving("serve", url, program=[bare / "rungraph"], cwd=tmp_path) as server:
        assert server.ask("{ __typename }") == {"__typename": "Query"}


def test_the_installed_program_prints_the_committed_schema(bare, tmp_path):
    printed = subprocess.check_output(
        [bare / "rungraph", "schema"], cwd=tmp_path, env=environ(), text=True
    )

    assert printed == (HOME / "schema.graphql").read_text()
