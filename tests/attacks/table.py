"""Requests that mean no good, each with what it is refused by, and how little work it may make.

The suite sends them to an application, `tests.benchmarks.attacks` to a server.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import zstandard

from tests.conftest import run_id

JSON = {"content-type": "application/json"}
Body = bytes | Callable[[], bytes]
MIB = 2**20


@dataclass(frozen=True)
class Attack:
    """One request, and the answer it gets.

    `code` is that of the first error, None where the request is harmless in the end; `body` may be
    made when it is sent. Of a request that `stalls` the body never ends. `statements` and `calls`
    are the most it may make of SQL and of Python.
    """

    name: str
    status: int
    code: str | None
    body: Body = b""
    method: str = "POST"
    path: str = "/graphql"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    stalls: bool = False
    statements: int = 0
    calls: int = 200_000

    def content(self) -> bytes:
        """Return the body."""
        return self.body if isinstance(self.body, bytes) else self.body()


def asking(query: str, **variables: Any) -> bytes:
    """Return the body of a query."""
    return json.dumps({"query": query, "variables": variables}).encode()


def _query(name: str, code: str | None, query: str, **more: Any) -> Attack:
    return Attack(name, 200, code, partial(asking, query), **more)


def _body(name: str, code: str, body: Body, status: int = 400, **more: Any) -> Attack:
    return Attack(name, status, code, body, **more)


def _nested(down: int, field_name: str = "parentRun", leaf: str = "id") -> str:
    return f"{field_name} {{ " * down + leaf + " }" * down


def _in_turn(down: int, one: str, other: str, leaf: str) -> str:
    return f"{one} {{ {other} {{ " * down + leaf + " } }" * down


def _doubling(down: int) -> str:
    """Return fragments of which each spreads the next twice."""
    each = "fragment F{0} on Run {{ ...F{1} ...F{1} }}"
    parts = [each.format(at, at + 1) for at in range(down)]
    return "{ runs { nodes { ...F0 } } } " + " ".join([*parts, f"fragment F{down} on Run {{ id }}"])


def _doubling_deep(down: int) -> str:
    """Return fragments of which each holds the next twice, under two names."""
    each = "fragment F{0} on Run {{ a: parentRun {{ ...F{1} }} b: parentRun {{ ...F{1} }} }}"
    parts = [each.format(at, at + 1) for at in range(down)]
    return "{ runs { nodes { ...F0 } } } " + " ".join([*parts, f"fragment F{down} on Run {{ id }}"])


def _cycle(length: int) -> str:
    each = "fragment F{0} on Run {{ id ...F{1} }}"
    parts = [each.format(at, (at + 1) % length) for at in range(length)]
    return "{ runs { nodes { ...F0 } } } " + " ".join(parts)


def _twins(length: int) -> str:
    """Return fragments that are all spread beside each other, and hold the same fields."""
    spread = " ".join(f"...F{at}" for at in range(length))
    parts = [f"fragment F{at} on Run {{ trace {{ status }} }}" for at in range(length)]
    return f"{{ runs {{ nodes {{ {spread} }} }} }} " + " ".join(parts)


def _bomb(size: int) -> bytes:
    return gzip.compress(b" " * size, 9)


def _many_members(count: int) -> bytes:
    return gzip.compress(b" " * MIB, 9) * count


def _zstd_bomb(size: int) -> bytes:
    return zstandard.ZstdCompressor(19).compress(b" " * size)


def _wide_window() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(b" " * MIB) + compressor.flush()


_DEEP_FILTER: dict[str, Any] = {"isRoot": True}
for _ in range(45):
    _DEEP_FILTER = {"not": _DEEP_FILTER}

_ID = run_id("nobody")
_FORGED = (
    ("text", "no cursor"),
    ("empty", ""),
    ("base64 of nothing", "AAAA"),
    ("long", "A" * 10_000),
    ("unicode", "\u2603" * 50),
    ("NUL", "\u0000"),
)

QUERIES = (
    # nesting
    _query("fields nested 21 deep", "TOO_DEEP", "{ runs { nodes { " + _nested(18) + " } } }"),
    _query("fields nested 90 deep", "TOO_DEEP", "{ runs { nodes { " + _nested(88) + " } } }"),
    _query("brackets 5,000 deep", "TOO_DEEP", "{a" * 5000),
    _query("brackets 500 deep", "TOO_DEEP", "{a" * 500),
    _query("lists 500 deep", "TOO_DEEP", "{ runs(first: " + "[" * 500 + ") { totalCount } }"),
    _query("objects 99 deep", "GRAPHQL_PARSE_FAILED", "{ a(b: " + "{c:" * 95 + "1" + ") }"),
    _query("a type 500 deep", "TOO_DEEP", "query($a: " + "[" * 500 + "ID" + ") { __typename }"),
    # floods
    _query(
        "51 aliases",
        "TOO_MANY_ALIASES",
        "{ "
        + " ".join(f"a{n}: __typename" for n in range(19))
        + " runs { nodes { "
        + " ".join(f"a{n}: id" for n in range(32))
        + " } } }",
    ),
    _query(
        "400 aliases of the root",
        "TOO_MANY_ROOT_FIELDS",
        "{ " + " ".join(f"a{n}: __typename" for n in range(400)) + " }",
    ),
    _query("a field 1,900 times", "TOO_MANY_ALIASES", "{ runs { nodes { " + "id " * 1900 + "} } }"),
    _query(
        "a field 300 times in inline fragments",
        "TOO_MANY_ALIASES",
        "{ runs { nodes { " + "... on Run { id } " * 300 + "} } }",
    ),
    _query("21 fields of the root", "TOO_MANY_ROOT_FIELDS", "{ " + "__typename " * 21 + "}"),
    _query(
        "51 directives",
        "TOO_MANY_DIRECTIVES",
        "{ __typename " + "@skip(if: false) " * 51 + "}",
    ),
    _query(
        "600 directives without name", "TOO_MANY_DIRECTIVES", "{ __typename " + "@a " * 600 + "}"
    ),
    _query("2,001 tokens", "TOO_MANY_TOKENS", "{ " + "a " * 1998 + "} }"),
    _query("100,000 tokens", "QUERY_TOO_LONG", "{ " + "a " * 100_000 + "}"),
    _query("100,000 brackets", "TOO_MANY_TOKENS", "{}" * 50_000),
    _query("900 kB of a comment", "QUERY_TOO_LONG", "{ __typename } #" + "a" * 900_000),
    _query("900 kB of spaces", "QUERY_TOO_LONG", " " * 900_000 + "{ __typename }"),
    _query(
        "900 kB of a text",
        "QUERY_TOO_LONG",
        '{ run(id: "' + "a" * 900_000 + '") { id } }',
    ),
    _query("900 kB of a name", "QUERY_TOO_LONG", "{ " + "a" * 900_000 + " }"),
    _query(
        "900 kB of a number",
        "QUERY_TOO_LONG",
        "{ runs(first: 1" + "0" * 900_000 + ") { totalCount } }",
    ),
    _query("90,000 digits", "NUMBER_TOO_LONG", "{ runs(first: " + "1" * 90_000 + ") { nodes } }"),
    _query("90 kB of a name", "GRAPHQL_VALIDATION_FAILED", "{ " + "a" * 90_000 + " }", calls=10**6),
    _query("90 kB of a comment", None, "{ __typename } #" + "a" * 90_000, calls=10**6),
    _query("300 operations", "GRAPHQL_VALIDATION_FAILED", " ".join(["query A{__typename}"] * 300)),
    _query(
        "300 wrong fields",
        "GRAPHQL_VALIDATION_FAILED",
        "{ runs { nodes { " + " ".join(f"a{n}" for n in range(300)) + " } } }",
    ),
    _query(
        "400 unknown variables",
        "GRAPHQL_VALIDATION_FAILED",
        "query(" + " ".join(f"$a{n}: X" for n in range(400)) + ") { __typename }",
    ),
    # fragments
    _query("fragments that double, 30 times", None, _doubling(30), statements=2),
    _query("fragments that double deeper, 15 times", "TOO_MANY_ALIASES", _doubling_deep(15)),
    _query("fragments that double deeper, 30 times", "TOO_DEEP", _doubling_deep(30)),
    _query("a fragment that holds itself", "GRAPHQL_VALIDATION_FAILED", _cycle(1)),
    _query("fragments in a circle", "GRAPHQL_VALIDATION_FAILED", _cycle(50)),
    _query("150 fragments of the same", None, _twins(150), statements=2, calls=3_000_000),
    _query(
        "200 fragments unused",
        "GRAPHQL_VALIDATION_FAILED",
        "{ __typename } " + " ".join(f"fragment F{n} on Run {{ id }}" for n in range(200)),
    ),
    # cost
    _query(
        "pages in pages",
        "COST_TOO_HIGH",
        "{ runs(first: 1000) { nodes { descendants(first: 1000) { nodes { id } } } } }",
    ),
    _query(
        "pages in pages in pages",
        "COST_TOO_HIGH",
        "{ runs(first: 100) { nodes { trace { runs(first: 100) { nodes { feedback(first: 100)"
        " { nodes { id } } } } } } } }",
    ),
    _query(
        "trees of a thousand",
        "COST_TOO_HIGH",
        "{ runs(first: 1000) { nodes { childRuns { childRuns { childRuns { id } } } } } }",
    ),
    _query(
        "parents and children in turn",
        "COST_TOO_HIGH",
        "{ runs { nodes { " + _in_turn(3, "childRuns", "parentRuns", "id") + " } } }",
    ),
    _query(
        "introspection that goes round",
        "COST_TOO_HIGH",
        "{ __schema { types { " + _in_turn(3, "fields", "type", "name") + " } } }",
    ),
    _query(
        "introspection that goes round deeper",
        "COST_TOO_HIGH",
        "{ __schema { types { " + _in_turn(7, "fields", "type", "name") + " } } }",
    ),
    Attack(
        "a page too large by its variable",
        200,
        "COST_TOO_HIGH",
        partial(
            asking,
            "query($n: Int) { runs(first: $n) { nodes { descendants(first: $n) { nodes { id } } }"
            " } }",
            n=900,
        ),
    ),
    # ids and cursors
    *(
        Attack(
            f"a forged cursor: {name}",
            200,
            "BAD_USER_INPUT",
            partial(asking, "query($a: String) { runs(after: $a) { nodes { id } } }", a=cursor),
        )
        for name, cursor in _FORGED
    ),
    *(
        Attack(
            f"a forged id: {name}",
            200,
            "BAD_USER_INPUT",
            partial(asking, "query($a: ID!) { node(id: $a) { id } }", a=id),
        )
        for name, id in _FORGED
    ),
    Attack(
        "an SQL text for an id",
        200,
        "BAD_USER_INPUT",
        partial(asking, "query($a: ID!) { run(id: $a) { id } }", a="' OR 1=1 --"),
    ),
    _query("a negative page", "BAD_USER_INPUT", "{ runs(first: -1) { nodes { id } } }"),
    _query("a page of a million", "BAD_USER_INPUT", "{ runs(first: 1000000) { nodes { id } } }"),
    Attack(
        "2,000 ids at once",
        200,
        "BAD_USER_INPUT",
        partial(asking, "query($a: [ID!]!) { nodes(ids: $a) { id } }", a=[_ID] * 2000),
    ),
    Attack(
        "a filter nested 45 deep",
        200,
        None,
        partial(
            asking, "query($a: RunFilter) { runs(where: $a) { nodes { id } } }", a=_DEEP_FILTER
        ),
        statements=3,
    ),
    Attack(
        "a pattern that backtracks",
        200,
        None,
        partial(
            asking,
            "query($a: String) { runs(where: {name: {like: $a}}) { nodes { id } } }",
            a="%a" * 500,
        ),
        statements=3,
    ),
    # the form of a request
    Attack(
        "two operations without a name",
        200,
        "GRAPHQL_VALIDATION_FAILED",
        partial(asking, "query A { __typename } query B { __typename }"),
    ),
    Attack(
        "an operation that is not there",
        200,
        "GRAPHQL_VALIDATION_FAILED",
        json.dumps({"query": "query A { __typename }", "operationName": "B" * 5000}).encode(),
    ),
    _query(
        "a deferred part",
        "GRAPHQL_VALIDATION_FAILED",
        "{ runs { nodes { ... @defer { inputs } } } }",
    ),
    Attack(
        "a mutation in the address",
        405,
        "METHOD_NOT_ALLOWED",
        method="GET",
        headers={},
        path="/graphql?query=mutation%7BdeleteFeedback(input:%7Bids:%5B%5D%7D)%7B__typename%7D%7D",
    ),
)

BODIES = (
    _body("nothing", "INVALID_JSON", b""),
    _body("null", "BAD_REQUEST", b"null"),
    _body("a text", "BAD_REQUEST", b'"{ __typename }"'),
    _body("a number", "BAD_REQUEST", b"5"),
    _body("many requests at once", "BATCHING_NOT_SUPPORTED", b'[{"query": "{ __typename }"}]' * 1),
    _body(
        "a list of 10,000",
        "BATCHING_NOT_SUPPORTED",
        b"[" + b",".join([b'{"query": "{ __typename }"}'] * 10_000) + b"]",
    ),
    _body("half an object", "INVALID_JSON", b'{"query": "{ __typename }"'),
    _body("no UTF-8", "INVALID_JSON", b'{"query": "{ __typename } \xff"}'),
    _body("UTF-16", "INVALID_JSON", '{"query": "{ __typename }"}'.encode("utf-16")),
    _body("a lone surrogate", "INVALID_JSON", b'{"query": "{ __typename } \\ud800"}'),
    _body("NaN", "INVALID_JSON", b'{"query": "{ __typename }", "variables": {"a": NaN}}'),
    _body(
        "an integer of 5,000 digits",
        "INVALID_JSON",
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5000 + b"}}",
    ),
    Attack(
        "an integer of 300 digits",
        200,
        "GRAPHQL_VALIDATION_FAILED",
        b'{"query": "query($a: Int) { runs(first: $a) { totalCount } }", "variables": {"a": '
        + b"9" * 300
        + b"}}",
    ),
    _body("lists 100,000 deep", "INVALID_JSON", b'{"variables": ' + b"[" * 100_000),
    _body(
        "lists 900 deep",
        "JSON_TOO_DEEP",
        b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}",
    ),
    _body("a query that is a list", "BAD_REQUEST", b'{"query": ["{ __typename }"]}'),
    _body(
        "variables that are a text",
        "BAD_REQUEST",
        b'{"query": "{ __typename }", "variables": "{}"}',
    ),
    _body("2 MiB", "BODY_TOO_LARGE", lambda: b'{"query": "' + b" " * (2 * MIB) + b'"}', 413),
    _body(
        "a length of 10^30",
        "BODY_TOO_LARGE",
        b"{}",
        413,
        headers={**JSON, "content-length": "1" + "0" * 30},
    ),
    _body(
        "a form",
        "UNSUPPORTED_MEDIA_TYPE",
        b"query=%7B__typename%7D",
        415,
        headers={"content-type": "application/x-www-form-urlencoded"},
    ),
    _body(
        "plain text",
        "UNSUPPORTED_MEDIA_TYPE",
        asking("{ __typename }"),
        415,
        headers={"content-type": "text/plain"},
    ),
    _body(
        "multipart",
        "UNSUPPORTED_MEDIA_TYPE",
        b"--a--",
        415,
        headers={"content-type": "multipart/form-data; boundary=a"},
    ),
    _body("no type", "UNSUPPORTED_MEDIA_TYPE", asking("{ __typename }"), 415, headers={}),
    _body(
        "Latin-1",
        "UNSUPPORTED_MEDIA_TYPE",
        asking("{ __typename }"),
        415,
        headers={"content-type": "application/json; charset=iso-8859-1"},
    ),
    _body(
        "a compressed query",
        "UNSUPPORTED_ENCODING",
        partial(_bomb, 100 * MIB),
        415,
        headers={**JSON, "content-encoding": "gzip"},
    ),
    _body(
        "an answer in XML",
        "NOT_ACCEPTABLE",
        asking("{ __typename }"),
        406,
        headers={**JSON, "accept": "application/xml"},
    ),
    _body(
        "an endless Accept",
        "NOT_ACCEPTABLE",
        asking("{ __typename }"),
        406,
        headers={**JSON, "accept": ",;q=" * 5000},
    ),
    _body("a body that never ends", "BODY_TOO_SLOW", b'{"query": ', 408, stalls=True),
    _body("another method", "METHOD_NOT_ALLOWED", b"", 405, method="DELETE"),
    _body(
        "an address of 20 kB",
        "URI_TOO_LONG",
        b"",
        414,
        method="GET",
        path="/graphql?query=" + "%20" * 7000,
        headers={},
    ),
    _body(
        "no UTF-8 in the address",
        "BAD_REQUEST",
        b"",
        method="GET",
        path="/graphql?query=%ff",
        headers={},
    ),
    _body(
        "a query twice",
        "BAD_REQUEST",
        b"",
        method="GET",
        path="/graphql?query=%7Ba%7D&query=%7Bb%7D",
        headers={},
    ),
    _body(
        "5,000 parameters",
        "BAD_REQUEST",
        b"",
        method="GET",
        path="/graphql?query=%7Ba%7D" + "&a=" * 5000,
        headers={},
    ),
    Attack(
        "a hash nobody knows",
        200,
        "PERSISTED_QUERY_NOT_SUPPORTED",
        b'{"extensions": {"persistedQuery": {"sha256Hash": "' + b"0" * 64 + b'"}}}',
    ),
)

_GZIP = {**JSON, "content-encoding": "gzip"}
_ZSTD = {**JSON, "content-encoding": "zstd"}
_BATCH = "/runs/batch"

INGEST = (
    _body("a gzip bomb", "TOO_LARGE", partial(_bomb, 200 * MIB), 413, path=_BATCH, headers=_GZIP),
    _body(
        "a gzip bomb in members",
        "TOO_LARGE",
        partial(_many_members, 200),
        413,
        path=_BATCH,
        headers=_GZIP,
    ),
    _body(
        "a zstd bomb", "TOO_LARGE", partial(_zstd_bomb, 200 * MIB), 413, path=_BATCH, headers=_ZSTD
    ),
    _body(
        "a zstd window of 128 MiB",
        "INVALID_ENCODING",
        _wide_window,
        422,
        path=_BATCH,
        headers=_ZSTD,
    ),
    _body(
        "half of a gzip body",
        "INVALID_ENCODING",
        lambda: _bomb(MIB)[:-20],
        422,
        path=_BATCH,
        headers=_GZIP,
    ),
    _body(
        "no gzip body",
        "INVALID_ENCODING",
        b"\x1f\x8b\x08" + b"\xff" * 50,
        422,
        path=_BATCH,
        headers=_GZIP,
    ),
    _body(
        "a coding nobody knows",
        "UNSUPPORTED_ENCODING",
        zlib.compress(b"{}"),
        415,
        path=_BATCH,
        headers={**JSON, "content-encoding": "deflate"},
    ),
    _body(
        "a bomb of many parts",
        "TOO_LARGE",
        partial(_bomb, 200 * MIB),
        413,
        path="/runs/multipart",
        headers={"content-type": "multipart/form-data; boundary=a", "content-encoding": "gzip"},
    ),
    _body(
        "a body of runs that never ends",
        "BODY_TOO_SLOW",
        b'{"post": [',
        408,
        path=_BATCH,
        stalls=True,
    ),
)

ATTACKS = (*QUERIES, *BODIES, *INGEST)
