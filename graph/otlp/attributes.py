"""A span's attributes while they are mapped: what one rule takes, no other sees.

What nobody takes is kept with the run, so that nothing that was sent is lost.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from orjson import Fragment

from graph.ingest import json_text
from graph.ingest.problems import ItemProblem
from graph.otlp.spans import DEEPEST, Values

_LEVELS = 24
"""Dots of a flattened name that are looked at."""

_WRAPPERS = frozenset(
    ("message", "message_content", "tool_call", "document", "embedding", "tool", "image", "audio")
)
"""Names that OpenInference puts around each object of a list."""

_OPENS = ("{", "[")


class Json(NamedTuple):
    """A JSON value, and what stands for it where it is written: its own text, if it was text."""

    value: Any
    written: Any


class Attributes:
    """Attributes by name, fewer with each that is taken."""

    def __init__(self, values: Values) -> None:
        self.rest: dict[str, Any] = {
            name: value for name, value in values.items() if value is not None
        }

    def look(self, name: str) -> Any:
        """Return an attribute, and leave it."""
        return self.rest.get(name)

    def take(self, *names: str) -> Any:
        """Take the first attribute of these that there is; None if there is none."""
        for name in names:
            if name in self.rest:
                return self.rest.pop(name)
        return None

    def take_text(self, *names: str) -> str | None:
        """Take the first attribute of these that is text, and not empty."""
        for name in names:
            value = self.rest.get(name)
            if isinstance(value, str) and value:
                return self.rest.pop(name)
        return None

    def take_under(self, prefix: str, ending: str = "") -> dict[str, Any]:
        """Take what stands below a name, by the rest of its name."""
        start = f"{prefix}."
        names = [name for name in self.rest if name.startswith(start) and name.endswith(ending)]
        return {name[len(start) :]: self.rest.pop(name) for name in names}


def as_json(value: Any) -> Json | None:
    """Return what a value is as JSON: text of an object or a list is read; None for other text."""
    if not isinstance(value, str):
        return Json(value, value)
    if not value.lstrip().startswith(_OPENS):
        return None
    try:
        read, text = json_text.read(value.encode("utf-8", "replace"))
    except ItemProblem:
        return None
    return Json(read, Fragment(text.encode()))


def as_object(value: Any) -> dict[str, Any]:
    """Return the object that a value is, or is the JSON text of; else an empty one."""
    found = _decoded(value)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the list that a value is, or is the JSON text of; else an empty one."""
    found = _decoded(value)
    return cast("list[Any]", found) if isinstance(found, list) else []


def _decoded(value: Any) -> Any:
    """Return a JSON value that can be put together with others; None if it nests too deep."""
    told = as_json(value)
    level: list[Any] = [told.value] if told else []
    for _ in range(DEEPEST):
        if not level:
            return told.value if told else None
        level = [below for each in level for below in _below(each)]
    return None


def _below(node: Any) -> Iterable[Any]:
    match node:
        case dict():
            return cast("dict[str, Any]", node).values()
        case list():
            return cast("list[Any]", node)
        case _:
            return ()


def listed(flat: Values) -> list[Any]:
    """Return the list that names such as `0.message.role` tell, in the order of their numbers."""
    found = nested(flat)
    return cast("list[Any]", found) if isinstance(found, list) else [found] if found else []


def nested(flat: Values) -> Any:
    """Return what names with dots tell: objects, and lists where all names are numbers."""
    root: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".", _LEVELS)
        node = root
        for at, step in enumerate(path):
            below = node.setdefault(step, {})
            if not isinstance(below, dict):  # both a value and something below it
                last = ".".join((*path[at:], last))
                break
            node = cast("dict[str, Any]", below)
        if isinstance(node.get(last), dict):
            last = f"{last}."
        node[last] = value
    return _lifted(root)


def _lifted(node: Any) -> Any:
    """Return a node without what is put around it for the sake of its name."""
    if not isinstance(node, dict):
        return node
    members = cast("dict[str, Any]", node)
    if len(members) == 1:
        (name, below), *_ = members.items()
        if name in _WRAPPERS and isinstance(below, dict):
            return _lifted(below)
    if members and all(name.isdecimal() and name.isascii() for name in members):
        return [_lifted(members[name]) for name in _in_order(members)]
    return {name: _named(name, _lifted(below)) for name, below in members.items()}


def _in_order(names: Iterable[str]) -> Iterator[str]:
    return iter(sorted(names, key=lambda name: (len(name.lstrip("0")), name.lstrip("0"), name)))


def _named(name: str, value: Any) -> Any:
    if name == "tool_calls" and isinstance(value, list):
        return [_call(each) for each in cast("list[Any]", value)]
    return value


def _call(sent: Any) -> Any:
    """Return a call of a tool as OpenAI writes it, which LangSmith reads."""
    if not isinstance(sent, dict):
        return sent
    call = cast("dict[str, Any]", sent)
    if "function" in call:
        return {"type": "function", **call}
    function = {name: call.pop(name) for name in ("name", "arguments") if name in call}
    return {"type": "function", **call, "function": function} if function else call


def counts_in(value: Any) -> dict[str, int]:
    """Return counts by kind: of an object, of JSON text, or of a dict as Python prints it."""
    if not isinstance(value, str):
        return {kind: count for kind, count in as_object(value).items() if type(count) is int}
    return {kind: int(count) for kind, count in _COUNT.findall(value)}


_COUNT = re.compile(r"""['"]([\w.]+)['"]: *(\d{1,15})\b""", re.ASCII)
