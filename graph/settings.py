"""What can be set, from the environment, once, at start.

A setting is one field of `Settings`. Its name in capitals behind `RUNGRAPH_` is its variable; how
it is read, the command line's help and docs/configuration.md all come from that one place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from db.servers import Server

PREFIX = "RUNGRAPH_"
IGNORED_PREFIXES = ("RUNGRAPH_TEST_", "RUNGRAPH_BUILD_")  # of the tests; of the installation
SHORTEST_SECRET = 16

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class SettingsError(Exception):
    """A variable that is unknown or holds what is not allowed; its text has a line for each."""


class LogLevel(StrEnum):
    """How much is logged: this much and everything graver."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class LogFormat(StrEnum):
    """How the line of a request is written."""

    CONSOLE = "console"
    JSON = "json"


class Synchronous(StrEnum):
    """When SQLite calls a commit done: once it is on the disk, or once the system has it."""

    FULL = "full"
    NORMAL = "normal"


class Engine(StrEnum):
    """How far compiled execution goes; each level includes those before it."""

    OFF = "off"
    EXECUTOR = "executor"
    OPERATION = "operation"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A form of value; `parse` raises ValueError or KeyError where text is not of it."""

    allowed: str
    parse: Callable[[str], T]
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as a user knows it; `default` is the text that would give it."""

    variable: str
    kind: Kind[Any]
    default: str | None
    meaning: str

    def read(self, text: str) -> Any:
        """Return the value that `text` stands for; refuse what is not allowed by name."""
        try:
            return self.kind.parse(text)
        except (ValueError, KeyError):
            given = "not a good secret" if self.kind.secret else repr(text)
            problem = f"{self.variable} is {given}; allowed: {self.kind.allowed}"
            raise SettingsError(problem) from None


def _secret(text: str) -> str:
    if len(text) < SHORTEST_SECRET:
        raise ValueError
    return text


def _database_url(text: str) -> str:
    if text.startswith("postgresql://"):
        return text
    path = text.removeprefix("sqlite:///")
    if path == text or not path or path.startswith(":memory:") or path.endswith("/"):
        raise ValueError
    return text


def _postgres_url(text: str) -> str:
    if not text.startswith("postgresql://"):
        raise ValueError
    return text


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


def _objects_url(text: str) -> str:
    parts = urlsplit(text)
    known = parts.scheme in {"s3", "gs", "az"} and parts.netloc
    if not known and not (parts.scheme == "file" and not parts.netloc and len(parts.path) > 1):
        raise ValueError
    return text


def _host(text: str) -> str:
    if not text or any(character in text for character in "/ \t"):
        raise ValueError
    return text


def _text(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _existing(text: str) -> str:
    if not Path(text).exists():
        raise ValueError
    return text


def _origins(text: str) -> tuple[str, ...]:
    found = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for origin in found:
        parts = urlsplit(origin)
        if origin != "*" and (not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"):
            raise ValueError
    return found


def _whole(low: int, high: int) -> Kind[int]:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return Kind(f"a whole number from {low} to {high}", parse)


def _one_of(choices: type[E]) -> Kind[E]:
    return Kind(" or ".join(str(c.value) for c in choices), lambda text: choices(text.lower()))


_SECRET = Kind(f"at least {SHORTEST_SECRET} characters", _secret, secret=True)
DATABASE_URL = Kind(
    "sqlite:///file.db (from the working folder), sqlite:////folder/file.db or"
    " postgresql://user@host/database",
    _database_url,
)
POSTGRES_URL = Kind("postgresql://user@host/database", _postgres_url)
_HTTP_URL = Kind("an http or https URL without a query", _http_url)
_HOST = Kind("a host name or an address", _host)
_FOLDER_OR_FILE = Kind("a folder or a file that exists", _existing)
_OBJECTS = Kind("file:///folder, s3://bucket/prefix, gs://... or az://...", _objects_url)
_ORIGINS = Kind("origins as https://app.example with commas between, or *", _origins)
_PORT = _whole(0, 65535)
DAYS = _whole(0, 36500)
_CONNECTIONS = _whole(1, 1000)
COUNT = _whole(1, 100_000)
TEXT = Kind("any text but none", _text)
_BYTES = _whole(1024, 2**40)
_LIMIT = _whole(1, 10**9)
_SECONDS = _whole(1, 86400)
_RATE = _whole(0, 1_000_000)
_LOG_LEVEL = _one_of(LogLevel)
_LOG_FORMAT = _one_of(LogFormat)
_SYNCHRONOUS = _one_of(Synchronous)
_ENGINE = _one_of(Engine)
SWITCH = Kind("on or off", lambda text: {"on": True, "off": False}[text.lower()])


def _setting(kind: Kind[Any], default: str | None, meaning: str) -> Any:
    return field(
        default=None if default is None else kind.parse(default),
        repr=not kind.secret,
        metadata={"kind": kind, "default": default, "meaning": meaning},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; without arguments, the defaults."""

    db: str = _setting(
        DATABASE_URL, "sqlite:///rungraph.db", "The database; made on the first start."
    )
    db_replica: str | None = _setting(
        POSTGRES_URL,
        None,
        "A streaming replica of the database, which queries read; what follows a mutation in the "
        "same request reads the database itself.",
    )
    db_replica_lag: int = _setting(
        _SECONDS, "10", "Seconds that the replica may be behind; beyond, it is left out."
    )
    db_connections: int = _setting(
        _CONNECTIONS,
        "16",
        "PostgreSQL: connections that read at once. Up to twelve more write and tend, one listens.",
    )
    db_seconds: int = _setting(
        _SECONDS, "10", "PostgreSQL: seconds that one read may take before it is stopped."
    )
    db_pooled: bool = _setting(
        SWITCH,
        "off",
        "PostgreSQL is reached through a pooler in transaction mode, such as PgBouncer: statements "
        "are not prepared, and nothing is asked of a session.",
    )
    db_direct: str | None = _setting(
        POSTGRES_URL,
        None,
        "The URL of the same PostgreSQL past the pooler, to listen to other servers on.",
    )
    host: str = _setting(_HOST, "127.0.0.1", "The address to listen on.")
    port: int = _setting(_PORT, "8000", "The port to listen on; 0 takes any that is free.")
    workers: int = _setting(
        _whole(1, 64), "1", "Server processes, which share the port; more than 1 need PostgreSQL."
    )
    host_url: str | None = _setting(
        _HTTP_URL,
        None,
        "Where users reach this server; `Run.url` starts with it, and is null without it.",
    )
    ingest_max_bytes: int = _setting(
        _BYTES, "52428800", "Bytes one request may bring in, after decompression; more is a 413."
    )
    ingest_queue_bytes: int = _setting(
        _BYTES, "67108864", "Bytes that may wait to be written; beyond, a 503 asks to try again."
    )
    answer_queue_bytes: int = _setting(
        _BYTES,
        "16777216",
        "Bytes of large answers that may wait to be read by their clients; beyond, a 503 asks to "
        "try again. One alone may be of any size.",
    )
    attachments: str | None = _setting(
        _OBJECTS,
        None,
        "Where the bytes of files go that are sent with runs: a folder or a bucket, which every "
        "server and command on the database has to be told. None: into the database.",
    )
    attachment_max_bytes: int = _setting(
        _BYTES,
        "1073741824",
        "Bytes of files over 1 MiB that one request may bring to `RUNGRAPH_ATTACHMENTS`; all else "
        "that it brings, and files for the database, `RUNGRAPH_INGEST_MAX_BYTES` bounds.",
    )
    sqlite_synchronous: Synchronous = _setting(
        _SYNCHRONOUS,
        "full",
        "`full`: what was acknowledged survives a power cut. `normal`: faster, and survives a "
        "crash of the server but not of the machine.",
    )
    parked_days: int = _setting(
        DAYS, "7", "Days to keep what waits for a run that has not arrived."
    )
    retention_days: int = _setting(
        DAYS,
        "0",
        "Days to keep the runs of projects that say nothing else (`rungraph keep`); older traces "
        "are taken away once a day, whole; 0 keeps them for ever.",
    )
    insecure: bool = _setting(
        SWITCH,
        "off",
        "Listen to other machines although no keys are made: whoever reaches the port may do "
        "everything.",
    )
    queries_per_second: int = _setting(
        _RATE,
        "0",
        "Requests a second that each key may query with, and twice as many at once; beyond, a 429 "
        "says when to come again. 0: any number.",
    )
    ingest_per_second: int = _setting(
        _RATE, "0", "The same for requests that bring runs or feedback."
    )
    stop_seconds: int = _setting(
        _SECONDS,
        "10",
        "Seconds that requests under way get to be answered once the server is told to stop; those "
        "that are left get a 503.",
    )
    signing_key: str | None = _setting(
        _SECRET,
        None,
        "Signs the URLs of attachments. Without it a new key is made at each start, so that older "
        "URLs stop working.",
    )
    log_requests: bool = _setting(
        SWITCH, "on", "One line on the standard error for each request, but for probes."
    )
    log_format: LogFormat = _setting(
        _LOG_FORMAT, "console", "All lines that are logged for people, or as JSON objects."
    )
    log_level: LogLevel = _setting(_LOG_LEVEL, "info", "How much is logged.")
    documents: str | None = _setting(
        _FOLDER_OR_FILE,
        None,
        "The queries of your clients: a folder of .graphql files and manifests of Relay or Apollo, "
        "or one of them. They are prepared at start, and may be asked by hash.",
    )
    engine: Engine = _setting(
        _ENGINE,
        "http",
        "How far queries are compiled: not at all, each field of the root, whole operations, or "
        "from the request's bytes to the answer's. All give the same answers; `http` is fastest.",
    )
    max_body_bytes: int = _setting(
        _BYTES, "1048576", "Bytes the body of a query may have; more is a 413."
    )
    max_uri_bytes: int = _setting(_BYTES, "16384", "Bytes the address of a query may have.")
    body_seconds: int = _setting(
        _SECONDS,
        "10",
        "Seconds that headers may take to arrive, and then a body; what the SDK sends has as long "
        "for each MiB.",
    )
    request_seconds: int = _setting(
        _SECONDS,
        "10",
        "Seconds a query may take; then it ends, its statements too. Nor may a client take longer "
        "to fetch 64 KiB of a large answer.",
    )
    max_json_depth: int = _setting(_LIMIT, "100", "How deep the JSON of a query may be nested.")
    max_length: int = _setting(_LIMIT, "100000", "Characters a query document may have.")
    max_tokens: int = _setting(_LIMIT, "2000", "Tokens a query document may have.")
    max_depth: int = _setting(_LIMIT, "20", "How deep fields may be nested.")
    max_aliases: int = _setting(
        _LIMIT,
        "50",
        "Fields that may have an alias or stand again beside themselves, fragments counted "
        "wherever they are spread.",
    )
    max_directives: int = _setting(_LIMIT, "50", "Directives a query may have.")
    max_root_fields: int = _setting(_LIMIT, "20", "Fields a query may select of the root.")
    max_cost: int = _setting(
        _LIMIT, "100000", "Objects a query may ask for, as estimated before it is run."
    )
    max_rows: int = _setting(_LIMIT, "50000", "Rows that may be read for one query.")
    max_errors: int = _setting(_LIMIT, "50", "Errors an answer tells; the others are counted.")
    max_error_length: int = _setting(
        _whole(100, 10**6), "1000", "Characters of an error's text; the rest is cut off."
    )
    introspection: bool = _setting(
        SWITCH, "on", "Whether queries may ask for the schema itself (`__schema`, `__type`)."
    )
    graphiql: bool = _setting(SWITCH, "on", "Whether a browser gets a page to write queries in.")
    compression: bool = _setting(
        SWITCH, "on", "Whether answers are compressed for clients that take it."
    )
    cors_origins: tuple[str, ...] | None = _setting(
        _ORIGINS,
        None,
        "Web pages that may ask queries from a browser: their origins, with commas between; * for "
        "all.",
    )
    documents_only: bool = _setting(
        SWITCH, "off", "Whether only the queries of `RUNGRAPH_DOCUMENTS` are answered."
    )
    subscriptions: int = _setting(
        COUNT, "5000", "Subscriptions that one server process keeps; more are refused."
    )
    subscriptions_per_connection: int = _setting(
        COUNT, "100", "Operations that one WebSocket may have running at a time."
    )
    subscription_history: int = _setting(
        COUNT,
        "50000",
        "Changes of runs that are kept in memory for subscribers who come back (about 100 bytes "
        "each).",
    )
    subscription_queue: int = _setting(
        COUNT,
        "1000",
        "Events that may wait for one subscriber; beyond, they are dropped and it is told RELOAD.",
    )
    socket_init_seconds: int = _setting(
        _SECONDS, "10", "Seconds a WebSocket may take to say connection_init."
    )
    socket_ping_seconds: int = _setting(
        _SECONDS,
        "20",
        "Seconds after which a WebSocket or a silent stream is pinged.",
    )
    socket_max_bytes: int = _setting(
        _BYTES, "262144", "Bytes one message over a WebSocket may have."
    )
    otel_endpoint: str | None = _setting(
        _HTTP_URL,
        None,
        "Where traces of this server itself are sent, such as http://collector:4318/v1/traces; "
        "wants the extra `otel`. Without it none are made.",
    )
    debug: bool = _setting(
        SWITCH, "off", "Answers say which path served them and which statements ran."
    )

    @property
    def server(self) -> "Server":
        """What is set of a PostgreSQL server."""
        from db.servers import Server  # noqa: PLC0415 - `rungraph --help` has no use for the store

        return Server(
            connections=self.db_connections,
            seconds=self.db_seconds,
            pooled=self.db_pooled,
            direct=self.db_direct,
        )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read all settings; an empty value counts as not set.

        Raises SettingsError naming every unknown variable and every value that is not allowed.
        """
        known = {setting.variable: name for name, setting in SETTINGS.items()}
        problems = [_unknown(name) for name in sorted(environ) if _is_ours(name, known)]
        values: dict[str, Any] = {}
        for name, setting in SETTINGS.items():
            if text := environ.get(setting.variable, "").strip():
                try:
                    values[name] = setting.read(text)
                except SettingsError as problem:
                    problems.append(str(problem))
        if problems:
            raise SettingsError("\n".join(problems))
        return cls(**values)


SETTINGS: Mapping[str, Setting] = {
    spot.name: Setting(variable=PREFIX + spot.name.upper(), **spot.metadata)
    for spot in fields(Settings)
}


def _is_ours(name: str, known: Mapping[str, str]) -> bool:
    ours = name.startswith(PREFIX) and not name.startswith(IGNORED_PREFIXES)
    return ours and name not in known


def _unknown(name: str) -> str:
    variables = [setting.variable for setting in SETTINGS.values()]
    near = get_close_matches(name, variables, n=1, cutoff=0)
    return f"{name} is not a setting; the nearest is {near[0]}"
