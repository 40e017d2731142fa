"""The door of attachments: their bytes, for whoever holds a signed address.

A file is read and sent a piece at a time, so that none is in memory whole; parts of it may be asked
for (RFC 9110, section 14): one range of bytes, whatever else is asked is answered with all of it.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from db.errors import NotFoundError, UnavailableError
from db.files import StoredFile, find_one, pieces
from db.store import Store
from db.values import parse_id
from graph.attachment_urls import AttachmentUrls

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)
_MISSING = "there is no such attachment"
_PART, _UNCHANGED, _BEYOND = 206, 304, 416


class Span(NamedTuple):
    """Bytes from `start` up to `end`, and the status of an answer that has them."""

    start: int
    end: int
    status: int = 200


def serve_attachment(
    store: Store, urls: AttachmentUrls
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of `/attachments/{trace}/{run}/{name}`."""

    async def endpoint(request: Request) -> Response:
        trace, run, name = (request.path_params[part] for part in ("trace", "run", "name"))
        expires = request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not urls.allows(trace, run, name, expires, signature):
            return _refused(403, "FORBIDDEN", "this address has expired or was not made here")
        trace_id, run_id = parse_id(trace), parse_id(run)
        if trace_id is None or run_id is None:
            return _refused(404, "NOT_FOUND", _MISSING)
        file = await store.read_with(find_one, trace_id, run_id, name)
        if file is None:
            return _refused(404, "NOT_FOUND", _MISSING)
        try:
            return await _answer(store, file, request)
        except NotFoundError:
            return _refused(404, "NOT_FOUND", f"the bytes of {name!r} are gone")
        except UnavailableError as error:
            return _refused(503, "UNAVAILABLE", str(error))

    return endpoint


async def _answer(store: Store, file: StoredFile, request: Request) -> Response:
    headers = _headers(file)
    if headers["etag"] in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=_UNCHANGED, headers=headers)
    span = span_of(file, request.headers) if request.method == "GET" else Span(0, file.size)
    if span.status == _BEYOND:
        headers["content-range"] = f"bytes */{file.size}"
        return _refused(_BEYOND, "BEYOND", f"there are {file.size} bytes", headers)
    if span.status == _PART:
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{file.size}"
    headers["content-length"] = str(span.end - span.start)
    if request.method == "HEAD":
        return Response(headers=headers)
    found = pieces(store, file, span.start, span.end)
    first = await anext(found, b"")  # what can not be read is told while there is a status to give

    async def body() -> AsyncGenerator[bytes]:
        yield first
        async for piece in found:
            yield piece

    return StreamingResponse(body(), span.status, headers=headers)


def span_of(file: StoredFile, headers: Mapping[str, str]) -> Span:
    """Return which bytes a request wants: a range, all of them, or (416) none that there are."""
    whole = Span(0, file.size)
    wanted = _RANGE.fullmatch(headers.get("range", "").strip())
    condition = headers.get("if-range")
    if wanted is None or (condition is not None and condition.strip() != _tag(file)):
        return whole
    first, last = wanted[1], wanted[2]
    if not first and not last:
        return whole
    if not first:
        start, end = max(file.size - int(last), 0), file.size
    else:
        start, end = int(first), min(int(last) + 1, file.size) if last else file.size
        if last and int(last) < start:
            return whole  # it is no range
    return Span(start, end, _PART if start < end else _BEYOND)


def _headers(file: StoredFile) -> dict[str, str]:
    """Return headers with which a browser saves the file and never runs it."""
    kind = file.mime_type
    return {
        "content-type": (kind if kind.isascii() and kind.isprintable() else "")
        or "application/octet-stream",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, max-age=3600",
        "accept-ranges": "bytes",
        "etag": _tag(file),
    }


def _tag(file: StoredFile) -> str:
    return f'"{file.digest.hex}"'


def _tags(sent: str) -> set[str]:
    return {each.strip().removeprefix("W/") for each in sent.split(",")}


def _refused(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    told = {"error": {"code": code, "message": message}}
    kept = {k: v for k, v in (headers or {}).items() if k in {"content-range", "accept-ranges"}}
    return JSONResponse(told, status_code=status, headers=kept)
