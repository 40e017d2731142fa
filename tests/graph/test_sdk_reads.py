"""The real client reads what it traced: scripts in the style of the SDK's documentation."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import langsmith as sdk
import pytest
from langsmith.utils import LangSmithError, LangSmithNotFoundError
from starlette.testclient import TestClient

from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.conftest import NOON, run_id
from tests.graph.mirror import PROJECT, Live, serving

USAGE = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120, "total_cost": 0.25}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # v1 goes in 2027


@pytest.fixture
def live(store: Store, settings: Settings) -> Iterator[Live]:
    """A server on a port of its own."""
    with serving(store, settings) as live:
        yield live


@sdk.traceable(run_type="llm", metadata={"ls_model_name": "gpt", "ls_provider": "nobody"})
def model(question: str) -> dict[str, Any]:
    if "fail" in question:
        msg = "no answer"
        raise RuntimeError(msg)
    return {"content": f"{question}?", "usage_metadata": USAGE}


@sdk.traceable(tags=["beta"], metadata={"session_id": "T1"})
def agent(question: str) -> str:
    return model(question)["content"] + model(question * 2)["content"]


def test_a_script_in_the_style_of_the_documentation(live: Live):
    with live.client() as client:
        agent("hello")
        with pytest.raises(RuntimeError):
            agent("fail")
    client.flush()

    roots = list(client.list_runs(project_name=PROJECT, is_root=True))
    failed = list(client.list_runs(project_name=PROJECT, error=True, run_type="llm"))
    slow = list(
        client.list_runs(
            project_name=PROJECT,
            filter='and(eq(run_type, "llm"), gte(latency, 0), eq(status, "success"))',
            trace_filter='has(tags, "beta")',
            tree_filter='eq(name, "model")',
        )
    )
    good = next(root for root in roots if root.error is None)
    whole = client.read_run(good.id, load_child_runs=True)
    client.create_feedback(
        good.id, key="correctness", score=0.5, comment="half", session_id=good.session_id
    )
    judged = list(client.list_feedback(run_ids=[good.id]))
    again = client.read_run(good.id)
    project = client.read_project(project_name=PROJECT, include_stats=True)
    stats = client.get_run_stats(project_names=[PROJECT], run_type="llm")

    assert [root.name for root in roots] == ["agent", "agent"]
    assert [run.error.splitlines()[0] for run in failed] == ["RuntimeError('no answer')"]
    assert len(slow) == 2
    assert [child.name for child in whole.child_runs] == ["model", "model"]
    assert whole.child_runs[0].parent_run_id == whole.id
    assert whole.outputs == {"output": "hello?hellohello?"}
    assert (whole.total_tokens, whole.total_cost) == (240, Decimal("0.5"))
    assert [(each.key, each.score, each.comment) for each in judged] == [
        ("correctness", 0.5, "half")
    ]
    assert again.feedback_stats["correctness"] == {
        **again.feedback_stats["correctness"],
        "n": 1,
        "avg": 0.5,
        "min": 0.5,
        "max": 0.5,
    }
    assert (project.run_count, project.total_tokens) == (5, 240)
    assert project.error_rate == pytest.approx(0.4)
    assert isinstance(project.latency_p50, timedelta)
    assert stats["run_count"] == 3
    assert stats["total_tokens"] == 240


def test_pages_put_end_to_end_are_the_whole(live: Live, add: Callable[..., Any]):
    for at in range(7):
        add(f"run {at}", at=at, session_name=PROJECT)

    with live.client() as client:
        body = {"session": [str(client.read_project(project_name=PROJECT).id)], "limit": 3}
        pages = [run["id"] for run in client._get_cursor_paginated_list("/runs/query", body=body)]
        upwards = client.list_runs(project_name=PROJECT, order="asc", select=["name"], limit=2)

        assert pages == [run_id(f"run {at}") for at in reversed(range(7))]
        assert [run["name"] for run in _plain(client, body | {"order": "asc"})] == [
            f"run {at}" for at in range(7)
        ]
        with pytest.raises(ValueError, match="validation errors"):
            next(upwards)  # the SDK's own model wants more than was selected


def _plain(client: sdk.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    return list(client._get_cursor_paginated_list("/runs/query", body=body))


def test_only_what_was_selected_is_answered(client: TestClient, add: Callable[..., Any]):
    add("run", inputs={"a": 1})

    sent = {"select": ["name", "inputs", "nobody_knows"], "limit": 5000}
    found = client.post("/runs/query", json=sent).json()

    assert found["runs"] == [{"id": run_id("run"), "name": "run", "inputs": {"a": 1}}]
    assert found["cursors"] == {"next": None, "prev": None}


def test_a_page_of_every_field_is_within_the_limits(client: TestClient, add: Callable[..., Any]):
    add("run")

    assert len(client.post("/runs/query", json={"limit": 1000}).json()["runs"]) == 1


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ({"id": [run_id("leaf")]}, ["leaf"]),
        ({"trace": run_id("root"), "is_root": False}, ["leaf"]),
        ({"parent_run": run_id("root")}, ["leaf"]),
        ({"start_time": (NOON + timedelta(seconds=5)).isoformat()}, ["other", "leaf"]),
        ({"end_time": (NOON + timedelta(seconds=5)).isoformat()}, ["leaf", "root"]),
        ({"error": True}, ["other"]),
        ({"error": False}, ["leaf", "root"]),
        ({"filter": 'eq(name, "root")'}, ["root"]),
        ({"trace_filter": 'eq(name, "root")'}, ["leaf", "root"]),
        ({"tree_filter": 'eq(name, "leaf")', "is_root": True}, ["root"]),
        ({"run_type": "tool"}, ["leaf"]),
        ({"reference_example": [str(UUID(int=7))]}, ["other"]),
        ({"session_id": "whatever", "execution_order": 1}, ["other", "leaf", "root"]),
        ({"id": None}, ["other", "leaf", "root"]),
    ],
)
def test_conditions(
    client: TestClient, add: Callable[..., Any], conditions: dict[str, Any], names: list[str]
):
    root = add("root")
    add("leaf", at=5, parent=root, run_type="tool")
    add("other", at=9, error="boom", reference_example_id=UUID(int=7))

    found = client.post("/api/v1/runs/query", json={"select": ["name"], **conditions}).json()

    assert [run["name"] for run in found["runs"]] == names


def test_words_are_searched(client: TestClient, add: Callable[..., Any], index: Callable[[], None]):
    add("run", inputs={"a": "lost luggage"})
    add("other")
    index()

    found = client.post("/runs/query", json={"query": "luggage", "select": ["name"]}).json()

    assert [run["name"] for run in found["runs"]] == ["run"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"filter": "eq(name"}, "line 1"),
        ({"limit": "ten"}, "limit is 'ten'; a whole number is wanted"),
        ({"order": "sideways"}, "order is 'sideways'; asc or desc is wanted"),
        ({"is_root": "perhaps"}, "is_root is 'perhaps'; true or false is wanted"),
        ({"id": ["seven"]}, "'seven'"),
        ({"cursor": "abc"}, "after"),
        ({"select": "name"}, "select is 'name'; a list of names is wanted"),
    ],
)
def test_what_is_wrong_is_told(client: TestClient, sent: dict[str, Any], told: str):
    found = client.post("/runs/query", json=sent)

    assert found.status_code in {400, 422}
    assert told in found.json()["detail"]


def test_a_run_nobody_knows_is_not_found(live: Live):
    with live.client() as client:
        with pytest.raises(LangSmithNotFoundError):
            client.read_run(uuid4())
        with pytest.raises(LangSmithError):
            client.read_project(project_name="nobody's")


def test_files_come_with_their_runs(
    live: Live, add: Callable[..., Any], attach: Callable[..., Any]
):
    run = add("run", session_name=PROJECT)
    attach(run, "notes.txt", b"hello")

    with live.client() as client:
        (found,) = client.list_runs(project_name=PROJECT)
        read = client.read_run(run.id)

    assert found.attachments["notes.txt"]["reader"].read() == b"hello"
    assert read.attachments["notes.txt"]["reader"].read() == b"hello"
    assert read.attachments["notes.txt"]["mime_type"] == "text/plain"


def test_statistics_by_group(client: TestClient, add: Callable[..., Any]):
    add("a", run_type="tool")
    add("b", run_type="tool", error="x")
    add("c", extra={"metadata": {"env": "prod"}})

    by_type = client.post("/runs/stats", json={"group_by": {"attribute": "run_type"}}).json()
    by_env = {"group_by": {"attribute": "metadata", "path": "env", "max_groups": 1}}
    wrong = client.post("/runs/stats", json={"group_by": {"attribute": "mood"}})

    assert {name: each["run_count"] for name, each in by_type.items()} == {"tool": 2, "chain": 1}
    assert by_type["tool"]["error_rate"] == 0.5
    assert len(client.post("/runs/stats", json=by_env).json()) == 1
    assert "name, run_type, tag, or metadata with a path" in wrong.json()["detail"]


def test_projects_are_found_by_what_was_noted_of_them(client: TestClient):
    client.post("/sessions", json={"name": "p", "extra": {"metadata": {"a": 1, "b": 2}}})
    client.post("/sessions", json={"name": "q"})

    def names(metadata: str) -> Any:
        found = client.get("/sessions", params={"metadata": metadata})
        return [each["name"] for each in found.json()] if found.is_success else found.status_code

    assert names('{"a": 1}') == ["p"]
    assert names('{"a": 2}') == []
    assert names("[1]") == 422


def test_the_second_generation_lists_runs(live: Live, add: Callable[..., Any]):
    root = add("root", session_name=PROJECT, inputs={"q": 1}, extra={"metadata": {"k": "v"}})
    for at in range(1, 4):
        add(f"leaf {at}", at=at, parent=root, session_name=PROJECT, run_type="llm")

    async def read(client: sdk.Client) -> tuple[Any, ...]:
        project = str(client.read_project(project_name=PROJECT).id)
        pages = client.runs.query_v2(
            project_ids=[project],
            filter='eq(run_type, "llm")',
            page_size=2,
            selects=["NAME", "RUN_TYPE", "STATUS", "PARENT_RUN_IDS", "LATENCY_SECONDS"],
        )
        listed = [run async for run in pages]
        bare = (await client.runs.query_v2(project_ids=[project])).items
        run = await client.runs.retrieve_v2(
            str(root.id),
            project_id=project,
            selects=["NAME", "INPUTS", "METADATA", "INPUTS_PREVIEW", "IS_ROOT", "SHARE_URL"],
        )
        url = await client.runs.get_url(str(root.id), project_id=project, trace_id=str(root.id))
        await client._get_langsmith_api().close()
        return listed, bare, run, url.url

    with live.client() as client:
        listed, bare, run, url = asyncio.run(read(client))

    assert [(run.name, run.run_type, run.status) for run in listed] == [
        (f"leaf {at}", "LLM", "SUCCESS") for at in (3, 2, 1)
    ]
    assert listed[0].parent_run_ids == [str(root.id)]
    assert listed[0].latency_seconds == 1.0
    assert [set(run.model_dump(exclude_none=True)) for run in bare] == [{"id"}] * 4
    assert (run.name, run.inputs, run.metadata, run.is_root, run.share_url) == (
        *("root", {"q": 1}, {"k": "v"}, True, None),
    )
    assert run.inputs_preview == '{"q": 1}'
    assert url == f"{live.url}/graphql?run={root.id}&trace={root.id}"


def test_the_second_generation_reads_traces_and_threads(live: Live):
    async def read(client: sdk.Client, project: str, trace: str) -> tuple[Any, ...]:
        of = {"project_id": project}
        llms = 'eq(run_type, "llm")'
        found = (
            (await client.traces.list_runs(trace, **of, selects=["NAME"])).items,
            (await client.traces.list_runs(trace, **of, selects=["NAME"], filter=llms)).items,
            (await client.traces.query(**of, selects=["NAME", "TOTAL_TOKENS"])).items,
            (await client.threads.query(**of)).items,
            (await client.threads.list_traces("T1", **of, selects=["LATENCY"])).items,
            await client.threads.stats("T1", session_id=project, selects=["TURNS"]),
        )
        await client._get_langsmith_api().close()
        return found

    with live.client() as client:
        agent("hello")
        client.flush()
        project = str(client.read_project(project_name=PROJECT).id)
        (root,) = client.list_runs(project_name=PROJECT, is_root=True)
        found = asyncio.run(read(client, project, str(root.id)))

    runs, llms, traces, (thread,), of_thread, stats = found
    assert [run.name for run in runs] == ["agent", "model", "model"]
    assert [run.name for run in llms] == ["model", "model"]
    assert [(each.root_run.name, each.trace_aggregates.total_tokens) for each in traces] == [
        ("agent", 240)
    ]
    assert (thread.thread_id, thread.count, thread.total_tokens) == ("T1", 1, 240)
    assert [(each.trace_id, each.thread_id) for each in of_thread] == [(str(root.id), "T1")]
    assert of_thread[0].latency == pytest.approx(root.latency)
    assert (stats.turns, stats.total_tokens) == (1, 240)


def test_conditions_on_threads_that_are_not_served_are_refused(client: TestClient):
    sent = {"project_id": str(uuid4()), "thread_filter": "x"}

    assert "thread_filter" in client.post("/api/v2/threads/query", json=sent).json()["detail"]


def test_the_second_generation_lists_projects(client: TestClient, add: Callable[..., Any]):
    add("run", session_name="p")
    add("other", session_name="q")

    first = client.get("/api/v2/sessions", params={"page_size": 1, "include_stats": "true"}).json()
    second = client.get("/api/v2/sessions", params={"page_size": 1, "cursor": 1}).json()

    assert first["items"][0]["run_count"] == 1
    assert first["next_cursor"] == "1"
    assert {first["items"][0]["name"], second["items"][0]["name"]} == {"p", "q"}


@pytest.mark.parametrize(
    ("proxy", "base"), [("127.0.0.1", "https://x/"), ("10.0.0.1", "http://x/")]
)
def test_addresses_are_those_that_a_trusted_proxy_tells(
    store: Store, settings: Settings, add: Callable[..., Any], proxy: str, base: str
):
    run = add("run", session_name=PROJECT)
    app = create_app(replace(settings, insecure=True), store, upkeep=False)

    with TestClient(app, base_url="http://x", client=(proxy, 1)) as client:
        headers = {"x-forwarded-proto": "https"}
        url = client.get(f"/api/v2/runs/{run.id}/url", headers=headers).json()["url"]

    assert url.startswith(base)
