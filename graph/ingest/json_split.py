"""Takes a JSON object or list apart into the bytes of its members, without reading them.

So that what stands in a member is kept as it was sent, and a member that is broken, or nested too
deep to read, spoils nothing around it. Linear in the length, whatever is nested in it.
"""

import re

import orjson

from graph.ingest.problems import ItemProblem, shown

_BLANK = re.compile(rb"[ \t\r\n]*")
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', re.DOTALL)
_STRING_STEP = re.compile(rb'\\.|"', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\r\n,\[\]{}":]+')

_OPENING = frozenset(b"[{")
_QUOTE = ord('"')


def members(sent: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object by key, the last of those with the same key."""
    cursor = _Cursor(sent)
    cursor.expect(b"{")
    found: dict[str, bytes] = {}
    while not cursor.take(b"}"):
        if found:
            cursor.expect(b",")
        key = _key(cursor.value())
        cursor.expect(b":")
        found[key] = cursor.value()
    cursor.expect_end()
    return found


def elements(sent: bytes) -> list[bytes]:
    """Return the elements of a JSON list."""
    cursor = _Cursor(sent)
    cursor.expect(b"[")
    found: list[bytes] = []
    while not cursor.take(b"]"):
        if found:
            cursor.expect(b",")
        found.append(cursor.value())
    cursor.expect_end()
    return found


def _key(sent: bytes) -> str:
    try:
        key = orjson.loads(sent)
    except orjson.JSONDecodeError:
        key = None
    if not isinstance(key, str):
        raise ItemProblem("INVALID_JSON", f"not JSON: {shown(sent)} is no key")
    return key


class _Cursor:
    """A place in JSON text; blanks before what is asked for are passed over."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self._at = 0

    def take(self, token: bytes) -> bool:
        """Pass a token if it is next."""
        at = self._next()
        if self._sent[at : at + 1] != token:
            return False
        self._at = at + 1
        return True

    def expect(self, token: bytes) -> None:
        """Pass a token; raise ItemProblem if it is not next."""
        if not self.take(token):
            raise self._problem(repr(token.decode()))

    def expect_end(self) -> None:
        """Raise ItemProblem unless only blanks are left."""
        if self._next() != len(self._sent):
            raise self._problem("the end")

    def value(self) -> bytes:
        """Pass a value and return its bytes."""
        start = self._next()
        first = self._sent[start] if start < len(self._sent) else 0
        if first in _OPENING:
            self._at = self._bracket_end(start)
        elif first == _QUOTE:
            self._at = self._string_end(start + 1)
        elif scalar := _SCALAR.match(self._sent, start):
            self._at = scalar.end()
        else:
            raise self._problem("a value")
        return self._sent[start : self._at]

    def _next(self) -> int:
        blank = _BLANK.match(self._sent, self._at)
        return blank.end() if blank else self._at

    def _bracket_end(self, at: int) -> int:
        depth = 0
        while found := _STRUCTURE.search(self._sent, at):
            at = found.end()
            token = self._sent[found.start()]
            if token == _QUOTE:
                if at == found.start() + 1:  # a string that has no end
                    self._string_end(at)
                continue
            depth += 1 if token in _OPENING else -1
            if depth == 0:
                return at
        self._at = len(self._sent)
        raise self._problem("a closing bracket")

    def _string_end(self, at: int) -> int:
        for found in _STRING_STEP.finditer(self._sent, at):
            if self._sent[found.start()] == _QUOTE:
                return found.end()
        self._at = len(self._sent)
        raise self._problem("a closing quote")

    def _problem(self, expected: str) -> ItemProblem:
        return ItemProblem("INVALID_JSON", f"not JSON: expected {expected} at byte {self._next()}")
