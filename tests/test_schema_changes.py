"""What breaks clients of a released schema has to be announced in the changelog."""

import pytest

from tests.schema_changes import unannounced

RELEASED = "type Query { run(id: ID!): Run other: Int } type Run { id: ID! name: String! }"
CHANGELOG = """# Changelog

## [Unreleased]

### Changed
- Breaking: {told}
- Something else.

## [0.1.0]
- Breaking: `Query.run` and `Run.name` of long ago.
"""


@pytest.mark.parametrize(
    ("printed", "missing"),
    [
        (RELEASED, []),
        (RELEASED.replace("name: String!", "name: String! more: Int"), []),
        (RELEASED.replace("name: String!", "name: String"), ["Field Run.name changed type"]),
        (RELEASED.replace("name: String!", ""), ["Field Run.name was removed"]),
        (RELEASED.replace("(id: ID!)", "(id: ID!, trace: ID!)"), ["A required argument"]),
        (RELEASED.replace("other: Int", ""), []),
    ],
)
def test_a_breaking_change_is_missing_unless_a_line_names_it(printed: str, missing: list[str]):
    changelog = CHANGELOG.format(told="`Query.other` is gone,\n  as nobody asked it.")

    found = unannounced(RELEASED, printed, changelog)

    assert len(found) == len(missing), found
    assert all(each.startswith(start) for each, start in zip(found, missing, strict=True)), found
