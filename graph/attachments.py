"""The door of attachments: their bytes, for whoever holds a signed address."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db import attachments
from db.store import Store
from db.values import parse_id
from graph.attachment_urls import AttachmentUrls


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
            return _refused(404, "NOT_FOUND", "there is no such attachment")
        found = await store.read_with(attachments.get_one, trace_id, run_id, name)
        if found is None:
            return _refused(404, "NOT_FOUND", "there is no such attachment")
        mime_type, data = found
        return Response(data, headers=_headers(mime_type, name))

    return endpoint


def _headers(mime_type: str, name: str) -> dict[str, str]:
    """Return headers with which a browser saves the file and never runs it."""
    clean = mime_type if mime_type.isascii() and mime_type.isprintable() else ""
    return {
        "content-type": clean or "application/octet-stream",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, max-age=3600",
    }


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
