"""The mirror: every attribute of the SDK's `Run` next to the API's answer.

Runs are sent by real programs; what was on the wire is recorded, built into the SDK's own model,
and compared with what comes back, attribute for attribute.
"""

import base64
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict
from uuid import UUID, uuid4

import httpx
import langsmith as sdk
import pytest
import uvicorn
import zstandard
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tracers import LangChainTracer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langsmith import schemas
from langsmith.run_trees import RunTree
from requests_toolbelt import MultipartDecoder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.derive import manifest_of
from db.store import Store
from graph.app import create_app
from graph.settings import Settings
from tests.graph.ingest import recorded
from tests.graph.ingest.recorded import Described, Request

PROJECT = "mirror"


class Mirrored(NamedTuple):
    """How an attribute is asked for, and how the answer and the model's value are compared."""

    field: str
    told: Callable[[Any], Any] = lambda answer: answer
    held: Callable[[Any], Any] = lambda value: value


def maybe(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Leave None alone."""
    return lambda value: None if value is None else make(value)


def moment(text: str) -> datetime:
    assert len(text) == 27
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def by_kind(field: str, make: Callable[[Any], Any] = lambda value: value) -> Callable[[Any], Any]:
    return maybe(lambda found: {each["kind"]: make(each[field]) for each in found})


def same(field: str) -> Mirrored:
    return Mirrored(field)


def id_(field: str) -> Mirrored:
    return Mirrored(field, maybe(UUID))


def ids(field: str) -> Mirrored:
    return Mirrored(field, maybe(lambda found: [UUID(each) for each in found]))


def time(field: str) -> Mirrored:
    return Mirrored(field, maybe(moment))


def cost(field: str) -> Mirrored:
    return Mirrored(field, maybe(Decimal))


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


TOKENS = by_kind("tokens")
COSTS = by_kind("cost", Decimal)
MIRROR: dict[str, Mirrored] = {
    "id": id_("id"),
    "name": same("name"),
    "start_time": time("startTime"),
    "run_type": same("runType"),
    "end_time": time("endTime"),
    "extra": same("extra"),
    "error": same("error"),
    "serialized": same("serialized"),
    "events": same("events"),
    "inputs": same("inputs"),
    "outputs": same("outputs"),
    "reference_example_id": id_("referenceExampleId"),
    "parent_run_id": id_("parentRunId"),
    "tags": Mirrored("tags", held=lambda tags: tags or []),
    "attachments": Mirrored(
        "attachments { name mimeType size url }",
        told=lambda found: found and {each["name"]: each["mimeType"] for each in found},
        held=lambda found: {name: mime_type for name, (mime_type, _) in found.items()} or None,
    ),
    "metadata": Mirrored("metadata", held=lambda metadata: metadata or {}),
    "revision_id": Mirrored("revisionId", held=maybe(as_text)),
    "latency": same("latency"),
    "session_id": id_("sessionId"),
    "child_run_ids": ids("childRunIds"),
    "child_runs": Mirrored(
        "childRuns { id parentRunId }",
        told=lambda found: [(UUID(each["id"]), UUID(each["parentRunId"])) for each in found],
        held=lambda runs: [(run.id, run.parent_run_id) for run in runs],
    ),
    "feedback_stats": Mirrored(
        "feedbackStats { key n avg min max values { value n } }",
        told=maybe(lambda found: {each.pop("key"): each for each in found}),
    ),
    "app_path": same("appPath"),
    "manifest_id": id_("manifestId"),
    "status": Mirrored("status", told=str.lower),
    "prompt_tokens": same("promptTokens"),
    "completion_tokens": same("completionTokens"),
    "total_tokens": same("totalTokens"),
    "prompt_token_details": Mirrored("promptTokenDetails { kind tokens }", TOKENS),
    "completion_token_details": Mirrored("completionTokenDetails { kind tokens }", TOKENS),
    "first_token_time": time("firstTokenTime"),
    "total_cost": cost("totalCost"),
    "prompt_cost": cost("promptCost"),
    "completion_cost": cost("completionCost"),
    "prompt_cost_details": Mirrored("promptCostDetails { kind cost }", COSTS),
    "completion_cost_details": Mirrored("completionCostDetails { kind cost }", COSTS),
    "parent_run_ids": ids("parentRunIds"),
    "trace_id": id_("traceId"),
    "dotted_order": same("dottedOrder"),
    "in_dataset": same("inDataset"),
    "url": same("url"),
    "input_tokens": same("inputTokens"),
    "output_tokens": same("outputTokens"),
    "input_cost": cost("inputCost"),
    "output_cost": cost("outputCost"),
    "input_token_details": Mirrored("inputTokenDetails { kind tokens }", TOKENS),
    "output_token_details": Mirrored("outputTokenDetails { kind tokens }", TOKENS),
    "input_cost_details": Mirrored("inputCostDetails { kind cost }", COSTS),
    "output_cost_details": Mirrored("outputCostDetails { kind cost }", COSTS),
}
"""Every attribute of the SDK's Run."""

QUERY = f"query($id: ID!) {{ run(id: $id) {{ {' '.join(m.field for m in MIRROR.values())} }} }}"


def test_every_attribute_of_the_sdks_run_is_mirrored():
    properties = {
        name
        for model in (schemas.RunBase, schemas.Run)
        for name, value in vars(model).items()
        if isinstance(value, property)
    }

    assert set(MIRROR) == set(schemas.Run.model_fields) | properties


class Live:
    """A server on a port of its own that records what it is sent."""

    def __init__(self, url: str, host_url: str) -> None:
        self.url = url
        self.host_url = host_url
        self.requests: list[Request] = []

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        sent = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=sent).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    @contextmanager
    def client(self) -> Iterator[sdk.Client]:
        """A real client, with all it had to send sent at the end."""
        client = sdk.Client(api_url=self.url, api_key="any", tracing_error_callback=_fail)
        with sdk.tracing_context(enabled=True, client=client, project_name=PROJECT):
            yield client
        client.flush()
        client.close()


def _fail(error: Exception) -> None:
    raise AssertionError(error)


def recording(app: ASGIApp, requests: list[Request]) -> ASGIApp:
    """An app that keeps the requests that another one gets."""

    async def recorder(scope: Scope, receive: Receive, send: Send) -> None:
        body: list[bytes] = []

        async def kept() -> Message:
            message = await receive()
            body.append(message.get("body", b""))
            return message

        await app(scope, kept, send)
        if scope["type"] == "http" and scope["method"] in {"POST", "PATCH"}:
            requests.append(_recorded(scope, b"".join(body)))

    return recorder


def _recorded(scope: Scope, body: bytes) -> Request:
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    match headers.get("content-encoding"):
        case "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        case "gzip":
            body = gzip.decompress(body)
    if headers.get("content-type", "").startswith("multipart/"):
        parts = MultipartDecoder(body, headers["content-type"]).parts
        decoded = {"kind": "multipart", "parts": [_part(part) for part in parts]}
    else:
        decoded = {"kind": "json", "json": json.loads(body or b"null")}
    method, path = scope["method"], scope["path"]
    return Request("live", 0, method, path, "", headers, False, body, decoded, None)


def _part(part: Any) -> dict[str, Any]:
    headers = {name.decode(): value.decode() for name, value in part.headers.items()}
    name = headers["Content-Disposition"].split('name="')[1].split('"')[0]
    told: dict[str, Any] = {"name": name, "headers": headers}
    if name.startswith("attachment."):
        return told | {"b64": base64.b64encode(part.content)}
    return told | {"json": json.loads(part.content)}


@pytest.fixture
def live(store: Store, settings: Settings) -> Iterator[Live]:
    requests: list[Request] = []
    app = recording(create_app(settings, store), requests)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    (address,) = [each.getsockname() for each in server.servers[0].sockets]
    found = Live(f"http://127.0.0.1:{address[1]}", settings.host_url or "")
    found.requests = requests
    yield found
    server.should_exit = True
    thread.join()


def usage_of(run: dict[str, Any]) -> dict[str, Any]:
    """What a run itself used, in the names of the SDK's Run."""
    outputs, extra = run.get("outputs") or {}, run.get("extra") or {}
    told = outputs.get("usage_metadata") or (extra.get("metadata") or {}).get("usage_metadata")
    if run["run_type"] != "llm" or not told:
        return {}
    names = {"prompt": "input", "completion": "output"}
    found: dict[str, Any] = {}
    for ours, theirs in names.items():
        found[f"{ours}_tokens"] = told[f"{theirs}_tokens"]
        found[f"{ours}_token_details"] = told.get(f"{theirs}_token_details")
        found[f"{ours}_cost"] = maybe(_decimal)(told.get(f"{theirs}_cost"))
        details = told.get(f"{theirs}_cost_details")
        found[f"{ours}_cost_details"] = details and {k: _decimal(v) for k, v in details.items()}
    found["total_tokens"] = told["total_tokens"]
    found["total_cost"] = maybe(_decimal)(told.get("total_cost"))
    return {name: value for name, value in found.items() if value}


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def plus(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Add what one run used to what another did."""
    found = dict(one)
    for name, value in other.items():
        if name not in found:
            found[name] = value
        else:
            found[name] = (
                plus(found[name], value) if isinstance(value, dict) else found[name] + value
            )
    return found


class Expected:
    """The SDK's own model of each run, built of what was sent and of what a server adds."""

    def __init__(self, sent: Described, projects: dict[str, str], host_url: str | None) -> None:
        self.sent = sent
        self._projects = projects
        self._host_url = host_url

    def run(self, id: str) -> schemas.Run:
        sent = self.sent.runs[id]
        children = [self.run(child) for child in self._children(id)]
        trace_id = sent.get("trace_id") or id
        app_path = sent.get("app_path") or f"/graphql?run={id}&trace={trace_id}"
        done = "success" if sent.get("end_time") else "pending"
        serialized = sent.get("serialized")
        added = {
            "session_id": self._projects[sent.get("session_name") or "default"],
            "child_runs": children,
            "child_run_ids": [child.id for child in children],
            "feedback_stats": self._feedback(id),
            "app_path": app_path,
            "manifest_id": manifest_of(json.dumps(serialized)) if serialized else None,
            "status": "error" if sent.get("error") else done,
            "first_token_time": _first_token(sent.get("events")),
            "parent_run_ids": [segment[-36:] for segment in sent["dotted_order"].split(".")[:-1]],
            "attachments": {
                name: told for (run, name), told in self.sent.files.items() if run == id
            },
            **self._usage(id),
        }
        return schemas.Run(_host_url=self._host_url, **{**sent, **added})

    def _children(self, id: str) -> list[str]:
        found = [each for each in self.sent.runs.values() if each.get("parent_run_id") == id]
        return [each["id"] for each in sorted(found, key=lambda each: each["dotted_order"])]

    def _usage(self, id: str) -> dict[str, Any]:
        found = usage_of(self.sent.runs[id])
        for child in self._children(id):
            found = plus(found, self._usage(child))
        return found

    def _feedback(self, id: str) -> dict[str, Any] | None:
        given = [each for each in self.sent.feedback.values() if each.get("run_id") == id]
        stats: dict[str, Any] = {}
        for key in sorted({each["key"] for each in given}):
            some = [each for each in given if each["key"] == key]
            scores = [float(each["score"]) for each in some if each.get("score") is not None]
            values = [each["value"] for each in some if each.get("value") is not None]
            stats[key] = {
                "n": len(some),
                "avg": sum(scores) / len(scores) if scores else None,
                "min": min(scores, default=None),
                "max": max(scores, default=None),
                "values": [
                    {"value": value, "n": values.count(value)} for value in sorted(set(values))
                ]
                or None,
            }
        return stats or None


def _first_token(events: list[dict[str, Any]] | None) -> datetime | None:
    times = [each["time"] for each in events or () if each.get("name") == "new_token"]
    if not times:
        return None
    found = datetime.fromisoformat(times[0])
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def differences(live: Live, expected: Expected) -> list[Any]:
    """Each attribute of each run that is told otherwise than the SDK's model has it."""
    found: list[Any] = []
    for id in expected.sent.runs:
        run = expected.run(id)
        answer = live.ask(QUERY, id=id)["run"]
        for name, (field, told, held) in MIRROR.items():
            ours = told(answer[field.split()[0]])
            theirs = held(_read(run, name))
            if ours != theirs:
                found.append((run.name, name, ours, theirs))
        _check_files(live, answer["attachments"] or [], run)
    return found


def _read(run: schemas.Run, name: str) -> Any:
    if name == "revision_id" and run.metadata is None:
        return None  # where the SDK's model raises
    return getattr(run, name)


def _check_files(live: Live, told: list[dict[str, Any]], run: schemas.Run) -> None:
    for each in told:
        _, data = run.attachments[each["name"]]
        assert each["size"] == len(data)
        assert httpx.get(f"{live.url}{each['url']}").content == data


def projects_of(live: Live) -> dict[str, str]:
    found = live.ask("{ projects(first: 1000) { nodes { id name } } }")["projects"]["nodes"]
    return {project["name"]: project["id"] for project in found}


def check(live: Live, *, runs: int) -> None:
    """All that was sent comes back as the SDK's model has it."""
    sent = recorded.described(live.requests)
    assert len(sent.runs) == runs
    assert differences(live, Expected(sent, projects_of(live), live.host_url)) == []


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


@pytest.mark.parametrize(
    "extra",
    [
        {"metadata": None},
        {"metadata": {}},
        {},
        {"metadata": {"revision_id": None}},
        {"metadata": {"revision_id": "not-a-uuid"}},
        {"metadata": {"revision_id": str(UUID(int=5))}},
        {"metadata": {"revision_id": {"a": [1, None]}}},
        {"runtime": {"sdk": "other"}},
    ],
)
def test_metadata_of_every_kind(live: Live, extra: Any):
    id = str(uuid4())
    run = {
        "id": id,
        "trace_id": id,
        "dotted_order": f"20260101T120000000000Z{id}",
        "name": "run",
        "run_type": "chain",
        "start_time": "2026-01-01T12:00:00",
        "end_time": "2026-01-01T13:00:01.5+01:00",
        "session_name": PROJECT,
        "extra": extra,
        "inputs": None,
        "tags": None,
    }

    sent = httpx.post(f"{live.url}/runs/batch", json={"post": [run], "patch": []})

    assert sent.status_code == 202
    check(live, runs=1)


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
