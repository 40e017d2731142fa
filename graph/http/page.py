"""The page that a browser gets: it never changes while the server runs, so its ETag is honest."""

import hashlib
from collections.abc import Mapping

from graph.http.answering import Answering, Header
from graph.landing import Page


class StaticPage:
    """A text of HTML and the headers it goes with."""

    def __init__(self, page: Page) -> None:
        self._text = page.html.encode()
        self._tag = f'"{hashlib.sha256(self._text).hexdigest()[:32]}"'.encode()
        told = {"content-type": "text/html; charset=utf-8", "cache-control": "no-cache"}
        told |= {name: value for name, value in page.headers.items() if name != "vary"}
        self._headers: list[Header] = [(k.encode(), v.encode()) for k, v in told.items()]

    async def answer(self, answering: Answering, headers: Mapping[bytes, bytes]) -> None:
        """Answer with the page, or that it is still what the browser has."""
        tags = [tag.strip() for tag in headers.get(b"if-none-match", b"").split(b",")]
        weak = b"W/" + self._tag  # it may be compressed on the way
        found = [*self._headers, (b"etag", weak), (b"vary", answering.vary)]
        if weak in tags or b"*" in tags:
            await answering.send({"type": "http.response.start", "status": 304, "headers": found})
            await answering.send({"type": "http.response.body", "body": b""})
            return
        await answering.text(self._text, 200, found)
