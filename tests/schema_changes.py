"""Compares schema.graphql with that of the last release: what breaks clients must be announced.

    python -m tests.schema_changes

A line `- Breaking: ...` of the changelog's unreleased part announces every change of an element
that it names, such as `Run.name`.
"""

import re
import subprocess
import sys
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

HOME = Path(__file__).parents[1]
_ELEMENT = re.compile(r"\b[A-Z]\w*(?:\.\w+)?")
_HARMLESS = "Standard scalar"


def unannounced(released: str, printed: str, changelog: str) -> list[str]:
    """Return the breaking changes from one schema to another that a changelog does not name."""
    unreleased = changelog.partition("## [Unreleased]")[2].partition("\n## [")[0]
    told = " ".join(re.findall(r"^- Breaking: .*(?:\n  .*)*", unreleased, re.MULTILINE))
    names = set(_ELEMENT.findall(told))
    changes = find_breaking_changes(build_schema(released), build_schema(printed))
    found = [each.description for each in changes if not each.description.startswith(_HARMLESS)]
    return [each for each in found if names.isdisjoint(_elements(each))]


def _elements(change: str) -> list[str]:
    """Return what a change is about: fields and values, as in `Run.name`, else types."""
    named = _ELEMENT.findall(change)
    return [each for each in named if "." in each][:1] or named


def last_release() -> str | None:
    """Return the newest tag of a version that is in this one's history."""
    command = ["git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]
    found = subprocess.run(command, check=False, cwd=HOME, capture_output=True, text=True)
    return found.stdout.strip() or None


def main() -> int:
    """Print what is not announced; return how the process ends."""
    tag = last_release()
    if tag is None:
        sys.stdout.write("there is no release yet whose schema could be broken\n")
        return 0
    command = ["git", "show", f"{tag}:schema.graphql"]
    released = subprocess.run(command, check=True, cwd=HOME, capture_output=True, text=True).stdout
    printed, changelog = ((HOME / name).read_text() for name in ("schema.graphql", "CHANGELOG.md"))
    missing = unannounced(released, printed, changelog)
    for each in missing:
        sys.stdout.write(
            f"breaks clients of {tag}, without a line `- Breaking:` in CHANGELOG.md: {each}\n"
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
