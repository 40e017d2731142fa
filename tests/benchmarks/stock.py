"""A tuned plain Strawberry server over the same tables, frozen: what one would write without us.

SQLModel objects with just the selected columns loaded (load_only), DataLoader for child runs and
payloads, Strawberry's parser and validation caches, orjson. Its schema has the fields that the
benchmark selects, under the product's names, and gives the product's values.
"""

import enum
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NewType
from uuid import UUID

import orjson
import strawberry
from sqlalchemy import BigInteger, Column, Dialect, Engine, Text, create_engine, event, func
from sqlalchemy.engine import make_url
from sqlalchemy.orm import load_only, registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, Session, SQLModel, col, select
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.nodes import SelectedField

from db.dialects import Id, Money
from tests.benchmarks.drivers import PRAGMAS

Key = tuple[UUID, UUID]


class JsonValue(TypeDecorator[Any]):
    """JSON that is stored as text, decoded when it is read."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


class Stored(SQLModel, registry=registry()):
    """Tables of this server alone."""


class RunRow(Stored, table=True):
    """A run; attributes are called as the API's fields are."""

    __tablename__ = "run"

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)
    session_id: UUID = Field(sa_type=Id)
    parent_run_id: UUID | None = Field(sa_type=Id)
    name: str
    run_type: str
    status: str
    start_time: datetime
    end_time: datetime | None
    first_token_time: datetime | None
    latency: float | None
    time_to_first_token: float | None
    depth: int
    dotted_order: str
    model: str | None
    thread_id: str | None
    manifest_id: UUID | None = Field(sa_type=Id)
    error: str | None
    tags: list[str] = Field(sa_type=JsonValue)
    prompt_tokens: int | None = Field(sa_column=Column("total_prompt_tokens", BigInteger))
    completion_tokens: int | None = Field(sa_column=Column("total_completion_tokens", BigInteger))
    total_tokens: int | None = Field(sa_column=Column("total_total_tokens", BigInteger))
    prompt_cost: Decimal | None = Field(sa_column=Column("total_prompt_cost", Money))
    completion_cost: Decimal | None = Field(sa_column=Column("total_completion_cost", Money))
    total_cost: Decimal | None = Field(sa_column=Column("total_total_cost", Money))


class PayloadRow(Stored, table=True):
    """What a run carried."""

    __tablename__ = "run_payload"

    trace_id: UUID = Field(primary_key=True, sa_type=Id)
    id: UUID = Field(primary_key=True, sa_type=Id)
    inputs: dict[str, Any] | None = Field(sa_type=JsonValue)
    outputs: dict[str, Any] | None = Field(sa_type=JsonValue)


DateTime = NewType("DateTime", datetime)
DecimalText = NewType("DecimalText", Decimal)
BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)


def time_text(value: datetime) -> str:
    """Return a moment as the product shows it."""
    return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def decimal_text(value: Decimal) -> str:
    """Return dollars as the product shows them."""
    return format(value.normalize(), "f")


SCALARS = {
    DateTime: strawberry.scalar(name="DateTime", serialize=time_text),
    DecimalText: strawberry.scalar(name="Decimal", serialize=decimal_text),
    BigInt: strawberry.scalar(name="BigInt", serialize=int),
    JSON: strawberry.scalar(name="JSON", serialize=lambda value: value),
}


@strawberry.enum
class RunStatus(enum.Enum):
    """How far a run has come."""

    PENDING = "pending"
    SUCCESS = "success"
    ERROR = "error"


class Context:
    """One session and the loaders of one request."""

    def __init__(self, engine: Engine) -> None:
        self.session = Session(engine)
        self._columns: list[Any] = []

    def only(self, info: strawberry.Info) -> Any:
        """Return the option that loads just the columns which are selected anywhere."""
        if not self._columns:
            names = {"parent_run_id"}
            for field in info.selected_fields:
                _names_in(field, names)
            self._columns = [getattr(RunRow, n) for n in RunRow.model_fields if n in names]
        return load_only(*self._columns)

    @cached_property
    def payloads(self) -> DataLoader[Key, PayloadRow | None]:
        """Load payloads of many runs at once."""
        return DataLoader(load_fn=self._payloads)

    async def _payloads(self, keys: Sequence[Key]) -> list[PayloadRow | None]:
        query = select(PayloadRow).where(
            col(PayloadRow.trace_id).in_({trace for trace, _ in keys}),
            col(PayloadRow.id).in_([id for _, id in keys]),
        )
        found = {(row.trace_id, row.id): row for row in self.session.exec(query)}
        return [found.get(key) for key in keys]

    def children(self, info: strawberry.Info) -> DataLoader[Key, list[RunRow]]:
        """Load the children of many runs at once."""
        self.only(info)
        return self._children

    @cached_property
    def _children(self) -> DataLoader[Key, list[RunRow]]:
        return DataLoader(load_fn=self._children_of)

    async def _children_of(self, keys: Sequence[Key]) -> list[list[RunRow]]:
        query = (
            select(RunRow)
            .options(load_only(*self._columns))
            .where(
                col(RunRow.trace_id).in_({trace for trace, _ in keys}),
                col(RunRow.parent_run_id).in_([id for _, id in keys]),
            )
            .order_by(col(RunRow.dotted_order))
        )
        found: dict[Any, list[RunRow]] = {}
        for row in self.session.exec(query):
            found.setdefault((row.trace_id, row.parent_run_id), []).append(row)
        return [found.get(key, []) for key in keys]


def _names_in(field: Any, names: set[str]) -> None:
    if isinstance(field, SelectedField):
        names.add("".join(f"_{c.lower()}" if c.isupper() else c for c in field.name))
    for below in field.selections:
        _names_in(below, names)


Info = strawberry.Info[Context, None]


@strawberry.type
class Run:
    """A run; plain fields are attributes of `RunRow`."""

    id: strawberry.ID
    trace_id: strawberry.ID
    session_id: strawberry.ID
    parent_run_id: strawberry.ID | None
    name: str
    run_type: str
    status: RunStatus
    start_time: DateTime
    end_time: DateTime | None
    first_token_time: DateTime | None
    latency: float | None
    time_to_first_token: float | None
    depth: int
    dotted_order: str
    model: str | None
    thread_id: str | None
    manifest_id: strawberry.ID | None
    error: str | None
    tags: list[str]
    prompt_tokens: BigInt | None
    completion_tokens: BigInt | None
    total_tokens: BigInt | None
    prompt_cost: DecimalText | None
    completion_cost: DecimalText | None
    total_cost: DecimalText | None

    @strawberry.field
    async def inputs(self, info: Info) -> JSON:
        payload = await info.context.payloads.load((self.trace_id, self.id))
        return payload.inputs if payload and payload.inputs is not None else {}

    @strawberry.field
    async def outputs(self, info: Info) -> JSON | None:
        payload = await info.context.payloads.load((self.trace_id, self.id))
        return payload.outputs if payload else None

    @strawberry.field
    async def child_runs(self, info: Info) -> list["Run"]:
        return await info.context.children(info).load((self.trace_id, self.id))


@strawberry.input
class IDFilter:
    """Tests an id."""

    eq: strawberry.ID


@strawberry.input
class RunStatusFilter:
    """Tests a status."""

    eq: RunStatus


@strawberry.input
class RunFilter:
    """Tests a run."""

    session_id: IDFilter | None = None
    status: RunStatusFilter | None = None


@strawberry.type
class PageInfo:
    """Whether there is more."""

    has_next_page: bool


@strawberry.type
class RunConnection:
    """A page of runs."""

    nodes: list[Run]
    page_info: PageInfo
    where: strawberry.Private[list[Any]]

    @strawberry.field
    def total_count(self, info: Info) -> BigInt:
        query = select(func.count()).select_from(RunRow).where(*self.where)
        return info.context.session.exec(query).one()


@strawberry.type
class Query:
    """Where reading starts."""

    @strawberry.field
    def run(self, info: Info, id: strawberry.ID) -> Run | None:
        query = select(RunRow).options(info.context.only(info)).where(RunRow.id == UUID(id))
        return info.context.session.exec(query).first()

    @strawberry.field
    def runs(self, info: Info, where: RunFilter, first: int = 50) -> RunConnection:
        tests: list[Any] = []
        if where.session_id is not None:
            tests.append(RunRow.session_id == UUID(where.session_id.eq))
        if where.status is not None:
            tests.append(RunRow.status == where.status.eq.value)
        newest = (col(RunRow.start_time).desc(), col(RunRow.id).desc())
        query = select(RunRow).options(info.context.only(info)).where(*tests)
        rows = info.context.session.exec(query.order_by(*newest).limit(first + 1)).all()
        return RunConnection(
            nodes=rows[:first], page_info=PageInfo(has_next_page=len(rows) > first), where=tests
        )


class Endpoint(GraphQL[Context, None]):
    """Strawberry's view, with orjson and a session for each request."""

    def __init__(self, engine: Engine) -> None:
        schema = strawberry.Schema(
            query=Query,
            extensions=[lambda: ParserCache(maxsize=500), lambda: ValidationCache(maxsize=500)],
            config=StrawberryConfig(scalar_map=SCALARS),
        )
        super().__init__(schema, graphql_ide=None, subscription_protocols=())
        self._engine = engine

    async def run(self, request: Any, *args: Any, **options: Any) -> Any:
        """Serve one request and close its session."""
        context = Context(self._engine)
        try:
            return await super().run(request, *args, **{**options, "context": context})
        finally:
            context.session.close()

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from error


def create_app(url: str) -> Starlette:
    """Return the server over one database."""
    engine = _sqlite(url) if url.startswith("sqlite:") else _postgresql(url)
    return Starlette(routes=[Route("/graphql", Endpoint(engine), methods=["POST"])])


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgresql(url: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        connect_args={"options": "-c search_path=rungraph -c timezone=UTC"},
    )
