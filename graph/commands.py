"""What each command of `rungraph` does, once its settings are known."""

import logging
import secrets
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from db.dialects import is_shared
from db.errors import InvalidError, StoreError
from db.store import Store
from graph.app import create_app
from graph.care import UnwellError, backup, doctor
from graph.demo.fill import Filled, NotEmptyError, fill
from graph.key_commands import check_open, key_create, key_list, key_revoke
from graph.moving import ImpossibleError, export, import_
from graph.observe_log import JsonLines, RequestLog
from graph.observe_shared import Shared
from graph.schema import schema as the_schema
from graph.server import PortError, address, listen, run
from graph.setting_kinds import LogFormat
from graph.settings import SETTINGS, Settings
from graph.tending import copy, keep, migrate, prune, reindex
from graph.workers import fork_workers

if TYPE_CHECKING:
    from graph.tracing import Tracing

__all__ = [
    "FAILURES",
    "backup",
    "copy",
    "demo",
    "doctor",
    "export",
    "import_",
    "keep",
    "key_create",
    "key_list",
    "key_revoke",
    "migrate",
    "passing_demo",
    "prune",
    "reindex",
    "schema",
    "serve",
]

log = logging.getLogger(__name__)


class DemoError(Exception):
    """The demo can not be given; its text says why."""


FAILURES = (UnwellError, StoreError, PortError, DemoError, ImpossibleError)
"""What can go wrong in a way that its text explains."""

SAMPLE = """{
  runs(first: 5, where: {isRoot: true}) {
    nodes { name status startTime latency totalTokens totalCost childRuns { name runType } }
  }
}"""


def serve(settings: Settings) -> None:
    """Serve the database until told to stop."""
    _serve(settings, None, lambda url: f"Rungraph is up: {url}/graphql (Ctrl-C stops it)\n")


def demo(settings: Settings) -> None:
    """Fill the database, which must be empty, with a made-up week, and serve it."""
    settings = replace(settings, workers=1)  # who fills it is one
    filled: list[Filled] = []

    async def first(app: ASGIApp) -> None:
        try:
            filled.append(await fill(app, datetime.now(UTC)))
        except NotEmptyError:
            raise DemoError(f"{settings.db} holds runs already; name a new file") from None

    def told(url: str) -> str:
        week = filled[0]
        return (
            f"Rungraph is up: {url}/graphql (Ctrl-C stops it)\n"
            f"{week.runs} runs in {week.traces} traces of {week.projects} projects. Ask, for one:\n"
            f"\n{SAMPLE}\n\n"
            f"and trace your own with\n\n"
            f"export LANGSMITH_TRACING=true LANGSMITH_ENDPOINT={url} LANGSMITH_API_KEY=any\n"
        )

    _serve(settings, first, told)


def passing_demo(settings: Settings) -> None:
    """Give the demo on a database that is gone afterwards."""
    with TemporaryDirectory(prefix="rungraph-demo-") as folder:
        demo(replace(settings, db=f"sqlite:///{Path(folder) / 'demo.db'}"))


def schema(_: Settings) -> None:
    """Print the schema."""
    sys.stdout.write(the_schema.as_str().rstrip() + "\n")


def _serve(
    settings: Settings,
    first: Callable[[ASGIApp], Awaitable[None]] | None,
    told: Callable[[str], str],
) -> None:
    as_json = settings.log_format is LogFormat.JSON
    _log(settings, as_json=as_json)
    with closing(listen(settings.host, settings.port)) as listener:

        def up() -> None:
            _say(told(address(listener)))
            if as_json and notice:
                log.warning("%s", notice.strip())
            else:
                sys.stderr.write(notice)

        lifeline = shared = None
        if settings.workers > 1:
            settings = _shared(settings)
            with closing(_open(settings)) as store:
                notice = check_open(settings, store)
            worker = fork_workers(settings.workers, up, settings.stop_seconds)
            up, lifeline = worker.up, worker.lifeline
            shared = Shared(worker.folder, worker.number)
        with closing(_open(settings)) as store, ExitStack() as stack:
            notice = check_open(settings, store)
            lines = RequestLog(sys.stderr.fileno(), as_json=as_json)
            stack.callback(lines.close)
            app = create_app(
                settings,
                store,
                log=lines if settings.log_requests else None,
                tracing=_tracing(settings, address(listener)),
                shared=shared,
            )
            run(
                app,
                listener,
                first=first,
                up=up,
                stopping=app.state.live.close,
                lifeline=lifeline,
                stop_seconds=settings.stop_seconds,
                header_seconds=settings.body_seconds,
                message_bytes=settings.socket_max_bytes,
                ping_seconds=settings.socket_ping_seconds,
            )


def _log(settings: Settings, *, as_json: bool) -> None:
    """Have everything logged to the standard error in one form; uvicorn has no loggers of its own.

    It says of each connection what the line of a request says already, unless it is a warning.
    """
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if as_json else plain)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    for talkative in ("uvicorn", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _open(settings: Settings) -> Store:
    return Store.open(
        settings.db,
        synchronous=settings.sqlite_synchronous,
        queue_bytes=settings.ingest_queue_bytes,
        history=settings.subscription_history,
        replica=settings.db_replica,
        replica_lag=settings.db_replica_lag,
        server=settings.server,
        attachments=settings.attachments,
    )


def _tracing(settings: Settings, here: str) -> "Tracing | None":
    """Return what traces this server; None where nothing does. Raises InvalidError."""
    if settings.otel_endpoint is None:
        return None
    try:
        from graph.tracing import Tracing  # noqa: PLC0415 - an extra
    except ImportError:
        name = SETTINGS["otel_endpoint"].variable
        raise InvalidError(f"{name} is set, which wants `pip install 'rungraph[otel]'`") from None
    return Tracing.to(settings.otel_endpoint, here)


def _shared(settings: Settings) -> Settings:
    """Return settings that several processes can share. Raises InvalidError where none are."""
    if not is_shared(settings.db.partition(":")[0]):
        name = SETTINGS["workers"].variable
        msg = (
            f"{settings.workers} workers on {settings.db} (setting {name}); SQLite has one process"
            " that writes and tells of changes, so 1 is allowed: more want PostgreSQL"
        )
        raise InvalidError(msg)
    return replace(settings, signing_key=settings.signing_key or secrets.token_hex())


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
