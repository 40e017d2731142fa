"""Paths into JSON: `a.b[0]`, `["key.with.dots"]`. One grammar wherever a path is asked for."""

import json
import re
from functools import lru_cache
from typing import Any, cast

from db.errors import InvalidError

_STEP = re.compile(
    r'(?P<dot>\.)?(?P<key>[^.\[\]"]+)|\[(?P<place>[0-9]{1,9})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]',
    re.DOTALL,
)
_NEVER_STORED = re.compile("[\0\ud800-\udfff]")
LONGEST_PATH = 1024

Path = tuple[str | int, ...]

ANYWHERE = -1
"""The last step of a path to a value and all that is in it, which no text can ask for."""


class _Absent:
    """What stands where nothing is; JSON null is something."""


ABSENT = _Absent()


@lru_cache(maxsize=1024)
def parse(path: str) -> Path:
    """Return the steps of a path: text for a key, a number for a place in a list.

    The empty path is the whole value. Raises InvalidError at the first character that fits nothing.
    """
    if len(path) > LONGEST_PATH:
        msg = f"path has {len(path)} characters; at most {LONGEST_PATH}"
        raise InvalidError(msg)
    steps: list[str | int] = []
    place = 0
    while place < len(path):
        found = _STEP.match(path, place)
        step = None if found is None else _step(found, first=place == 0)
        if found is None or step is None:
            msg = f'path {path!r} is wrong at character {place + 1}; as in a.b[0] or ["a.b"]'
            raise InvalidError(msg)
        if isinstance(step, str) and _NEVER_STORED.search(step):
            msg = f"path {path!r} has a NUL or half a surrogate pair, which no stored key has"
            raise InvalidError(msg)
        steps.append(step)
        place = found.end()
    return tuple(steps)


def at(value: Any, path: Path) -> Any:
    """Return what stands at a path of a decoded value, `ABSENT` where nothing does."""
    for step in path:
        if isinstance(step, str):
            known = cast("dict[str, Any]", value if isinstance(value, dict) else {})
            value = known.get(step, ABSENT)
        else:
            items = cast("list[Any]", value if isinstance(value, list) else [])
            value = items[step] if step < len(items) else ABSENT
    return value


def _step(found: re.Match[str], *, first: bool) -> str | int | None:
    """Return a step; None where a dot is missing or too many, or a quoted key is no JSON."""
    if found["key"] is not None:
        return found["key"] if first == (found["dot"] is None) else None
    if found["place"] is not None:
        return int(found["place"])
    try:
        return json.loads(found["quoted"])
    except json.JSONDecodeError:
        return None
