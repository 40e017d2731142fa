"""Reading a request: its body or address, and of that what is asked.

JSON is UTF-8, strictly; of a key that stands twice in an object the last counts, here and wherever
else it is read, because there is one reader.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope

from graph.http.refusals import CLOSE, Refusal, bad_request
from graph.settings import SETTINGS, Settings

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19
_PARAMETERS = {
    "query": "a text",
    "documentId": "a text",
    "operationName": "a text or null",
    "variables": "an object or null",
    "extensions": "an object or null",
}
_JSON_PARAMETERS = frozenset({"variables", "extensions"})
_BRACES = bytes.maketrans(b"[]", b"{}")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NESTS = (dict, list)
_EMPTY: Mapping[str, Any] = {}


class Asked(NamedTuple):
    """One GraphQL request. `query` is empty where only `id` says what is asked."""

    query: str
    variables: dict[str, Any] | None
    name: str | None
    extensions: Mapping[str, Any]
    id: str | None


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes | None:
    """Return the body; None when the client has gone. Raises Refusal for one that is too large."""
    declared = headers.get(b"content-length", b"0")
    if len(declared) > 6 and declared.isdigit() and int(declared[:20]) > most:  # noqa: PLR2004
        raise _too_large(f"of {declared[:20].decode()} bytes", most)
    message = await receive()
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(f"of more than {most} bytes", most)
        if not message.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        parts.append(part)
        message = await receive()
    return None


def asked_in_body(body: bytes, settings: Settings) -> Asked:
    """Return what a body asks. Raises Refusal where it is no GraphQL request."""
    sent = value_of(body, settings.max_json_depth)
    if type(sent) is list:
        code = "BATCHING_NOT_SUPPORTED"
        raise bad_request("the body is a list; send one request at a time", code)
    if type(sent) is not dict:
        given = "null" if sent is None else type(cast("object", sent)).__name__
        raise bad_request(f"the body is {given}; an object with a query is wanted")
    return asked_in(cast("dict[str, Any]", sent))


def asked_in_address(scope: Scope, settings: Settings) -> Asked:
    """Return what an address asks. Raises Refusal where it is no GraphQL request."""
    check_address(scope, settings)
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=100,
        )
    except ValueError:
        raise bad_request("the address holds what is not percent-encoded UTF-8") from None
    sent: dict[str, Any] = {}
    for name, text in pairs:
        if name not in _PARAMETERS:
            continue
        if name in sent:
            raise bad_request(f"the address has {name} twice")
        is_json = name in _JSON_PARAMETERS and text
        sent[name] = value_of(text.encode(), settings.max_json_depth) if is_json else text or None
    return asked_in(sent)


def check_address(scope: Scope, settings: Settings) -> None:
    """Refuse an address that is too long."""
    size = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    if size > settings.max_uri_bytes:
        most = f"at most {settings.max_uri_bytes} (setting {SETTINGS['max_uri_bytes'].variable})"
        raise Refusal(414, "URI_TOO_LONG", f"the address has {size} bytes; {most}")


def value_of(text: bytes, most_depth: int) -> Any:
    """Return the value of JSON text; whole numbers beyond 64 bits stay exact.

    Raises Refusal for what is no JSON, and for what is nested too deeply.
    """
    try:
        value = orjson.loads(text)
        if text.count(b"[") + text.count(b"{") > most_depth and _is_deep(text, value, most_depth):
            most = f"at most {most_depth} (setting {SETTINGS['max_json_depth'].variable})"
            message = f"the JSON is nested more than {most_depth} deep; {most}"
            raise bad_request(message, "JSON_TOO_DEEP")
        return json.loads(text) if _LONG_NUMBER in text.translate(_DIGITS) else value
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or "a number in it is too long"
        raise bad_request(f"this is no JSON in UTF-8: {reason}", "INVALID_JSON") from None


def _is_deep(text: bytes, value: Any, most: int) -> bool:
    """Say whether JSON is nested deeper than this.

    Its brackets alone tell that, unless there are some in texts: what is innermost is taken away
    until nothing is left.
    """
    brackets = text.translate(_BRACES, _NO_BRACKETS)
    for _ in range(most):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"")
    return bool(brackets) and _depth(value) > most


def _depth(value: Any) -> int:
    """Return how deep lists and objects stand in each other."""
    depth = 0
    level: list[Any] = [value]
    while level := [each for each in level if type(each) in _NESTS]:
        level = [inner for each in level for inner in _inside(each)]
        depth += 1
    return depth


def _inside(value: Any) -> Iterable[Any]:
    return cast("dict[str, Any]", value).values() if type(value) is dict else value


def asked_in(sent: Mapping[str, Any]) -> Asked:
    """Return what the parameters of a request ask. Raises Refusal where they do not fit."""
    query, name, variables = sent.get("query"), sent.get("operationName"), sent.get("variables")
    id, extensions = sent.get("documentId"), sent.get("extensions")
    if (
        type(query) is str
        and query
        and id is None
        and (name is None or type(name) is str)
        and (variables is None or type(variables) is dict)
        and extensions is None
    ):
        return Asked(query, variables, name or None, _EMPTY, None)
    return _unusual(query, variables, name, extensions, id)


def _unusual(query: Any, variables: Any, name: Any, extensions: Any, id: Any) -> Asked:
    """Check what is asked in a less usual form."""
    given = {
        "query": (query, str),
        "documentId": (id, str),
        "operationName": (name, str),
        "variables": (variables, dict),
        "extensions": (extensions, dict),
    }
    for parameter, (value, kind) in given.items():
        if value is not None and type(value) is not kind:
            raise bad_request(f"{parameter} is {_kind(value)}; {_PARAMETERS[parameter]} is wanted")
    if not query and not id and "persistedQuery" not in (extensions or {}):
        raise bad_request("there is no query: a text in `query`, or an id in `documentId`")
    return Asked(query or "", variables, name or None, extensions or _EMPTY, id)


def _kind(value: Any) -> str:
    kinds = {str: "a text", dict: "an object", list: "a list", bool: "a boolean"}
    return kinds.get(cast("type[Any]", type(value)), "a number")


def _too_large(what: str, most: int) -> Refusal:
    allowed = f"at most {most} (setting {SETTINGS['max_body_bytes'].variable})"
    return Refusal(413, "BODY_TOO_LARGE", f"a body {what}; {allowed}", CLOSE)
