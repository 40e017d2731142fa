"""Serves the explorer that was built when Rungraph was installed, or says that there is none.

Nothing comes from elsewhere. The files were compressed when they were made and are named by what is
in them, so that a browser asks for each once.
"""

import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from graph.landing import Page, plain_page

BUILT = Path(__file__).parent / "page"
"""Where the build leaves the page."""

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
    "vary": "accept",
}
_FILE_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "vary": "accept-encoding",
}
_PACKED = ".gz"
_KINDS = {".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf"}


def page_of(built: Path = BUILT) -> Page:
    """Return the explorer; where it was not built, a plain page that says what to do."""
    try:
        return Page((built / "index.html").read_text(encoding="utf-8"), PAGE_HEADERS)
    except FileNotFoundError:
        reason = built / "missing.txt"
        return plain_page(reason.read_text(encoding="utf-8") if reason.exists() else None)


def serve_files(built: Path = BUILT) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers requests for the files of the page."""
    files = {path.name.removesuffix(_PACKED): path for path in built.glob(f"*{_PACKED}")}

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        kind = _KINDS[Path(name).suffix]
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers = {**_FILE_HEADERS, "content-encoding": "gzip"}
            return FileResponse(files[name], headers=headers, media_type=kind)
        text = gzip.decompress(files[name].read_bytes())
        return Response(text, headers=_FILE_HEADERS, media_type=kind)

    return serve
