"""Trusted documents: the queries of known clients, prepared before anybody asks them.

They come from .graphql files, from Relay's persisted queries (`{"<id>": "<text>"}`) and from
Apollo's manifests. Each may be asked by the SHA-256 of its text, and by the id in its manifest.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import orjson
from graphql import GraphQLError

from db.errors import InvalidError
from graph.limits.bounds import Limits
from graph.schema import schema

APOLLO = "apollo-persisted-query-manifest"
_SUFFIXES = (".graphql", ".gql", ".json")


class Documents:
    """The texts that may be asked by id."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._from: dict[str, str] = {}

    def add(self, text: str, source: str, *ids: str) -> None:
        """Add a document, under its hash and other ids; `source` says where it stands."""
        for kept in {text, text.strip()}:
            self._from[kept] = source
            self._by_id[hash_of(kept)] = kept
        self._by_id.update(dict.fromkeys(ids, text))

    def find(self, id: str) -> str | None:
        """Return the text of an id, which may say `sha256:` before a hash; None if unknown."""
        return self._by_id.get(id) or self._by_id.get(id.removeprefix("sha256:"))

    def __contains__(self, text: str) -> bool:
        """Say whether a text is one of them."""
        return text in self._from

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Give every text, and where it stands."""
        return iter(self._from.items())

    def __len__(self) -> int:
        """Return how many ids are known."""
        return len(self._by_id)


def hash_of(text: str) -> str:
    """Return the hash that names a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def load(place: str | None) -> Documents:
    """Read the documents of a file, or of all files in a folder.

    Raises InvalidError, naming the file, for one that can not be read.
    """
    documents = Documents()
    if place is None:
        return documents
    root = Path(place)
    files = sorted(root.rglob("*")) if root.is_dir() else [root]
    for file in files:
        if file.suffix in _SUFFIXES and file.is_file():
            _read(file, documents)
    return documents


def warm(documents: Documents, dialect: str, limits: Limits) -> None:
    """Prepare every document. Raises InvalidError, naming it, for one that is not allowed."""
    for text, source in documents:
        try:
            schema.warm(text, dialect, limits)
        except GraphQLError as error:
            msg = f"{source}: {error.message}"
            raise InvalidError(msg) from None


def _read(file: Path, documents: Documents) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix != ".json":
            documents.add(text, str(file))
            return
        for body, id in _of_manifest(orjson.loads(text)):
            documents.add(body, f"{file}, {id}", id)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = (
            f"{file} is no document and no manifest ({error}); allowed: .graphql with queries,"
            ' Relay\'s {"<id>": "<text>"} and Apollo\'s persisted query manifest'
        )
        raise InvalidError(msg) from None


def _of_manifest(content: Any) -> Iterator[tuple[str, str]]:
    """Yield the text and id of each entry of a manifest."""
    if content.get("format") == APOLLO:
        for each in content["operations"]:
            yield str(each["body"]), str(each["id"])
        return
    for id, text in cast("dict[str, Any]", content).items():
        if type(text) is not str:
            msg = f"{id[:60]!r} is no text"
            raise TypeError(msg)
        yield text, id
