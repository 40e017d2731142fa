"""Which web pages may read answers in a browser: the CORS protocol of the Fetch standard."""

from collections.abc import Mapping

Header = tuple[bytes, bytes]

_ALL = "*"
_DAY = b"86400"


class Cors:
    """The origins that are allowed."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._all = _ALL in origins
        self._origins = frozenset(origin.encode() for origin in origins)
        self.depends = bool(origins) and not self._all

    def headers(self, headers: Mapping[bytes, bytes]) -> tuple[Header, ...]:
        """Return what an answer tells the browser."""
        origin = headers.get(b"origin")
        if origin is None or not (self._all or origin in self._origins):
            return ()
        return ((b"access-control-allow-origin", b"*" if self._all else origin),)

    def preflight(self, headers: Mapping[bytes, bytes]) -> tuple[Header, ...]:
        """Return what the question before the request is answered."""
        allowed = self.headers(headers)
        if not allowed or b"access-control-request-method" not in headers:
            return ()
        wanted = headers.get(b"access-control-request-headers", b"content-type")
        return (
            *allowed,
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", _DAY),
        )
