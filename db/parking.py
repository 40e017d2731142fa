"""What has arrived before the run, or the feedback, that it belongs to.

A parked change is kept whole, under the id it waits for, and comes back when that id is stored.
"""

import dataclasses
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Generic, TypeVar, get_args, get_type_hints
from uuid import UUID

import orjson
from sqlalchemy import ClauseElement, Connection, delete, func, select

from db.arrivals import AttachmentArrival, FeedbackArrival, FeedbackPatch, RunArrival
from db.attachments import discard
from db.dialects import key_rows, upsert
from db.sending import send
from db.tables import PARKED

Arrival = RunArrival | FeedbackArrival | FeedbackPatch | AttachmentArrival

A_co = TypeVar("A_co", bound=Arrival, covariant=True)

_SORTS = {sort.__name__: sort for sort in get_args(Arrival)}

_wanted = key_rows("keys", ("id",))
_ids = select(_wanted.c.id).scalar_subquery()
_TAKEN = select(PARKED.c.run_id, PARKED.c.body).where(PARKED.c.run_id.in_(_ids))
_DELETE = delete(PARKED).where(PARKED.c.run_id.in_(_ids))


_OUTSIDE = '%"object":%'
"""How a file is known whose bytes are outside of the database."""


@dataclasses.dataclass(slots=True)
class Change(Generic[A_co]):
    """An arrival on its way to a row, and the place of the batch that brought it, or woke it."""

    arrival: A_co
    batch: int
    woken: bool = False


def park(connection: Connection, waiting: Iterable[tuple[UUID, Arrival]], now: datetime) -> None:
    """Keep arrivals under the ids they wait for; a repetition is the same row."""
    rows = [_row(id, arrival, now) for id, arrival in waiting]
    send(connection, _insert(connection.dialect.name), rows, tuple(PARKED.c.keys()))


def take(connection: Connection, ids: Collection[UUID]) -> Sequence[tuple[UUID, Arrival]]:
    """Return what waits for any of these ids, and keep it no longer; in a fixed order."""
    if not ids:
        return []
    keys = {"keys": [(id,) for id in ids]}
    rows = connection.execute(_TAKEN.order_by(PARKED.c.run_id, PARKED.c.digest), keys).all()
    if rows:
        connection.execute(_DELETE, keys)
    return [(row.run_id, _arrival(row.body)) for row in rows]


def age_out(connection: Connection, before: datetime) -> int:
    """Forget what was parked before a moment; return how many changes that were."""
    files = select(PARKED.c.body).where(PARKED.c.arrival < before, PARKED.c.body.like(_OUTSIDE))
    told = [orjson.loads(body)["told"] for body in connection.scalars(files)]
    discard(connection, {each["object"] for each in told if isinstance(each.get("object"), str)})
    return connection.execute(delete(PARKED).where(PARKED.c.arrival < before)).rowcount


def parked_count(connection: Connection) -> int:
    """Return how many changes wait."""
    return connection.execute(select(func.count()).select_from(PARKED)).scalar_one()


@lru_cache
def _insert(dialect: str) -> ClauseElement:
    return upsert(dialect, PARKED).on_conflict_do_nothing()


def _row(id: UUID, arrival: Arrival, now: datetime) -> Mapping[str, Any]:
    told = {
        field.name: value
        for field in dataclasses.fields(arrival)
        if (value := getattr(arrival, field.name)) is not None
    }
    body = orjson.dumps({"sort": type(arrival).__name__, "told": told}, default=_plain)
    digest = UUID(bytes=blake2b(body, digest_size=16).digest())
    return {"run_id": id, "digest": digest, "arrival": now, "body": body.decode()}


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} can not be parked")


def _arrival(body: str) -> Arrival:
    parked = orjson.loads(body)
    sort = _SORTS[parked["sort"]]
    forms = _forms(sort)
    return sort(**{name: forms[name](value) for name, value in parked["told"].items()})


@lru_cache
def _forms(sort: type[Arrival]) -> Mapping[str, Any]:
    """Return for each field what turns its JSON value back."""
    forms: dict[str, Any] = {}
    for name, hint in get_type_hints(sort).items():
        types = {hint, *get_args(hint)}
        known = (form for type_, form in _BACK.items() if type_ in types)
        forms[name] = next(known, _same)
    return forms


def _same(value: Any) -> Any:
    return value


def _ids_in(texts: Sequence[str]) -> tuple[UUID, ...]:
    return tuple([UUID(text) for text in texts])


_BACK: Mapping[Any, Any] = {
    UUID: UUID,
    datetime: datetime.fromisoformat,
    bytes: b64decode,
    tuple[str, ...]: tuple,
    tuple[UUID, ...]: _ids_in,
}
