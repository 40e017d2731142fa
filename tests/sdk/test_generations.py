"""The same program, unchanged, under the newest SDK and under an older one."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.servers import serving

TOUR = Path(__file__).parent / "tour.py"
OLD = "langsmith==0.11.1"

TOLD = {
    "roots": ["my_app", "my_app", "my_app"],
    "failed": [{"question": "impossible"}],
    "children": [["call_model", "llm", 15]],
    "outputs": {"output": "WHAT IS IT"},
    "feedback": [["helpful", 1.0]],
    "runs": 6,
    "tokens": 30,
    "project": ["tour", 6],
}


def toured(python: str, url: str) -> dict:
    """What the program prints when it is pointed at a server."""
    settings = {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": url,
        "LANGSMITH_API_KEY": "any",
        "LANGSMITH_PROJECT": "tour",
    }
    done = subprocess.run(
        [python, str(TOUR)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_program_of_the_documentation_runs_unchanged(tmp_path: Path):
    with serving("serve", f"sqlite:///{tmp_path / 'tour.db'}") as server:
        assert toured(sys.executable, server.url) == TOLD


@pytest.mark.slow
def test_an_older_client_reads_the_same(tmp_path: Path):
    venv.create(tmp_path / "old", with_pip=True)
    python = str(tmp_path / "old" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", OLD], check=True, timeout=200)

    with serving("serve", f"sqlite:///{tmp_path / 'tour.db'}") as server:
        assert toured(python, server.url) == TOLD
