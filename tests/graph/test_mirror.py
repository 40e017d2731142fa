"""The mirror: every attribute of the SDK's `Run` next to the API's answer.

Runs are sent by real programs; what was on the wire is recorded, built into the SDK's own model,
and compared with what comes back, attribute for attribute.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict
from uuid import UUID, uuid4

import httpx
import langsmith as sdk
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tracers import LangChainTracer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langsmith import schemas
from langsmith.run_trees import RunTree

from db.store import Store
from graph.settings import Settings
from tests.graph.ingest import recorded
from tests.graph.mirror import (
    MIRROR,
    PROJECT,
    Expected,
    Live,
    check,
    differences,
    projects_of,
    serving,
)

BOTH_ENGINES = True

USAGE = {
    "input_tokens": 120,
    "output_tokens": 30,
    "total_tokens": 150,
    "input_token_details": {"cache_read": 100},
    "output_token_details": {"reasoning": 12},
    "input_cost": 0.0012,
    "output_cost": 0.0009,
    "total_cost": 0.0021,
    "input_cost_details": {"cache_read": 0.0001},
    "output_cost_details": {"reasoning": 0.0003},
}


EXTRAS: tuple[dict[str, Any], ...] = (
    {"metadata": None},
    {"metadata": {}},
    {},
    {"metadata": {"revision_id": None}},
    {"metadata": {"revision_id": "not-a-uuid"}},
    {"metadata": {"revision_id": str(UUID(int=5))}},
    {"metadata": {"revision_id": {"a": [1, None]}}},
    {"runtime": {"sdk": "other"}},
)


@pytest.fixture
def live(store: Store, settings: Settings) -> Iterator[Live]:
    """A server on a port of its own."""
    with serving(store, settings) as live:
        yield live


def test_every_attribute_of_the_sdks_run_is_mirrored():
    properties = {
        name
        for model in (schemas.RunBase, schemas.Run)
        for name, value in vars(model).items()
        if isinstance(value, property)
    }

    assert set(MIRROR) == set(schemas.Run.model_fields) | properties


def test_a_traced_program(live: Live):
    @sdk.traceable(run_type="llm", metadata={"ls_model_name": "m", "ls_provider": "nobody"})
    def model(question: str) -> dict[str, Any]:
        return {"content": f"{question}?", "usage_metadata": USAGE}

    @sdk.traceable(run_type="retriever", tags=["fast"])
    def look_up(question: str) -> list[dict[str, Any]]:
        return [{"page_content": question, "type": "Document", "metadata": {}}]

    @sdk.traceable(run_type="prompt")
    def ask_twice(question: str) -> list[Any]:
        return [model(question), model(question * 2)]

    @sdk.traceable(tags=["a", "ü"], metadata={"thread_id": "t", "revision_id": "v1-5-gabc"})
    def agent(question: str, n: int = 2**70) -> dict[str, Any]:
        return {"found": look_up(question), "said": ask_twice(question), "n": n}

    with live.client():
        agent("größer 🌕")
        agent("kleiner", langsmith_extra={"metadata": {"revision_id": 7}})

    check(live, runs=10)


def test_a_traced_graph(live: Live):
    class State(TypedDict):
        messages: Annotated[list[BaseMessage], add_messages]

    said = AIMessage("good day", usage_metadata={k: v for k, v in USAGE.items() if "cost" not in k})
    model = GenericFakeChatModel(messages=iter([said, said]))

    def think(state: State) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def act(state: State) -> dict[str, Any]:
        return {"messages": [AIMessage(f"after {len(state['messages'])}")]}

    graph = StateGraph(State)
    graph.add_node("think", think)
    graph.add_node("act", act)
    graph.add_edge(START, "think")
    graph.add_edge("think", "act")
    graph.add_edge("act", END)

    with live.client() as client:
        tracer = LangChainTracer(project_name=PROJECT, client=client)
        compiled = graph.compile()
        compiled.invoke(
            {"messages": [("user", "hello")]},
            {"callbacks": [tracer], "tags": ["graph"], "metadata": {"conversation_id": "c"}},
        )
        list(compiled.stream({"messages": [("user", "again")]}, {"callbacks": [tracer]}))
        tracer.wait_for_futures()

    check(live, runs=8)


def test_a_run_that_fails(live: Live):
    @sdk.traceable(run_type="tool")
    def tool() -> None:
        msg = "it broke: größer"
        raise ValueError(msg)

    @sdk.traceable
    def agent() -> str:
        with pytest.raises(ValueError, match="broke"):
            tool()
        return "went on"

    with live.client():
        agent()

    check(live, runs=2)


def test_a_run_that_streams(live: Live):
    @sdk.traceable(run_type="llm", reduce_fn=lambda parts: {"text": "".join(parts)})
    def model() -> Iterator[str]:
        yield from ("a", "b", "c")

    with live.client():
        assert list(model()) == ["a", "b", "c"]

    check(live, runs=1)
    assert live.ask("{ runs { nodes { firstTokenTime } } }")["runs"]["nodes"][0]["firstTokenTime"]


def test_files_go_with_runs(live: Live):
    @sdk.traceable
    def look(
        picture: schemas.Attachment, text: schemas.Attachment, empty: schemas.Attachment
    ) -> int:
        return len(picture.data)

    with live.client():
        look(
            schemas.Attachment(mime_type="image/png", data=bytes(range(256))),
            schemas.Attachment(mime_type="text/plain", data="\r\n--größer\r\n".encode()),
            schemas.Attachment(mime_type="application/json", data=b""),
        )

    check(live, runs=1)


def test_runs_that_have_not_ended(live: Live):
    with live.client() as client:
        root = RunTree(name="root", project_name=PROJECT, ls_client=client, inputs={"a": 1})
        root.post()
        child = root.create_child("child", run_type="tool", reference_example_id=uuid4())
        child.post()

    check(live, runs=2)


def test_a_run_whose_parents_never_arrive(live: Live):
    with live.client() as client:
        root = RunTree(name="root", project_name=PROJECT, ls_client=client)
        parent = root.create_child("parent")
        child = parent.create_child("child")
        child.end(outputs={"a": 1})
        child.post()

    check(live, runs=1)


def test_a_run_of_another_project_than_its_parent(live: Live):
    with live.client() as client:
        root = RunTree(name="root", project_name=PROJECT, ls_client=client)
        root.post()
        child = root.create_child("child")
        child.session_name = "elsewhere"
        child.post()

    check(live, runs=2)


@pytest.mark.filterwarnings("ignore:Creating feedback for a run without session_id")
def test_feedback_on_runs(live: Live):
    with live.client() as client:
        root = RunTree(name="root", project_name=PROJECT, ls_client=client)
        root.post()
        child = root.create_child("child")
        child.post()
        for score in (1, 0.5, False):
            client.create_feedback(child.id, "right", score=score, trace_id=root.id)
        client.create_feedback(child.id, "tone", value="friendly", comment="why", trace_id=root.id)
        client.create_feedback(root.id, "right", score=1, trace_id=root.id)

    check(live, runs=2)


def test_metadata_of_every_kind(live: Live):
    runs = []
    for extra in EXTRAS:
        id = str(uuid4())
        runs.append(
            {
                "id": id,
                "trace_id": id,
                "dotted_order": f"20260101T120000000000Z{id}",
                "name": json.dumps(extra),
                "run_type": "chain",
                "start_time": "2026-01-01T12:00:00",
                "end_time": "2026-01-01T13:00:01.5+01:00",
                "session_name": PROJECT,
                "extra": extra,
                "inputs": None,
                "tags": None,
            }
        )

    sent = httpx.post(f"{live.url}/runs/batch", json={"post": runs, "patch": []})

    assert sent.status_code == 202
    check(live, runs=len(EXTRAS))


@pytest.mark.parametrize("scenario", ["js_plain", "js_gzip"])
def test_the_javascript_sdk(live: Live, scenario: str):
    if scenario not in recorded.SCENARIOS:
        pytest.skip(recorded.MISSING)
    requests = [each for each in recorded.requests_of(scenario) if each.changes]
    with httpx.Client(base_url=live.url) as client:
        for request in requests:
            assert request.send(client).status_code in {200, 202}

    sent = recorded.described(requests)

    assert len(sent.runs) >= 2
    assert differences(live, Expected(sent, projects_of(live), live.host_url)) == []
