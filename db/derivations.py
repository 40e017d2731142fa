"""Attributes that are made of columns: pure functions of loaded values.

Ids and times come as the text answers hold, JSON as its stored text.

Sources: langsmith.schemas.Run (latency, metadata, revision_id, the aliases) and what its server
adds (parent_run_ids read off dotted_order, app_path).
"""

import json
import math
import re
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

import orjson
from orjson import Fragment

_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_PLAIN_TEXTS = re.compile(rb'\[(?:"[ !#-\[\]-~]*"(?:, ?"[ !#-\[\]-~]*")*)?\]')
_COMMON = 100
"""Bytes below which a text is likely to come again."""
_ID_LENGTH = 36


class TokenDetail(NamedTuple):
    """Tokens of one kind."""

    kind: str
    tokens: int


class CostDetail(NamedTuple):
    """US dollars for one kind of token, as exact decimal text."""

    kind: str
    cost: str


def decode(text: bytes) -> Any:
    """Return stored JSON text as Python values, whole numbers of any length exact.

    A number beyond every float is read as null, which is how JSON writers put it.
    """
    if not _LONG_NUMBER.search(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:  # a number beyond every float, or nested too deep
            pass
    return json.loads(text, parse_float=_finite)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def encode(value: Any) -> bytes:
    """Return a decoded JSON value as JSON text; the reverse of `decode`."""
    try:
        return orjson.dumps(value)
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def object_or_empty(stored: bytes | None) -> Fragment:
    """Return the stored object, {} when there is none."""
    return Fragment(stored or b"{}")


def list_of_json(stored: bytes | None) -> list[Any] | None:
    """Return the items of a stored list; nulls are left out, anything else is one item."""
    if stored is None:
        return None
    value = decode(stored)
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [Fragment(encode(item)) for item in items if item is not None]


def is_plain_list(stored: bytes) -> bool:
    """Say whether JSON text is a list that surely holds no null."""
    return stored[:1] == b"[" and b"null" not in stored


def is_list_of_plain_text(stored: bytes) -> bool:
    """Say whether JSON text is surely a list of strings, and valid; ASCII only."""
    if len(stored) < _COMMON:
        return _is_plain(stored)
    return _PLAIN_TEXTS.fullmatch(stored) is not None


@lru_cache(maxsize=4096)
def _is_plain(stored: bytes) -> bool:
    return _PLAIN_TEXTS.fullmatch(stored) is not None


def list_of_text(stored: bytes | None) -> list[str]:
    """Return a stored list of strings, [] when there is none."""
    return [] if stored is None else orjson.loads(stored)


def metadata(extra: bytes | None) -> Fragment:
    """Return extra.metadata, {} when it is absent, null or no object."""
    found = _metadata(extra)
    return Fragment(encode(found) if found else b"{}")


def revision_id(extra: bytes | None) -> str | None:
    """Return metadata.revision_id as text; the JSON text of what is no string."""
    found = _metadata(extra).get("revision_id")
    if found is None or isinstance(found, str):
        return found
    return encode(found).decode()


def _metadata(extra: bytes | None) -> dict[str, Any]:
    if extra is None:
        return {}
    value = decode(extra)
    found = cast("dict[str, Any]", value).get("metadata") if isinstance(value, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def parent_run_ids(dotted_order: str) -> list[str]:
    """Return the ids before the last segment: root first, immediate parent last."""
    return [segment[-_ID_LENGTH:] for segment in dotted_order.split(".")[:-1]]


def is_root(parent_run_id: str | None) -> bool:
    """Say whether the run began its trace."""
    return parent_run_id is None


def app_path(stored: str | None, id: str, trace_id: str) -> str:
    """Return the path as sent, else the one that opens this run in GraphiQL."""
    return stored or f"/graphql?run={id}&trace={trace_id}"


def seconds_between(start: str, end: str | None) -> float | None:
    """Return the seconds from start to end; None while there is no end."""
    if end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def prompt_token_details(details: bytes | None) -> list[TokenDetail] | None:
    """Return input tokens by kind."""
    return _details(details, "promptTokens", TokenDetail)


def completion_token_details(details: bytes | None) -> list[TokenDetail] | None:
    """Return output tokens by kind."""
    return _details(details, "completionTokens", TokenDetail)


def prompt_cost_details(details: bytes | None) -> list[CostDetail] | None:
    """Return input costs by kind."""
    return _details(details, "promptCost", CostDetail)


def completion_cost_details(details: bytes | None) -> list[CostDetail] | None:
    """Return output costs by kind."""
    return _details(details, "completionCost", CostDetail)


def _details(details: bytes | None, part: str, make: Any) -> list[Any] | None:
    if details is None:
        return None
    found = orjson.loads(details).get(part)
    return [make(kind, amount) for kind, amount in found.items()] if found else None
