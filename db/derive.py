"""What the server works out from what a run carried: pure, and never at odds with odd JSON.

A value of an unexpected shape is treated as if it were not there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import orjson

from db.merge import is_empty
from db.moments import in_utc
from db.usage import JsonObject, as_list, as_object, decoded

LONGEST_INDEXED = 256
"""Bytes of a tag, a metadata key or value, a thread's or a run type's name in an index."""

LARGEST_EXACT = 2**53
"""From here on a double may stand for several whole numbers."""

LONGEST_NAME = 640
"""Characters of a name that is a key: four bytes each fit an index of any database."""

_NO_SCALARS = frozenset((dict, list, type(None)))
_MANIFESTS = UUID("6b1f3c52-5c0f-5f0a-9a53-2d1f6f0b7c11")
_MILLISECONDS, _MICROSECONDS = 10**11, 10**14
"""From here on a number of seconds since 1970 is meant as another unit."""


class Extra(NamedTuple):
    """What `extra` holds: itself decoded, and its metadata."""

    whole: JsonObject
    metadata: JsonObject


def extra_of(text: str | None) -> Extra:
    """Return the decoded `extra` and its metadata; both are empty when they are no objects."""
    whole = decoded(text)
    return Extra(whole, as_object(whole.get("metadata")))


def status_of(error: str | None, end: datetime | None) -> str:
    """Return error when one is set, else success once ended, else pending."""
    if error is not None and not is_empty(error):
        return "error"
    return "pending" if end is None else "success"


def seconds_between(start: datetime, end: datetime | None) -> float | None:
    """Return the seconds from start to end; negative if the clocks say so, None while unknown."""
    return None if end is None else (end - start).total_seconds()


def first_token_time(events: str | None) -> datetime | None:
    """Return the time of the first event named new_token."""
    if events is None or "new_token" not in events:
        return None
    try:
        told = as_list(orjson.loads(events))
    except orjson.JSONDecodeError:
        return None
    for event in map(as_object, told):
        if event.get("name") == "new_token":
            return _moment(event.get("time"))
    return None


def model_of(extra: Extra, inputs: str | None) -> str | None:
    """Return the model's name: of the metadata, of the inputs, of the invocation's parameters."""
    named = _text(extra.metadata.get("ls_model_name"))
    if named is None and inputs is not None and '"model' in inputs:
        told = decoded(inputs)
        named = _text(told.get("model")) or _text(told.get("model_name"))
    if named is None:
        told = as_object(extra.whole.get("invocation_params"))
        named = _text(told.get("model")) or _text(told.get("model_name"))
    return named


def thread_of(metadata: JsonObject) -> str | None:
    """Return the thread: metadata session_id, conversation_id or thread_id, as text."""
    for key in ("session_id", "conversation_id", "thread_id"):
        value = metadata.get(key)
        if value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _json(value)
        if (named := _text(value)) is not None and is_indexed(named):
            return named
    return None


def manifest_of(serialized: str | None) -> UUID | None:
    """Return the UUIDv5 of the canonical (sorted, compact) `serialized`."""
    told = decoded(serialized)
    if not told:
        return None
    try:
        canonical = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return None
    return uuid5(_MANIFESTS, canonical.decode())


def pairs_of(metadata: JsonObject) -> dict[str, str]:
    """Return the scalars of the metadata that are indexed: key to compact JSON text.

    Equal numbers have one text: 5.0 is written 5.
    """
    pairs: dict[str, str] = {}
    for key, value in metadata.items():
        if type(value) is str:
            short = len(value) <= LONGEST_INDEXED and len(key) <= LONGEST_INDEXED
            text = _indexed_text(key, value) if short else None
        elif type(value) in _NO_SCALARS:
            continue
        else:
            text = _indexed_json(key, one_number(value))
        if text is not None:
            pairs[key] = text
    return pairs


def _indexed_json(key: str, value: Any) -> str | None:
    text = orjson.dumps(value)
    return text.decode() if len(text) <= LONGEST_INDEXED and is_indexed(key) else None


_indexed_text = lru_cache(maxsize=4096)(_indexed_json)
"""The same of text: that of one run is mostly that of the next."""


def one_number(value: Any) -> Any:
    """Return a whole number as an integer where a double holds it for sure."""
    whole = type(value) is float and abs(value) < LARGEST_EXACT and value.is_integer()
    return int(value) if whole else value


def tags_of(tags: tuple[str, ...] | list[str]) -> set[str]:
    """Return the tags that are indexed, each once."""
    return {tag for tag in tags if is_indexed(tag)}


def is_indexed(text: str) -> bool:
    """Tell whether a text may stand in an index of any database: not too long, no NUL."""
    if len(text) > LONGEST_INDEXED or "\0" in text:
        return False
    return text.isascii() or len(text.encode()) <= LONGEST_INDEXED


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            return in_utc(datetime.fromisoformat(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            unit = 1e6 if abs(value) >= _MICROSECONDS else 1e3 if abs(value) >= _MILLISECONDS else 1
            return datetime.fromtimestamp(value / unit, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and "\0" not in value else None


def _json(value: Mapping[str, Any] | str | float) -> str:
    return orjson.dumps(value).decode()
