"""The made-up week: what it holds, and that the README's queries find something in it."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from db.store import Store
from graph.app import create_app
from graph.commands import SAMPLE
from graph.demo.fill import NotEmptyError, fill
from graph.demo.week import week
from graph.demo.wire import bodies
from graph.settings import Settings

NOW = datetime(2026, 7, 11, 15, 30, tzinfo=UTC)
README = Path(__file__).parents[1] / "README.md"
QUERIES = re.findall(r"```graphql\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    settings = Settings(db=f"sqlite:///{tmp_path_factory.mktemp('demo')}/demo.db")
    store = Store.open(settings.db, synchronous="off")
    app = create_app(settings, store)
    filled = asyncio.run(fill(app, NOW))
    assert 300 <= filled.runs <= 600
    yield app
    store.close()


@pytest.fixture
def ask(app):
    async def post(query):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/graphql", json={"query": query})

    def ask(query):
        answer = asyncio.run(post(query)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    return ask


def rows(data):
    """Every row of every list in an answer."""
    if isinstance(data, dict):
        nodes = data.get("nodes")
        yield from nodes if isinstance(nodes, list) else []
        for value in data.values():
            yield from rows(value)


@pytest.mark.parametrize("query", [*QUERIES, SAMPLE])
def test_every_query_of_the_readme_finds_something(ask, query):
    assert list(rows(ask(query)))


def test_the_readme_has_five_queries():
    assert len(QUERIES) == 5


def test_a_week_is_the_same_for_the_same_moment():
    assert list(bodies(week(NOW))) == list(bodies(week(NOW)))
    assert list(bodies(week(NOW))) != list(bodies(week(NOW + timedelta(hours=1))))


def test_nothing_happens_later_than_now_or_longer_ago_than_it_says():
    runs = [run for trace in week(NOW) for run in trace.runs]

    assert all(NOW - timedelta(days=8) < run.start_time <= NOW for run in runs)
    assert all(run.end_time <= NOW for run in runs if run.end_time)
    assert all(one.at <= NOW for trace in week(NOW) for one in trace.judgements)


def test_a_store_that_holds_runs_is_refused(app):
    with pytest.raises(NotEmptyError):
        asyncio.run(fill(app, NOW))


def test_who_listens_whether_the_demo_leaves_hears_nothing():
    async def listening(_scope, receive, send):
        assert (await receive())["type"] == "http.request"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"data": {"runs": {"nodes": [1]}}}'})

    with pytest.raises(NotEmptyError):
        asyncio.run(fill(listening, NOW))


def test_four_programs_were_traced(ask):
    names = {node["name"] for node in ask("{ projects { nodes { name } } }")["projects"]["nodes"]}

    assert names == {"support-agent", "handbook-rag", "research-agent", "invoice-reader"}


def test_all_that_was_told_is_there(ask):
    told = {str(run.id) for trace in week(NOW) for run in trace.runs}
    found = ask("{ runs(first: 1000) { nodes { id } } }")["runs"]["nodes"]

    assert {node["id"] for node in found} == told


def test_the_week_has_something_of_everything(ask):
    fields = """
      name runType status error depth endTime latency timeToFirstToken threadId tags totalTokens
      totalCost attachments { name size } feedbackStats { key n }
    """
    runs = ask(f"{{ runs(first: 1000) {{ nodes {{ {fields} }} }} }}")["runs"]["nodes"]
    roots = [run for run in runs if run["depth"] == 0]

    assert {run["runType"] for run in runs} == {
        *("chain", "llm", "tool", "retriever", "embedding", "prompt", "parser"),
    }
    assert {run["status"] for run in roots} == {"PENDING", "SUCCESS", "ERROR"}
    assert any("GraphInterrupt" in (run["error"] or "") for run in runs)
    assert not any("GraphInterrupt" in (run["error"] or "") for run in roots)
    assert any(run["timeToFirstToken"] for run in runs)
    assert any(run["attachments"] for run in roots)
    assert any(run["feedbackStats"] for run in roots)
    assert all(run["totalTokens"] for run in roots if run["status"] == "SUCCESS")
    assert all(run["totalCost"] for run in roots if run["status"] == "SUCCESS")
    assert len({run["threadId"] for run in roots}) < len(roots)
    assert json.dumps(runs)
