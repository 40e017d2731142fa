"""Clients made from the committed schema work with a live server, by the recipes of the docs."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.installed import KIT, PROFILE, SCHEMA, checked, kit
from tests.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
HERE = Path(__file__).parent
OPERATIONS = HERE / "operations.graphql"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the demo's API."""
    with serving("demo", None) as server:
        yield f"{server.url}/graphql"


def test_graphql_codegen_and_relay_take_the_schema_and_ask_the_server(url: str):
    """TypeScript types pass `tsc --strict`; Relay's compiled artifacts page and refetch."""
    folder = kit()
    given = ["--docs", str(OPERATIONS), "--url", url, "--profile", str(PROFILE)]
    one_of = ["--allow", "C04"]  # codegen's introspection does not ask for @oneOf: the file has it

    checked("node", "clients_codegen.mjs", str(SCHEMA), *given, *one_of, cwd=folder)


@pytest.mark.parametrize("script", ["apollo.mjs", "urql.mjs"])
def test_a_client_of_javascript_asks_the_server(url: str, script: str):
    folder = kit()
    shutil.copy(HERE / script, folder)  # modules are looked for beside a script

    checked("node", script, url, cwd=folder)


def test_the_schema_passes_lints_and_is_the_servers(url: str):
    """What is excepted stands in the profile, and why in docs/clients.md."""
    given = ["--docs", str(OPERATIONS), "--url", url, "--profile", str(PROFILE)]

    checked("node", "schema_check.mjs", str(SCHEMA), *given, cwd=kit())


@pytest.mark.parametrize("connection", ["runs", 'project(by: {name: "support-agent"})/runs'])
def test_nodes_and_connections_keep_to_the_rules_of_relay(url: str, connection: str):
    if not KIT.is_dir():
        pytest.skip(f"no kit at {KIT}")

    checked(sys.executable, "relay_spec_check.py", url, "--conn", connection, cwd=KIT)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the clients, which want another graphql-core than the server."""
    folder = tmp_path_factory.mktemp("clients")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    made = folder / "bin" / "python"
    packages = ["gql[httpx]", "ariadne-codegen"]
    command = [str(made), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"pip could not install {packages}: {done.stderr[-300:]}")
    return made


def test_gql_asks_the_server(url: str, python: Path):
    command = [python, "ask_with_gql.py", url, SCHEMA, OPERATIONS]

    checked(*map(str, command), cwd=HERE)


def test_ariadne_codegen_makes_a_client_that_asks_the_server(
    url: str, python: Path, tmp_path: Path
):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.ariadne-codegen]\n"
        f'schema_path = "{SCHEMA}"\nqueries_path = "{OPERATIONS}"\n'
        'target_package_name = "rungraph_client"\n'
    )
    shutil.copy(HERE / "ask_with_generated.py", tmp_path)

    checked(str(python.with_name("ariadne-codegen")), cwd=tmp_path)
    checked(str(python), "ask_with_generated.py", url, cwd=tmp_path)
