"""Dotted orders in SQL: sorted and bounded so that an index serves them, however long they are.

A b-tree of PostgreSQL refuses entries of more than 2,704 bytes, which the 44th level of a trace
would exceed. There indexes hold the head of a dotted order: rows come sorted by it, those that
share one, more than 40 levels down, are sorted by the rest, and every bound is told of the head as
well. SQLite indexes all of it.
"""

from typing import Any

from sqlalchemy import ColumnElement, Text, UnaryExpression, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import custom_op

HEAD = 2_400
"""Characters of a dotted order in an index: 40 levels, and room beside them for three ids."""


class IndexedHead(UnaryExpression[str]):
    """What an index holds of a dotted order: a column and a modifier, to Alembic as well."""

    inherit_cache = True

    def __init__(self, dotted: Any) -> None:
        modifier: Any = custom_op[Any]("IN PART")
        super().__init__(dotted, modifier=modifier, type_=Text())


class _Sorted(FunctionElement[Any]):
    inherit_cache = True


class _Beyond(FunctionElement[bool]):
    inherit_cache = True  # of no type: SQLite would be sent `= 1` after a Boolean, and use no index


def sorted_by_place(dotted: ColumnElement[Any], *, descending: bool) -> ColumnElement[Any]:
    """Return what sorts runs of a trace by their dotted order, for ORDER BY."""
    return _Sorted(dotted, literal_column("DESC" if descending else "ASC"))


def beyond_place(
    dotted: ColumnElement[Any], bound: ColumnElement[Any], *, after: bool
) -> ColumnElement[bool]:
    """Return the condition that a dotted order stands after a bound, or before it."""
    return _Beyond(dotted, bound, literal_column(">" if after else "<"))


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, options: Any) -> list[str]:
    return [compiler.process(each, **options) for each in element.clauses]


@compiles(IndexedHead, "sqlite")
def _all_of_it(element: IndexedHead, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.element, **options)


@compiles(IndexedHead, "postgresql")
def _its_head(element: IndexedHead, compiler: SQLCompiler, **options: Any) -> str:
    return _head(compiler.process(element.element, **options))


@compiles(_Sorted, "sqlite")
@compiles(_Beyond, "sqlite")
def _in_one(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    *operands, word = _parts(element, compiler, options)
    return f" {word} ".join(operands) if operands[1:] else f"{operands[0]} {word}"


@compiles(_Sorted, "postgresql")
def _by_head_first(element: _Sorted, compiler: SQLCompiler, **options: Any) -> str:
    dotted, direction = _parts(element, compiler, options)
    return f"{_head(dotted)} {direction}, {dotted} {direction}"


@compiles(_Beyond, "postgresql")
def _beyond_head_too(element: _Beyond, compiler: SQLCompiler, **options: Any) -> str:
    dotted, bound, sign = _parts(element, compiler, options)
    return f"({_head(dotted)} {sign}= {_head(bound)} AND {dotted} {sign} {bound})"


def _head(dotted: str) -> str:
    return f"left({dotted}, {HEAD})"
