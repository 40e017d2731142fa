"""SQL that databases spell differently: an element, and its text on each of them."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class AsciiLower(FunctionElement[str]):
    """A text with A to Z in lower case, and nothing else changed, whatever the locale."""

    inherit_cache = True
    type = Text()


class BinaryText(FunctionElement[str]):
    """A text that sorts by the numbers of its characters, whatever the locale."""

    inherit_cache = True
    type = Text()


class JsonHolds(FunctionElement[bool]):
    """Whether a JSON text passes a `db.json_tests.JsonTest`; false of NULL."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, text: ColumnElement[Any], asked: ColumnElement[Any]) -> None:
        super().__init__(text, asked)


class JsonIs(FunctionElement[bool]):
    """Whether what a `JsonTest` finds in a JSON text is a list or an object; false of NULL."""

    inherit_cache = True
    type = Boolean()

    def __init__(
        self, text: ColumnElement[Any], asked: ColumnElement[Any], wanted: ColumnElement[Any]
    ) -> None:
        super().__init__(text, asked, wanted)


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, options: Any) -> list[str]:
    return [compiler.process(each, **options) for each in element.clauses]


@compiles(AsciiLower, "sqlite")
def _lower(element: AsciiLower, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _parts(element, compiler, options)
    return f"lower({text})"


@compiles(AsciiLower, "postgresql")
def _lower_in_c(element: AsciiLower, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _parts(element, compiler, options)
    return f'lower(CAST({text} AS TEXT) COLLATE "C")'


@compiles(BinaryText, "sqlite")
def _as_it_is(element: BinaryText, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _parts(element, compiler, options)
    return text


@compiles(BinaryText, "postgresql")
def _in_c(element: BinaryText, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _parts(element, compiler, options)
    return f'({text} COLLATE "C")'


@compiles(JsonHolds, "sqlite")
@compiles(JsonIs, "sqlite")
def _in_python(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    text, asked = list(element.clauses)[:2]
    made = compiler.process(text, **options), compiler.process(asked, **options)
    return f"json_holds(CAST({made[0]} AS BLOB), {made[1]})"


@compiles(JsonHolds, "postgresql")
def _by_path(element: JsonHolds, compiler: SQLCompiler, **options: Any) -> str:
    text, asked = _parts(element, compiler, options)
    found = f"jsonb_path_exists({_wrapped(text)}, CAST({asked} AS JSONPATH), '{{}}', true)"
    return f"coalesce({found}, false)"


@compiles(JsonIs, "postgresql")
def _found_by_path(element: JsonIs, compiler: SQLCompiler, **options: Any) -> str:
    text, asked, wanted = _parts(element, compiler, options)
    found = f"jsonb_path_query({_wrapped(text)}, CAST({asked} AS JSONPATH), '{{}}', true)"
    return f"EXISTS (SELECT 1 FROM {found} AS found WHERE found = CAST({wanted} AS JSONB))"  # noqa: S608


def _wrapped(text: str) -> str:
    """Return the document as the member "v" of an object: paths begin at a key then."""
    return f"""CAST('{{"v":' || {text} || '}}' AS JSONB)"""
