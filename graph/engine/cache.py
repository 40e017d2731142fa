"""A bounded memory: what was used longest ago is forgotten, by number and by size."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """Keeps values up to a number and a total size in bytes."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """Return what is kept under a key, which now is the last to be forgotten."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: V, size: int) -> None:
        """Keep a value; forget others if need be, or this one if it is too large."""
        if size > self._most_bytes:
            return
        replaced = self._kept.pop(key, None)
        self._bytes += size - (replaced[1] if replaced else 0)
        self._kept[key] = (value, size)
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._kept)
