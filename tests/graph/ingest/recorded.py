"""The recorded traffic of real SDKs, request by request, and what its requests describe.

What is described is worked out here from the recordings' decoded form, not by our own code.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "langsmith"
MISSING = f"no recordings at {FOLDER}"

SCENARIOS = sorted(path.parent.name for path in FOLDER.glob("*/requests.jsonl"))

_HOP_BY_HOP = {"host", "connection", "transfer-encoding", "content-length", "accept-encoding"}
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_EMPTY = (None, {}, [], "")


@dataclass(frozen=True)
class Request:
    """One recorded request; `body` is what was on the wire."""

    scenario: str
    seq: int
    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    chunked: bool
    body: bytes | None = field(repr=False)
    decoded: Any = field(repr=False)
    answer: Any = field(repr=False)

    @property
    def url(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def brings_runs(self) -> bool:
        """Whether it posts or patches runs."""
        first, *rest = self.path.strip("/").split("/")
        mine = first == "runs" and rest not in (["query"], ["stats"]) and rest[1:] != ["share"]
        return mine and self.body is not None and self.method in {"POST", "PATCH"}

    @property
    def exports(self) -> bool:
        """Whether it brings spans (tests.graph.otlp.test_recorded looks)."""
        return self.path.endswith("/v1/traces")

    @property
    def reads_runs(self) -> bool:
        """Whether it asks for runs, traces or threads (tests.graph.test_recorded_reads looks)."""
        area, *rest = self.path.removeprefix("/api/v2").strip("/").split("/")
        asks = self.method == "GET" or rest[-1:] in (["query"], ["stats"])
        second = self.path.startswith("/api/v2")
        return asks and (second or (area == "runs" and rest[1:] != ["share"]))

    @property
    def served(self) -> bool:
        """Whether it is one of those that Rungraph answers."""
        area = self.path.split("/")[1]
        return self.brings_runs or area in {"info", "feedback", "sessions"}

    @property
    def changes(self) -> bool:
        return self.served and self.method != "GET"

    def send(self, client: Any) -> Any:
        """Send it again, byte for byte; return the answer."""
        content = iter([self.body]) if self.chunked else self.body
        return client.request(self.method, self.url, headers=self.headers, content=content)


def requests_of(scenario: str) -> list[Request]:
    """Return a scenario's requests, without those whose bodies were too large to record."""
    lines = (FOLDER / scenario / "requests.jsonl").read_text().splitlines()
    return [
        _request(scenario, told)
        for told in map(json.loads, lines)
        if "wire_file" in told or not told["wire_length"]
    ]


def _request(scenario: str, told: dict[str, Any]) -> Request:
    headers = {name.lower(): value for name, value in told["headers"]}
    file = told.get("wire_file")
    body = (FOLDER / scenario / file).read_bytes() if file else None
    if told["decoded"] and told["decoded"]["kind"] == "json" and body:
        # The recording server put in what one run lacked.
        told["decoded"]["json"] = json.loads(body)
    return Request(
        scenario=scenario,
        seq=told["seq"],
        method=told["method"],
        path=told["path"],
        query=told["query"] or "",
        headers={name: value for name, value in headers.items() if name not in _HOP_BY_HOP},
        chunked="transfer-encoding" in headers,
        body=body,
        decoded=told["decoded"],
        answer=told["response"]["body"],
    )


@dataclass
class Described:
    """What requests describe: runs, files and feedback by id."""

    runs: dict[str, dict[str, Any]]
    files: dict[tuple[str, str], tuple[str, bytes]]
    feedback: dict[str, dict[str, Any]]


def described(requests: list[Request]) -> Described:
    """Work out what stands once all these requests are in, whatever their order."""
    posts: dict[str, list[dict[str, Any]]] = {}
    patches: dict[str, list[dict[str, Any]]] = {}
    found = Described({}, {}, {})
    for request in requests:
        for kind, run in _runs(request):
            (posts if kind == "post" else patches).setdefault(run["id"], []).append(run)
        found.files.update(_files(request))
        _judge(request, found.feedback)
    for id, told in posts.items():
        found.runs[id] = as_json(_merged(told, patches.get(id, [])))
    return found


def _runs(request: Request) -> Iterator[tuple[str, dict[str, Any]]]:
    if not request.brings_runs:
        return
    if request.decoded["kind"] == "multipart":
        yield from _multipart_runs(request.decoded["parts"])
    elif request.path == "/runs/batch":
        for kind in ("post", "patch"):
            for run in request.decoded["json"].get(kind) or []:
                yield kind, run
    else:
        run = dict(request.decoded["json"])
        if request.method == "PATCH":
            run.setdefault("id", request.path.rsplit("/", 1)[1])
        yield request.method.lower(), run


def _multipart_runs(parts: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    runs: dict[tuple[str, str], dict[str, Any]] = {}
    for part in parts:
        kind, id, *name = part["name"].split(".")
        if kind in {"post", "patch"}:
            run = runs.setdefault((kind, id), {"id": id})
            run.update({name[0]: part["json"]} if name else part["json"])
    for (kind, _), run in runs.items():
        yield kind, run


def _files(request: Request) -> Iterator[tuple[tuple[str, str], tuple[str, bytes]]]:
    if request.brings_runs and request.decoded["kind"] == "multipart":
        for part in request.decoded["parts"]:
            kind, id, *name = part["name"].split(".")
            if kind == "attachment" and "b64" in part:
                mime_type = part["headers"]["Content-Type"].split(";")[0]
                yield (id, name[0]), (mime_type, base64.b64decode(part["b64"]))


def _judge(request: Request, feedback: dict[str, dict[str, Any]]) -> None:
    if request.brings_runs and request.decoded["kind"] == "multipart":
        told = [p["json"] for p in request.decoded["parts"] if p["name"].startswith("feedback.")]
        feedback.update({each["id"]: each for each in told})
    id = request.path.removeprefix("/feedback/")
    match (request.method, request.path.split("/")[1]):
        case ("POST", "feedback"):
            feedback[request.decoded["json"]["id"]] = request.decoded["json"]
        case ("PATCH", "feedback"):
            told = {k: v for k, v in request.decoded["json"].items() if v is not None}
            feedback[id] = {**feedback[id], **told}
        case ("DELETE", "feedback"):
            del feedback[id]


def _merged(posts: list[dict[str, Any]], patches: list[dict[str, Any]]) -> dict[str, Any]:
    """What is empty never wins; a patch beats a post, one that ends later an earlier one."""
    merged: dict[str, Any] = {}
    for told in [*sorted(posts, key=_end), *sorted(patches, key=_end)]:
        for name, value in told.items():
            if value not in _EMPTY or merged.get(name) is None:
                merged[name] = value
    return merged


def as_json(value: Any) -> Any:
    """Return a value as strict JSON has it: no NaN, no NUL, no half of a surrogate pair."""
    if isinstance(value, dict):
        return {as_json(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    return _NOT_FINITE.get(str(value), value) if isinstance(value, float) else value


def _end(told: dict[str, Any]) -> str:
    return str(told.get("end_time") or "")
