"""Changes of runs: what a transaction notes of them, and the messages that tell it.

Whoever writes notes what it changes, in its own transaction. Of several changes of one run in one
commit the last stands for all: a run that arrives whole is told once, as finished.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection, and_, select

from db.dialects import key_rows
from db.tables import RUN

LONGEST = 7_900
"""Bytes of a message: PostgreSQL takes fewer than 8,000."""

MOST_AT_ONCE = 50_000
"""Changes of one commit that are told one by one; of more it is told that there were many."""

PLACES = 1 << 20
"""More than the changes that one message tells of."""

_NOTED = "rungraph changes"
_ROW = 80
"""Bytes of one change in a message, at most, beside its run type."""
_LONGEST_TYPE = 100

_wanted = key_rows("keys", ("trace_id", "id"))
_FACTS = select(RUN.c.id, RUN.c.trace_id, RUN.c.session_id, RUN.c.run_type, RUN.c.parent_run_id)
_STORED = _FACTS.select_from(
    _wanted.join(RUN, and_(RUN.c.trace_id == _wanted.c.trace_id, RUN.c.id == _wanted.c.id))
)


class ChangeKind(Enum):
    """What has happened. RELOAD is no change: some were missed."""

    CREATED = "c"
    UPDATED = "u"
    FINISHED = "f"
    DELETED = "d"
    RELOAD = "r"


_RANK = {
    ChangeKind.UPDATED: 0,
    ChangeKind.CREATED: 1,
    ChangeKind.FINISHED: 2,
    ChangeKind.DELETED: 3,
}
"""Of several things that happen to a run in one commit the highest is told."""

_KINDS = {kind.value: kind for kind in ChangeKind}


class Noted(NamedTuple):
    """A change as its writer knows it."""

    kind: ChangeKind
    id: UUID
    trace_id: UUID
    session_id: UUID
    run_type: str
    is_root: bool


class Change(NamedTuple):
    """A change as it is told; ids are 32 hexadecimal digits, `number` rises with time.

    A run type too long to be told is None.
    """

    number: int
    cursor: str
    kind: ChangeKind
    id: str
    trace_id: str
    session_id: str
    run_type: str | None
    is_root: bool


def note(connection: Connection, changes: Iterable[Noted]) -> None:
    """Note what a transaction changes, to be told once it is committed."""
    noted: dict[UUID, Noted] = connection.info.setdefault(_NOTED, {})
    for each in changes:
        before = noted.get(each.id)
        if before is None or _RANK[each.kind] >= _RANK[before.kind]:
            noted[each.id] = each


def note_touched(connection: Connection, keys: Iterable[tuple[UUID, UUID]]) -> None:
    """Note that what is shown with some runs has changed; by trace and id, if they are there."""
    noted: dict[UUID, Noted] = connection.info.get(_NOTED, {})
    wanted = [key for key in keys if key[1] not in noted]
    if wanted:
        rows = connection.execute(_STORED, {"keys": wanted})
        note(connection, [_updated(*row) for row in rows])


def _updated(id: UUID, trace: UUID, session: UUID, run_type: str, parent: UUID | None) -> Noted:
    return Noted(ChangeKind.UPDATED, id, trace, session, run_type, parent is None)


def taken(connection: Connection) -> Sequence[Noted]:
    """Return what was noted since this was last asked."""
    noted: dict[UUID, Noted] | None = connection.info.pop(_NOTED, None)
    return list(noted.values()) if noted else []


def messages(noted: Sequence[Noted], ids: Iterator[str]) -> list[bytes]:
    """Return what tells of changes, in messages of at most `LONGEST` bytes, each with an id."""
    if len(noted) > MOST_AT_ONCE:
        return [orjson.dumps([next(ids), None])]
    return [orjson.dumps([next(ids), groups]) for groups in _parts(noted)]


def _parts(noted: Sequence[Noted]) -> Iterator[list[Any]]:
    """Yield changes grouped by trace and project, as many at once as one message holds."""
    groups: list[Any] = []
    left = LONGEST - _ROW
    in_order = sorted(noted, key=lambda each: (each.trace_id.int, each.session_id.int))
    for (trace, session), some in groupby(in_order, key=lambda each: each[2:4]):
        rows: list[Any] = []
        left -= _ROW
        for kind, id, _, _, run_type, is_root in some:
            left -= _size(run_type)
            if left < 0 and (groups or rows):
                yield [*groups, [trace.hex, session.hex, rows]] if rows else groups
                groups, rows = [], []
                left = LONGEST - 2 * _ROW - _size(run_type)
            told = run_type if len(run_type) <= _LONGEST_TYPE else None
            rows.append([kind.value, id.hex, told, is_root])
        groups.append([trace.hex, session.hex, rows])
    if groups:
        yield groups


def _size(run_type: str) -> int:
    """Return how many bytes a row takes at most."""
    return _ROW + 6 * min(len(run_type), _LONGEST_TYPE)


def read(text: bytes | str) -> tuple[str, list[Any] | None]:
    """Return the id of a message, and its groups; None where there were too many changes."""
    id, groups = orjson.loads(text)
    return id, groups


def changes_in(place: int, id: str, groups: Sequence[Any]) -> list[Change]:
    """Return the changes that a message tells of, which is the `place`-th there is."""
    found: list[Change] = []
    number = place * PLACES
    for trace, session, rows in groups:
        for kind, run, run_type, is_root in rows:
            at = len(found)
            cursor = f"{id}-{at}"
            found.append(
                Change(
                    number + at, cursor, _KINDS[kind], run, trace, session, run_type, bool(is_root)
                )
            )
    return found
