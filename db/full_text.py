"""Full text as each database keeps it: what is stored of words, and how a search asks for them.

Words come folded from `db.words`, so that no tokenizer of a database has anything to decide.
SQLite keeps them in `run_search` and an FTS5 index over it, `run_words`; its rows are numbered by
the time at which runs begin (`first_of`), so that the newest are found first. PostgreSQL keeps
them as a tsvector with a GIN index.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Dialect, Text, column, table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from db.search import Search, Term

PROJECT = "\ue001"
"""Begins the word that names a run's project: one list of the index for each project."""

BREAK = "\ue000"
"""Between the words of two fields, so that no phrase spans them; nobody can ask for it."""

NUMBER_BITS = 20
"""How many runs that begin in one millisecond can be told apart: 2 to this."""

MOST_MILLISECONDS = 1 << 42
"""Runs that begin later than so long after 1970, in 2109, are numbered alike."""

RARE = 2000
"""Up to so many matches SQLite makes a list of them; of more it looks each run up by itself."""

_LAST_POSITION = 16_383
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Words(TypeDecorator[str]):
    """The words of a run, as `FullText.stored` writes them."""

    impl = Text
    cache_ok = True

    def __repr__(self) -> str:
        return "Words()"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the database stores."""
        is_text = dialect.name not in FULL_TEXT or FULL_TEXT[dialect.name].is_text
        return dialect.type_descriptor(Text() if is_text else postgresql.TSVECTOR())


class Matches(FunctionElement[bool]):
    """Whether a run is found by a search: of its trace's id, its id, and the search's parameter."""

    inherit_cache = True
    type = Boolean()


class InProject(FunctionElement[str]):
    """A search of the runs of a project only: of the project's id and the search's parameter."""

    inherit_cache = True
    type = Text()


class MatchesAlone(Matches):
    """The same, looked up run by run whatever PostgreSQL thinks of it."""

    inherit_cache = True


class MatchesHere(FunctionElement[bool]):
    """Whether an entry of `run_search` matches a search's parameter, on PostgreSQL."""

    inherit_cache = True
    type = Boolean()


WORDS = table("run_words", column("rowid", BigInteger()), column("run_words", Text()))
"""The FTS5 index; its column of the same name is what MATCH wants."""


@compiles(Matches, "sqlite")
def _in_fts5(element: Matches, compiler: SQLCompiler, **options: Any) -> str:
    def asked() -> str:
        return compiler.process(search, **options)

    *key, search = element.clauses
    trace, id = [compiler.process(each, **options) for each in key]
    matching = "FROM run_words WHERE run_words MATCH"
    return (
        f"CASE WHEN (SELECT count(*) FROM (SELECT 1 {matching} {asked()} LIMIT {RARE + 1}))"  # noqa: S608
        f" <= {RARE} THEN ({trace}, {id}) IN (SELECT trace_id, id FROM run_search WHERE number IN"
        f" (SELECT rowid {matching} {asked()})) ELSE EXISTS (SELECT 1 FROM run_search AS found"
        f" CROSS JOIN run_words ON run_words.rowid = found.number WHERE found.trace_id = {trace}"
        f" AND found.id = {id} AND run_words MATCH {asked()}) END"
    )


@compiles(InProject, "sqlite")
def _in_project(element: InProject, compiler: SQLCompiler, **options: Any) -> str:
    session, search = [compiler.process(each, **options) for each in element.clauses]
    return f"(char({ord(PROJECT)}) || lower(hex({session})) || ' AND (' || {search} || ')')"


def _vector_matches(entry: str, search: str) -> str:
    return f"{entry}.words @@ CAST(CAST({search} AS TEXT) AS TSQUERY)"


@compiles(Matches, "postgresql")
def _in_tsvector(element: Matches, compiler: SQLCompiler, **options: Any) -> str:
    trace, id, search = [compiler.process(each, **options) for each in element.clauses]
    return (
        f"EXISTS (SELECT 1 FROM run_search AS found WHERE found.trace_id = {trace}"  # noqa: S608
        f" AND found.id = {id} AND {_vector_matches('found', search)})"
    )


@compiles(MatchesAlone, "postgresql")
def _alone(element: MatchesAlone, compiler: SQLCompiler, **options: Any) -> str:
    return _in_tsvector(element, compiler, **options).removesuffix(")") + " OFFSET 0)"


@compiles(MatchesHere, "postgresql")
def _here(element: MatchesHere, compiler: SQLCompiler, **options: Any) -> str:
    return _vector_matches("run_search", compiler.process(element.clauses, **options))


def first_of(start: datetime) -> int:
    """Return the lowest number of a run that begins in the millisecond of this moment."""
    since = (start - _EPOCH) // timedelta(milliseconds=1)
    return max(-MOST_MILLISECONDS, min(since, MOST_MILLISECONDS)) << NUMBER_BITS


def _as_text(session_id: UUID, fields: Sequence[Sequence[str]]) -> str:
    texts = [f"{PROJECT}{session_id.hex}", *[" ".join(words) for words in fields]]
    return f" {BREAK} ".join(texts)


def _as_vector(_session_id: UUID, fields: Sequence[Sequence[str]]) -> str:
    """Return the text of a tsvector; words past the last position it knows have none."""
    places: dict[str, list[str]] = {}
    at = 0
    for words in fields:
        for word in words:
            at += 1
            places.setdefault(word, []).extend([str(at)] if at < _LAST_POSITION else ())
        at += 1
    return " ".join(
        f"'{word}':{','.join(where)}" if where else f"'{word}'" for word, where in places.items()
    )


def _as_match(search: Search) -> str:
    def term(each: Term) -> str:
        return f'"{" ".join(each.words)}"' + (" *" if each.prefix else "")

    wanted = " AND ".join(map(term, search.terms))
    unwanted = " OR ".join(map(term, search.without))
    return f"({wanted}) NOT ({unwanted})" if unwanted else wanted


def _as_tsquery(search: Search) -> str:
    def term(each: Term) -> str:
        words = " <-> ".join(f"'{word}'" for word in each.words)
        return f"({words}:*)" if each.prefix else f"({words})"

    terms = [*map(term, search.terms), *[f"!{term(each)}" for each in search.without]]
    return " & ".join(terms)


@dataclass(frozen=True, slots=True)
class FullText:
    """How a database does it.

    `stored` makes what is stored of a run's project and the words of each field, `asked` what is
    asked of a search. `makes` are the statements that make what the models can not declare, named
    `objects`; `empty` empties that. Where rows are numbered, `put` and `remove` keep the index by
    number.
    """

    stored: Callable[[UUID, Sequence[Sequence[str]]], str]
    asked: Callable[[Search], str]
    makes: tuple[str, ...]
    objects: frozenset[str]
    is_text: bool = False
    empty: str | None = None
    put: str | None = None
    remove: str | None = None


FULL_TEXT: Mapping[str, FullText] = {
    "sqlite": FullText(
        _as_text,
        _as_match,
        makes=(
            "CREATE VIRTUAL TABLE run_words USING fts5(words, tokenize = 'ascii',"
            " content = 'run_search', content_rowid = 'number')",
            "CREATE INDEX run_search_by_number ON run_search (number, trace_id, id)",
        ),
        objects=frozenset(
            {
                *("run_words", "run_words_config", "run_words_data", "run_words_docsize"),
                *("run_words_idx", "run_search_by_number"),
            }
        ),
        is_text=True,
        empty="INSERT INTO run_words(run_words) VALUES ('delete-all')",
        put="INSERT INTO run_words(rowid, words) VALUES (?, ?)",
        remove="DELETE FROM run_words WHERE rowid = ?",
    ),
    "postgresql": FullText(
        _as_vector,
        _as_tsquery,
        makes=("CREATE INDEX run_search_words ON run_search USING gin (words)",),
        objects=frozenset({"run_search_words"}),
    ),
}
"""By the name of the database's dialect."""
