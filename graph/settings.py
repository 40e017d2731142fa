"""What can be set, from the environment, once, at start.

A setting is one field of `Settings`. Its name in capitals behind `RUNGRAPH_` is its variable; how
it is read, the command line's help and docs/configuration.md all come from that one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from graph.setting_kinds import (
    BYTES,
    CHARACTERS,
    CONNECTIONS,
    COUNT,
    DATABASE_URL,
    DAYS,
    ENGINE,
    FOLDER_OR_FILE,
    HOST,
    HTTP_URL,
    LIMIT,
    LOG_FORMAT,
    LOG_LEVEL,
    OBJECTS,
    ORIGINS,
    PORT,
    POSTGRES_URL,
    RATE,
    SECONDS,
    SECRET,
    SWITCH,
    SYNCHRONOUS,
    WORKERS,
    Engine,
    Kind,
    LogFormat,
    LogLevel,
    Synchronous,
)

if TYPE_CHECKING:
    from db.servers import Server

PREFIX = "RUNGRAPH_"
IGNORED_PREFIXES = ("RUNGRAPH_TEST_", "RUNGRAPH_BUILD_")  # of the tests; of the installation


class SettingsError(Exception):
    """A variable that is unknown or holds what is not allowed; its text has a line for each."""


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
        SECONDS, "10", "Seconds that the replica may be behind; beyond, it is left out."
    )
    db_connections: int = _setting(
        CONNECTIONS,
        "16",
        "PostgreSQL: connections that read at once. Up to twelve more write and tend, one listens.",
    )
    db_seconds: int = _setting(
        SECONDS, "10", "PostgreSQL: seconds that one read may take before it is stopped."
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
    host: str = _setting(HOST, "127.0.0.1", "The address to listen on.")
    port: int = _setting(PORT, "8000", "The port to listen on; 0 takes any that is free.")
    workers: int = _setting(
        WORKERS, "1", "Server processes, which share the port; more than 1 need PostgreSQL."
    )
    host_url: str | None = _setting(
        HTTP_URL,
        None,
        "Where users reach this server; `Run.url` starts with it, and is null without it.",
    )
    ingest_max_bytes: int = _setting(
        BYTES, "52428800", "Bytes one request may bring in, after decompression; more is a 413."
    )
    ingest_queue_bytes: int = _setting(
        BYTES, "67108864", "Bytes that may wait to be written; beyond, a 503 asks to try again."
    )
    answer_queue_bytes: int = _setting(
        BYTES,
        "16777216",
        "Bytes of large answers that may wait to be read by their clients; beyond, a 503 asks to "
        "try again. One alone may be of any size.",
    )
    attachments: str | None = _setting(
        OBJECTS,
        None,
        "Where the bytes of files go that are sent with runs: a folder or a bucket, which every "
        "server and command on the database has to be told. None: into the database.",
    )
    attachment_max_bytes: int = _setting(
        BYTES,
        "1073741824",
        "Bytes of files over 1 MiB that one request may bring to `RUNGRAPH_ATTACHMENTS`; all else "
        "that it brings, and files for the database, `RUNGRAPH_INGEST_MAX_BYTES` bounds.",
    )
    sqlite_synchronous: Synchronous = _setting(
        SYNCHRONOUS,
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
        RATE,
        "0",
        "Requests a second that each key may query with, and twice as many at once; beyond, a 429 "
        "says when to come again. 0: any number.",
    )
    ingest_per_second: int = _setting(
        RATE, "0", "The same for requests that bring runs or feedback."
    )
    stop_seconds: int = _setting(
        SECONDS,
        "10",
        "Seconds that requests under way get to be answered once the server is told to stop; those "
        "that are left get a 503.",
    )
    signing_key: str | None = _setting(
        SECRET,
        None,
        "Signs the URLs of attachments. Without it a new key is made at each start, so that older "
        "URLs stop working.",
    )
    log_requests: bool = _setting(
        SWITCH, "on", "One line on the standard error for each request, but for probes."
    )
    log_format: LogFormat = _setting(
        LOG_FORMAT, "console", "All lines that are logged for people, or as JSON objects."
    )
    log_level: LogLevel = _setting(LOG_LEVEL, "info", "How much is logged.")
    documents: str | None = _setting(
        FOLDER_OR_FILE,
        None,
        "The queries of your clients: a folder of .graphql files and manifests of Relay or Apollo, "
        "or one of them. They are prepared at start, and may be asked by hash.",
    )
    engine: Engine = _setting(
        ENGINE,
        "http",
        "How far queries are compiled: not at all, each field of the root, whole operations, or "
        "from the request's bytes to the answer's. All give the same answers; `http` is fastest.",
    )
    max_body_bytes: int = _setting(
        BYTES, "1048576", "Bytes the body of a query may have; more is a 413."
    )
    max_uri_bytes: int = _setting(BYTES, "16384", "Bytes the address of a query may have.")
    body_seconds: int = _setting(
        SECONDS,
        "10",
        "Seconds that headers may take to arrive, and then a body; what the SDK sends has as long "
        "for each MiB.",
    )
    request_seconds: int = _setting(
        SECONDS,
        "10",
        "Seconds a query may take; then it ends, its statements too. Nor may a client take longer "
        "to fetch 64 KiB of a large answer.",
    )
    max_json_depth: int = _setting(LIMIT, "100", "How deep the JSON of a query may be nested.")
    max_length: int = _setting(LIMIT, "100000", "Characters a query document may have.")
    max_tokens: int = _setting(LIMIT, "2000", "Tokens a query document may have.")
    max_depth: int = _setting(LIMIT, "20", "How deep fields may be nested.")
    max_aliases: int = _setting(
        LIMIT,
        "50",
        "Fields that may have an alias or stand again beside themselves, fragments counted "
        "wherever they are spread.",
    )
    max_directives: int = _setting(LIMIT, "50", "Directives a query may have.")
    max_root_fields: int = _setting(LIMIT, "20", "Fields a query may select of the root.")
    max_cost: int = _setting(
        LIMIT, "100000", "Objects a query may ask for, as estimated before it is run."
    )
    max_rows: int = _setting(LIMIT, "50000", "Rows that may be read for one query.")
    max_errors: int = _setting(LIMIT, "50", "Errors an answer tells; the others are counted.")
    max_error_length: int = _setting(
        CHARACTERS, "1000", "Characters of an error's text; the rest is cut off."
    )
    introspection: bool = _setting(
        SWITCH, "on", "Whether queries may ask for the schema itself (`__schema`, `__type`)."
    )
    graphiql: bool = _setting(SWITCH, "on", "Whether a browser gets a page to write queries in.")
    compression: bool = _setting(
        SWITCH, "on", "Whether answers are compressed for clients that take it."
    )
    cors_origins: tuple[str, ...] | None = _setting(
        ORIGINS,
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
        SECONDS, "10", "Seconds a WebSocket may take to say connection_init."
    )
    socket_ping_seconds: int = _setting(
        SECONDS,
        "20",
        "Seconds after which a WebSocket or a silent stream is pinged.",
    )
    socket_max_bytes: int = _setting(
        BYTES, "262144", "Bytes one message over a WebSocket may have."
    )
    otel_endpoint: str | None = _setting(
        HTTP_URL,
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
