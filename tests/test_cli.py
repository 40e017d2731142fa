"""What the command line does, and how it says that it can not."""

import signal
import socket
import subprocess
import sys

import pytest

from db import schema_version
from graph.cli import COMMANDS, main
from tests.servers import HOME, RUNGRAPH, environ, serving


def rungraph(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*RUNGRAPH, *arguments],
        cwd=HOME,
        env=environ(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_names_every_command_and_loads_nothing_else(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--help"])

    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert all(command.split()[0] in printed for command in COMMANDS)
    program = "import sys, graph.cli; sys.exit('starlette' in sys.modules or 'db' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=HOME, check=False).returncode == 0


def test_help_of_a_flag_says_variable_and_default(capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help"])

    assert "RUNGRAPH_PORT, else 8000" in " ".join(capsys.readouterr().out.split())


def test_a_flag_of_the_wrong_form_is_refused_with_what_is_allowed(capsys):
    with pytest.raises(SystemExit) as done:
        main(["serve", "--port", "eighty"])

    assert done.value.code == 2
    assert "'eighty' given; allowed: a whole number from 0 to 65535" in capsys.readouterr().err


def test_an_unknown_variable_stops_the_start(monkeypatch, capsys):
    monkeypatch.setenv("RUNGRAPH_PROT", "8000")

    assert main(["serve"]) == 2
    assert "rungraph: RUNGRAPH_PROT is not a setting" in capsys.readouterr().err


def test_a_port_in_use_is_said_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = rungraph("serve", "--port", port, "--db", f"sqlite:///{tmp_path}/runs.db")

    assert done.returncode == 1
    assert done.stderr == (
        f"rungraph: can not listen on 127.0.0.1 port {port}: Address already in use\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_database_that_can_not_be_opened_is_said_so(tmp_path):
    url = f"sqlite:///{tmp_path}/no/such/folder/runs.db"
    done = rungraph("serve", "--port", "0", "--db", url)

    assert done.returncode == 1
    assert done.stderr == f"rungraph: can not open {url}: unable to open database file\n"


def test_a_file_that_is_no_database_is_said_so(tmp_path):
    (tmp_path / "runs.db").write_text("It is a truth universally acknowledged, " * 100)
    done = rungraph("serve", "--port", "0", "--db", f"sqlite:///{tmp_path}/runs.db")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "file is not a database" in done.stderr


def test_the_printed_schema_is_the_committed_one():
    done = rungraph("schema")

    assert done.returncode == 0
    assert done.stdout == (HOME / "schema.graphql").read_text()


def test_migrate_makes_the_tables_once(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"

    made, again = rungraph("migrate", "--db", url), rungraph("migrate", RUNGRAPH_DB=url)

    assert made.stdout.startswith(f"{url} went from nothing to {schema_version.HEAD}")
    assert again.stdout.startswith(f"{url} is up to date")
    assert (made.returncode, again.returncode) == (0, 0)


def test_reindex_says_how_many_runs_are_indexed(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"

    done = rungraph("reindex", "--db", url)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{url}: the words of 0 runs are indexed anew\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_server_tells_its_address_answers_and_ends_when_told(tmp_path, number, code):
    with serving("serve", f"sqlite:///{tmp_path}/runs.db") as server:
        assert server.ask("{ __typename }") == {"__typename": "Query"}
        server.process.send_signal(number)

        assert server.process.wait(timeout=15) == code
    assert [file.name for file in tmp_path.iterdir()] == ["runs.db"]


def test_drivers_of_postgresql_are_wanted_by_nobody_who_does_not_use_it(tmp_path):
    program = (
        "import sys; sys.modules.update(asyncpg=None, psycopg=None);"
        "from db.store import Store; import graph.cli, graph.commands;"
        f"Store.open('sqlite:///{tmp_path}/runs.db').close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HOME,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
