"""LangSmith's bulk exports: Parquet files with a row for each run.

Columns: https://docs.langchain.com/langsmith/data-export (exportable fields); any of them may be
missing. JSON columns hold text. Times without a zone are UTC. Where `session_id` is no column, the
folders of the export tell it (`session_id=<id>`).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID

import orjson
import pyarrow  # pyright: ignore[reportMissingTypeStubs]
from pyarrow import parquet  # pyright: ignore[reportMissingTypeStubs]

from db.errors import InvalidError
from graph.ingest.wire import OUT_OF_LINE, RUN_FIELDS, USAGE_FIELDS

_AT_ONCE = 200
_JSON = OUT_OF_LINE - {"error"}
_KNOWN = RUN_FIELDS.keys() | USAGE_FIELDS.keys() | OUT_OF_LINE | {"id"}
_ID_BYTES = 16
_FOLDER = re.compile(r"(?:^|[/\\])session_id=([0-9a-fA-F-]{36})(?=[/\\])")


_arrow: Any = pyarrow


class Rows:
    """The rows of a file. Raises InvalidError where it is none, or not of runs."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            self._file: Any = parquet.ParquetFile(file)
        except _arrow.ArrowInvalid as error:
            raise InvalidError(f"{name} is damaged: {error}") from None
        found: list[str] = self._file.schema_arrow.names
        self._columns = [each for each in found if each in _KNOWN]
        if "id" not in self._columns:
            raise InvalidError(f"{name} has no column id; there are {', '.join(found)}")
        self.size: int = self._file.metadata.num_rows
        folder = _FOLDER.search(name)
        self._beside = {"session_id": folder[1]} if folder and "session_id" not in found else {}

    def after(self, done: int) -> Iterator[tuple[int, Mapping[str, bytes]]]:
        """Give the rows after so many, numbered from 1, as JSON by column."""
        about = self._file.metadata
        sizes = [about.row_group(at).num_rows for at in range(about.num_row_groups)]
        group, number = 0, 0
        while group < len(sizes) and number + sizes[group] <= done:
            number += sizes[group]
            group += 1
        groups = list(range(group, len(sizes)))
        for batch in self._file.iter_batches(_AT_ONCE, groups, self._columns):
            for row in batch.to_pylist():
                number += 1
                if number > done:
                    yield number, _members({**self._beside, **row})


def _members(row: Mapping[str, Any]) -> Mapping[str, bytes]:
    return {name: _json(name, value) for name, value in row.items() if value is not None}


def _json(name: str, value: Any) -> bytes:
    """Return a cell as JSON; text that is JSON already stays as it is."""
    if isinstance(value, str) and (name in _JSON or (name == "tags" and value.startswith("["))):
        return value.encode()
    if isinstance(value, bytes):
        is_id = len(value) == _ID_BYTES and name.endswith("id")
        return _json(name, str(UUID(bytes=value)) if is_id else value.decode("utf-8", "replace"))
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return orjson.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(type(value).__name__)
