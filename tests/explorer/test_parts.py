"""The parts of the explorer that draw nothing are tested where they run: in Node.js."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import environ

HERE = Path(__file__).parent
NODE = shutil.which("node")


def version() -> int:
    said = subprocess.check_output([NODE, "--version"], text=True) if NODE else "v0"
    return int(re.findall(r"\d+", said)[0])


@pytest.mark.skipif(version() < 20, reason="there is no node, or one before version 20")
def test_the_parts_of_the_explorer_that_draw_nothing():
    assert NODE
    tests = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", *tests],
        env=environ(NO_COLOR="1"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
