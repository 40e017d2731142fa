"""What the mirror's tests compare: the table of attributes, a live server, the SDK's own model."""

import base64
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import langsmith as sdk
import uvicorn
import zstandard
from langsmith import schemas
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

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["method"] in {"POST", "PATCH"}:
                requests.append(_recorded(scope, b"".join(body)))
            await send(message)

        await app(scope, kept, answered)

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


@contextmanager
def serving(store: Store, settings: Settings) -> Iterator[Live]:
    """Serve a store while the block runs."""
    requests: list[Request] = []
    app = recording(create_app(settings, store, upkeep=False), requests)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none")
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


PRICES = {"gpt-4o-mini": (Decimal("0.00000015"), Decimal("0.0000006"))}
"""US dollars for a token in, and one out, of the models that the recorded programs use."""


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
    price = PRICES.get((extra.get("metadata") or {}).get("ls_model_name", ""))
    if price is not None and not found["total_cost"]:
        found["prompt_cost"] = price[0] * found["prompt_tokens"]
        found["completion_cost"] = price[1] * found["completion_tokens"]
        found["total_cost"] = found["prompt_cost"] + found["completion_cost"]
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
