"""Sends the made-up week to an app, through the door that the SDK uses."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from starlette.types import ASGIApp, Message

from graph.demo.week import week
from graph.demo.wire import CONTENT_TYPE, bodies

ANYTHING = "{ runs(first: 1) { nodes { id } } }"
OK, ACCEPTED = 200, 202


class NotEmptyError(Exception):
    """The store holds runs already, which made-up ones would spoil."""


class RefusedError(Exception):
    """The app did not take what the demo sent; its text is what it answered."""


@dataclass(frozen=True)
class Filled:
    """What the demo brought in."""

    runs: int
    traces: int
    projects: int


async def fill(app: ASGIApp, now: datetime) -> Filled:
    """Fill an empty app with the week before `now`; refuse one that holds runs."""
    query = orjson.dumps({"query": ANYTHING})
    answer = orjson.loads(await _post(app, "/graphql", "application/json", query, OK))
    if answer.get("errors"):
        raise RefusedError(str(answer["errors"]))
    if answer["data"]["runs"]["nodes"]:
        raise NotEmptyError
    traces = week(now)
    for body in bodies(traces):
        answer = await _post(app, "/runs/multipart", CONTENT_TYPE, body, ACCEPTED)
        if b'"refused"' in answer and orjson.loads(answer)["refused"]:
            raise RefusedError(answer.decode())
    return Filled(
        runs=sum(len(trace.runs) for trace in traces),
        traces=len(traces),
        projects=len({trace.project for trace in traces}),
    )


async def _post(app: ASGIApp, path: str, content_type: str, body: bytes, wanted: int) -> bytes:
    """Post to an app without a network; return the body of an answer with the wanted status."""
    headers = {"host": "localhost", "content-type": content_type, "content-length": str(len(body))}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
        "state": {},
    }
    told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    answers: list[Message] = []

    async def receive() -> Message:
        if told:
            return told.pop()
        nobody_leaves: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await nobody_leaves

    async def send(message: Message) -> None:
        answers.append(message)

    await app(scope, receive, send)
    status = answers[0]["status"]
    answer = b"".join(message.get("body", b"") for message in answers)
    if status != wanted:
        raise RefusedError(f"{path} answered {status}: {answer.decode(errors='replace')}")
    return answer
