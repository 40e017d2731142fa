"""Signed, expiring addresses of attachments."""

import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import quote

LIFETIME = 3600
"""Seconds for which an address is good."""


class AttachmentUrls:
    """Makes and checks addresses with one secret."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def url(self, trace_id: str, run_id: str, name: str) -> str:
        """Return the address of an attachment, good for `LIFETIME` seconds."""
        expires = int(self._clock()) + LIFETIME
        signature = self._sign(trace_id, run_id, name, expires)
        path = f"/attachments/{trace_id}/{run_id}/{quote(name, safe='')}"
        return f"{path}?expires={expires}&signature={signature}"

    def allows(self, trace_id: str, run_id: str, name: str, expires: str, signature: str) -> bool:
        """Say whether an address was made here and is still good."""
        if not expires.isdecimal() or int(expires) < self._clock():
            return False
        expected = self._sign(trace_id, run_id, name, int(expires))
        return hmac.compare_digest(expected.encode(), signature.encode())

    def _sign(self, trace_id: str, run_id: str, name: str, expires: int) -> str:
        message = "\n".join((trace_id, run_id, name, str(expires))).encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
