"""What the documents say is so."""

import os
import re
from pathlib import Path

import pytest

from graph.cli import COMMANDS
from graph.settings import SETTINGS

HOME = Path(__file__).parents[1]
REWRITE = bool(os.environ.get("RUNGRAPH_TEST_REWRITE"))
CONFIGURATION = HOME / "docs" / "configuration.md"
README = HOME / "README.md"
TABLE = re.compile(r"(?<=-->\n)(.*)(?=<!-- end -->)", re.DOTALL)


def settings_table() -> str:
    lines = ["", "| Variable | Default | Allowed | Meaning |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS.values():
        default = "none" if setting.default is None else f"`{setting.default}`"
        lines.append(
            f"| `{setting.variable}` | {default} | {setting.kind.allowed} | {setting.meaning} |"
        )
    return "\n".join([*lines, "", ""])


def test_every_setting_is_documented_as_it_is():
    text = CONFIGURATION.read_text()
    wanted = TABLE.sub(lambda _: settings_table(), text)
    if REWRITE:
        CONFIGURATION.write_text(wanted)

    assert CONFIGURATION.read_text() == wanted


def test_links_between_documents_lead_somewhere():
    for document in (README, *(HOME / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_readme_maps_every_folder_of_the_code():
    text = README.read_text()
    folders = {
        path.parent.relative_to(HOME)
        for package in ("graph", "db")
        for path in (HOME / package).rglob("*.py")
    }
    for folder in sorted(folders):
        assert f"`{folder}/`" in text or folder.parts[-1] == "versions", f"{folder} is not mapped"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_or_a_page_tells_every_command(command):
    pages = (README, *(HOME / "docs").glob("*.md"))
    assert any(f"rungraph {command}" in page.read_text() for page in pages)
