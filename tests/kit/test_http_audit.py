"""The audits of the library graphql-http, at the level that lets nothing be left out."""

import json

import pytest

from tests.kit.installed import checked, kit
from tests.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AUDITS = 61


def test_graphql_over_http_is_spoken_by_the_book(tmp_path):
    folder, report = kit(), tmp_path / "audit.json"
    with serving("serve", f"sqlite:///{tmp_path / 'kit.db'}") as server:
        command = ("node", "http_audit.mjs", f"{server.url}/graphql", "--level", "may")
        checked(*command, "--json", str(report), cwd=folder)

    found = json.loads(report.read_text())
    assert len(found) == AUDITS
    assert [each["id"] for each in found if not each["ok"]] == []
