"""The forms that settings and options have: how each is read, and what is allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

SHORTEST_SECRET = 16

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


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


SECRET = Kind(f"at least {SHORTEST_SECRET} characters", _secret, secret=True)
DATABASE_URL = Kind(
    "sqlite:///file.db (from the working folder), sqlite:////folder/file.db or"
    " postgresql://user@host/database",
    _database_url,
)
POSTGRES_URL = Kind("postgresql://user@host/database", _postgres_url)
HTTP_URL = Kind("an http or https URL without a query", _http_url)
HOST = Kind("a host name or an address", _host)
FOLDER_OR_FILE = Kind("a folder or a file that exists", _existing)
OBJECTS = Kind("file:///folder, s3://bucket/prefix, gs://... or az://...", _objects_url)
ORIGINS = Kind("origins as https://app.example with commas between, or *", _origins)
PORT = _whole(0, 65535)
WORKERS = _whole(1, 64)
DAYS = _whole(0, 36500)
CONNECTIONS = _whole(1, 1000)
COUNT = _whole(1, 100_000)
TEXT = Kind("any text but none", _text)
BYTES = _whole(1024, 2**40)
LIMIT = _whole(1, 10**9)
SECONDS = _whole(1, 86400)
CHARACTERS = _whole(100, 10**6)
RATE = _whole(0, 1_000_000)
LOG_LEVEL = _one_of(LogLevel)
LOG_FORMAT = _one_of(LogFormat)
SYNCHRONOUS = _one_of(Synchronous)
ENGINE = _one_of(Engine)
SWITCH = Kind("on or off", lambda text: {"on": True, "off": False}[text.lower()])
