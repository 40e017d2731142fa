"""The explorer is served as it was built; without it there is a page that says what to do."""

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from graph.app import create_app
from graph.graphiql.serving import page_of, serve_files
from graph.settings import Settings, SettingsError

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SCRIPT = b"export const answer = 42;"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>Rungraph</title>")
    (tmp_path / "page-ABC.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "licenses.txt").write_text("MIT")
    return tmp_path


@pytest.fixture
def files(built: Path) -> TestClient:
    return TestClient(Starlette(routes=[Route("/page/{name}", serve_files(built))]))


def test_the_page_allows_its_own_origin_only(built):
    headers = page_of(built).headers

    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"


def test_files_are_kept_by_browsers_for_good_and_sent_compressed(files, built):
    got = files.get("/page/page-ABC.js", headers={"accept-encoding": "br, gzip"})

    assert got.content == SCRIPT
    assert got.headers["content-encoding"] == "gzip"
    assert got.headers["content-length"] == str((built / "page-ABC.js.gz").stat().st_size)
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert got.headers["content-type"].startswith("text/javascript")


def test_who_takes_no_gzip_gets_the_file_as_it_is(files):
    got = files.get("/page/page-ABC.js", headers={"accept-encoding": "identity"})

    assert got.content == SCRIPT
    assert "content-encoding" not in got.headers


@pytest.mark.parametrize("name", ["page-ABC.js.gz", "index.html", "..%2findex.html", "page-ABD.js"])
def test_nothing_but_the_files_of_the_page_is_served(files, name):
    assert files.get(f"/page/{name}").status_code == 404


def test_a_file_may_be_asked_for_without_its_body(files):
    got = files.head("/page/page-ABC.js")

    assert (got.status_code, got.content) == (200, b"")


def test_without_the_explorer_a_plain_page_says_what_to_do(tmp_path):
    page = page_of(tmp_path)

    assert "pip install --force-reinstall" in page.html
    assert "RUNGRAPH_BUILD_PAGE" in page.html
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_plain_page_tells_why_it_is_there(tmp_path):
    (tmp_path / "missing.txt").write_text("npm-cli.js failed: <network>")

    assert "npm-cli.js failed: &lt;network&gt;" in page_of(tmp_path).html


def test_a_browser_gets_a_page_and_a_client_does_not(store):
    with TestClient(create_app(Settings(), store)) as client:
        page = client.get("/graphql?run=x", headers={"accept": "text/html,*/*"})
        other = client.get("/graphql", headers={"accept": "application/json"})

    assert "<title>Rungraph</title>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert other.status_code != 200


def test_variables_of_the_installation_are_no_unknown_settings():
    Settings.from_environ({"RUNGRAPH_BUILD_PAGE": "off"})

    with pytest.raises(SettingsError):
        Settings.from_environ({"RUNGRAPH_PAGE": "off"})
