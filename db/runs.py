"""The questions about runs."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from uuid import UUID

from orjson import Fragment

from db import filters, paths
from db.derivations import app_path, decode, encode
from db.entity import Head, Size
from db.errors import InvalidError
from db.filters import EVERYTHING, Where
from db.questions import (
    ANCESTORS,
    ATTACHMENTS,
    CHILDREN,
    PARENT,
    PROJECT_OF,
    ROOT_OF_TRACE,
    RUN_OF_FEEDBACK,
    RUNS,
    TRACE_OF_RUN,
    TRACES,
    Count,
    Rows,
    Then,
)
from db.rows import Derived, Row
from db.values import parse_id

LARGEST_PREVIEW = 65_536


class Preview(NamedTuple):
    """The beginning of a JSON text, whether it was cut, and how many bytes the whole has."""

    text: str
    truncated: bool
    bytes: int


def by_id(id: UUID, trace_id: UUID | None) -> Rows:
    """Ask for one run; its trace spares a distributed store the search."""
    tests = [filters.test("id", "eq", id)]
    if trace_id is not None:
        tests.append(filters.test("trace_id", "eq", trace_id))
    return Rows(RUNS, where=filters.All(tuple(tests)), one=True)


def children_of(run: Row, where: Where = EVERYTHING) -> Rows:
    """Ask for the direct children, in dotted order."""
    return Rows(CHILDREN, run, where)


def child_ids_of(run: Row) -> Then:
    """Ask for the ids of the direct children, in dotted order."""
    return Then(Rows(CHILDREN, run), _ids, ("id",))


def child_count_of(run: Row) -> Count:
    """Ask how many direct children there are."""
    return Count(Rows(CHILDREN, run))


def parent_of(run: Row) -> Rows:
    """Ask for the run that started this one."""
    return Rows(PARENT, run, one=True)


def ancestors_of(run: Row) -> Rows:
    """Ask for the chain over a run, root first; a parent that never arrived is left out."""
    return Rows(ANCESTORS, run)


def trace(trace_id: UUID) -> Rows:
    """Ask for a trace."""
    return Rows(TRACES, where=filters.test("trace_id", "eq", trace_id), one=True)


def trace_of(run: Row) -> Rows:
    """Ask for the trace of a run."""
    return Rows(TRACE_OF_RUN, run, one=True)


def root_of(trace: Row) -> Rows:
    """Ask for the run that began a trace."""
    return Rows(ROOT_OF_TRACE, trace, one=True)


def project_of(row: Row) -> Rows:
    """Ask for the project of a run or a trace."""
    return Rows(PROJECT_OF, row, one=True)


def run_of(feedback: Row) -> Rows:
    """Ask for the run a judgement is about."""
    return Rows(RUN_OF_FEEDBACK, feedback, one=True)


def attachments_of(run: Row) -> Rows:
    """Ask for the files sent with a run; None when there are none."""
    return Rows(ATTACHMENTS, run, empty_is_null=True)


def attachment_url(attachment: Row, url: Callable[[str, str, str], str]) -> Derived:
    """Ask for the address that `url` makes of an attachment's trace, run and name."""
    return Derived(attachment, ("trace_id", "run_id", "name"), url)


def url_of(run: Row, host_url: str | None) -> Derived | None:
    """Ask for the address of a run in the app; None where the host is not known."""
    if host_url is None:
        return None
    return Derived(run, ("app_path", "id", "trace_id"), partial(_url, host_url.rstrip("/")))


def _url(host_url: str, stored: str | None, id: str, trace_id: str) -> str:
    return host_url + app_path(stored, id, trace_id)


def payload_at(run: Row, column: str, path: str) -> Derived:
    """Ask for what stands at a path of a payload; None where nothing does."""
    return Derived(run, (column,), partial(_at, paths.parse(path)))


def metadata_at(run: Row, path: str) -> Derived:
    """Ask for what stands at a path of extra.metadata."""
    return Derived(run, ("extra",), partial(_at, ("metadata", *paths.parse(path))))


def preview(run: Row, column: str, path: str | None, most: int) -> Derived:
    """Ask for the first bytes of a payload, or of what stands at a path of it."""
    if not 0 <= most <= LARGEST_PREVIEW:
        msg = f"maxBytes is {most}; at least 0, at most {LARGEST_PREVIEW}"
        raise InvalidError(msg)
    if path is None:
        columns = (Head(column, most + 1), Size(column))
        return Derived(run, columns, partial(_head, most))
    return Derived(run, (column,), partial(_head_at, most, paths.parse(path)))


def _ids(rows: list[Row]) -> list[str]:
    return [row.id for row in rows]


def _text_at(path: paths.Path, stored: bytes | None) -> bytes | None:
    found = paths.ABSENT if stored is None else paths.at(decode(stored), path)
    return None if found is paths.ABSENT else encode(found)


def _at(path: paths.Path, stored: bytes | None) -> Fragment | None:
    text = _text_at(path, stored)
    return None if text is None else Fragment(text)


def _head_at(most: int, path: paths.Path, stored: bytes | None) -> Preview | None:
    text = _text_at(path, stored)
    return None if text is None else _head(most, text, len(text))


def _head(most: int, head: bytes | str | None, size: int | None) -> Preview | None:
    """Cut a text at the last whole character within `most` bytes."""
    if head is None or size is None:
        return None
    raw = head.encode() if isinstance(head, str) else head
    return Preview(raw[:most].decode(errors="ignore"), size > most, size)


def id_or_none(text: str) -> UUID | None:
    """Return the id a text names, None where it can be nobody's."""
    return parse_id(text)
