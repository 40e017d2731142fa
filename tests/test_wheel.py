"""What is shipped runs in an environment of its own, away from the checkout."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.servers import HOME, environ, serving

PAGE = "graph/graphiql/page/"
NOBODY = "http://127.0.0.1:9/"
"""Where no registry answers."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def run(*command: str | Path, cwd: Path, **settings: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=environ(**settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def pack(source: Path, folder: Path, **settings: str) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, source]
    run(*command, cwd=folder, **settings)
    (made,) = folder.glob("*.whl")
    return made


def page_in(wheel: Path) -> dict[str, bytes]:
    """The files of the explorer in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(PAGE)]
        return {name.removeprefix(PAGE): archive.read(name) for name in names}


def copied(folder: Path, *left_out: str) -> Path:
    """The sources somewhere else: what is built from them changes nothing here."""
    copy = folder / "copy"
    ignored = shutil.ignore_patterns("__pycache__", *left_out)
    for name in ("graph", "db"):
        shutil.copytree(HOME / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(HOME / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return pack(copied(folder), folder)


@pytest.fixture(scope="module")
def explorer(wheel) -> dict[str, bytes]:
    page = page_in(wheel)
    if reason := page.get("missing.txt"):
        pytest.skip(f"the explorer could not be built here: {reason.decode()}")
    return page


@pytest.fixture
def copy(tmp_path) -> Path:
    """The sources alone, as somebody has them who builds for the first time."""
    return copied(tmp_path, "page")


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


def test_the_wheel_brings_the_explorer_and_not_what_it_is_made_of(wheel, explorer):
    names = zipfile.ZipFile(wheel).namelist()

    assert {"index.html", "licenses.txt", "made-of.json"} <= set(explorer)
    assert not [
        name for name in names if re.search(r"node_modules|\.jsx|package.*json|build", name)
    ]
    assert 2_000_000 < wheel.stat().st_size < 3_000_000


def test_the_licences_of_what_is_bundled_are_shipped(explorer):
    text = explorer["licenses.txt"].decode()

    for package in ("graphiql 5.", "monaco-editor 0.", "react 19.", "graphql-ws 6."):
        assert f"\n{package}" in text
    assert text.count("Permission is hereby granted") > 40


def test_the_explorer_is_the_same_wherever_it_is_built(explorer, copy, tmp_path):
    assert page_in(pack(copy, tmp_path)) == explorer


def test_without_a_registry_there_is_a_wheel_that_says_why_it_lacks_the_explorer(copy, tmp_path):
    cache = str(tmp_path / "cache")
    page = page_in(pack(copy, tmp_path, npm_config_registry=NOBODY, npm_config_cache=cache))

    assert list(page) == ["missing.txt"]
    assert b"ECONNREFUSED" in page["missing.txt"]


def test_the_explorer_can_be_left_out(copy, tmp_path):
    assert page_in(pack(copy, tmp_path, RUNGRAPH_BUILD_PAGE="off")) == {}


def test_the_installed_server_serves_the_explorer(bare, explorer, tmp_path):
    with serving("demo", None, program=[bare / "rungraph"], cwd=tmp_path) as server:
        page = httpx.get(f"{server.url}/graphql", headers={"accept": "text/html"})
        (script,) = re.findall(r'<script type="module" src="(.*?)">', page.text)
        got = httpx.get(f"{server.url}/{script}")

    assert got.headers["content-encoding"] == "gzip"
    assert got.headers["cache-control"].endswith("immutable")


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
