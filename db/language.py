"""LangSmith's filter language, compiled to the tests that every filter is made of.

    and(eq(run_type, "llm"), gt(latency, "5s"), has(tags, "beta"))

Source: https://docs.langchain.com/langsmith/trace-query-syntax. Inside one `and`, a key and the
values after it are about the same pair. Errors name the line and column, and what is wanted there.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple, cast

from lark import Lark, Token, Tree, UnexpectedInput

from db import filters, search
from db.errors import InvalidError
from db.filters import All, AnyOf, Not, Where
from db.language_fields import FIELDS, searched_in
from db.language_pairs import PAIRS, pair
from db.language_values import Asked, Literal, unescaped

LONGEST_EXPRESSION = 20_000
DEEPEST_EXPRESSION = 32

_GRAMMAR = r"""
start: call
call: NAME "(" [argument ("," argument)*] ")"
?argument: call | list | NAME | TEXT | NUMBER
list: "[" [item ("," item)*] "]"
?item: NAME | TEXT | NUMBER
NAME: /[A-Za-z_][A-Za-z_0-9]*/
TEXT: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
NUMBER: /[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?/
%ignore /\s+/
"""
_EXPECTED = {
    "NAME": "a name",
    "TEXT": "a text in quotes",
    "NUMBER": "a number",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "LSQB": "[",
    "RSQB": "]",
    "$END": "the end",
}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}
_LOGIC = ("and", "or", "not")
_COMPARATORS = ("eq", "neq", "gt", "gte", "lt", "lte", "has", "in", "like", "notlike", "exists")


class _Comparison(NamedTuple):
    """A comparator of a field that belongs to a pair of key and value."""

    part: str
    asked: Asked


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


@lru_cache(maxsize=256)
def parse(expression: str) -> Where:
    """Return what an expression asks. Raises InvalidError, by line and column."""
    if len(expression) > LONGEST_EXPRESSION:
        msg = f"expression has {len(expression)} characters; at most {LONGEST_EXPRESSION}"
        raise InvalidError(msg)
    try:
        tree: Any = _parser().parse(expression)  # pyright: ignore[reportUnknownMemberType]
    except UnexpectedInput as error:
        raise _unexpected(error, expression) from None
    return _where(tree.children[0], 0)


def _unexpected(error: Any, expression: str) -> InvalidError:
    """Return what is wrong with an expression that lark can not parse."""
    token: Any = getattr(error, "token", None)
    if token is None:
        found, names = repr(str(error.char)), error.allowed
    else:
        found, names = repr(str(token)), error.accepts or error.expected
    line, column = error.line, error.column
    if token is not None and token.type == "$END":
        found = "the end"
        line, column = expression.count("\n") + 1, len(expression.rpartition("\n")[2]) + 1
    wanted = sorted(_EXPECTED.get(name, str(name).lower()) for name in names or ())
    return _wrong(line, column, f"{found} stands where {' or '.join(wanted)} is wanted")


def _wrong(line: int | None, column: int | None, message: str) -> InvalidError:
    return InvalidError(f"expression, line {line}, column {column}: {message}")


def _wrong_at(place: Any, message: str) -> InvalidError:
    return _wrong(place.line, place.column, message)


def _where(call: Tree[Token], depth: int) -> Where:
    name, *_ = cast("list[Token]", call.children)
    if depth > DEEPEST_EXPRESSION:
        raise _wrong_at(name, f"nested more than {DEEPEST_EXPRESSION} deep")
    made = _made(call, depth)
    return _grouped([made]) if isinstance(made, _Comparison) else made


def _made(call: Tree[Token], depth: int) -> Where | _Comparison:
    """Return what a call means; a comparison of a pair is for its `and` to put together."""
    name, *arguments = call.children
    assert isinstance(name, Token)  # noqa: S101 - the grammar says so
    match str(name).lower():
        case "and":
            parts = [_made(each, depth + 1) for each in _calls(name, arguments, depth)]
            pairs = [part for part in parts if isinstance(part, _Comparison)]
            others = [part for part in parts if not isinstance(part, _Comparison)]
            return All((*others, *([_grouped(pairs)] if pairs else [])))
        case "or":
            return AnyOf(tuple(_where(each, depth + 1) for each in _calls(name, arguments, depth)))
        case "not":
            if len(arguments) != 1:
                raise _wrong_at(name, f"not has {len(arguments)} arguments; one is wanted")
            (part,) = _calls(name, arguments, depth)
            return Not(_where(part, depth + 1))
        case "search":
            return _searched(name, arguments)
        case comparator if comparator in _COMPARATORS:
            return _compared(name, comparator, arguments)
        case _:
            known = ", ".join((*_LOGIC, *_COMPARATORS, "search"))
            raise _wrong_at(name, f"{str(name)!r} is no comparator; one of {known} is wanted")


def _calls(name: Token, arguments: list[Any], depth: int) -> Iterator[Tree[Token]]:
    if depth > DEEPEST_EXPRESSION:
        raise _wrong_at(name, f"nested more than {DEEPEST_EXPRESSION} deep")
    if not arguments:
        raise _wrong_at(name, f"{name} has no arguments; a comparison is wanted")
    for each in arguments:
        if not isinstance(each, Tree) or each.data != "call":
            raise _wrong_at(_first(each), f'{name} takes comparisons, as in {name}(eq(name, "x"))')
        yield cast("Tree[Token]", each)


def _first(argument: Any) -> Any:
    """Return what has the line and the column of an argument."""
    return argument if isinstance(argument, Token) else argument.meta


def _searched(name: Token, arguments: list[Any]) -> Where:
    """Return the search of all that is indexed, or of the text of one field."""
    types = [getattr(each, "type", "") for each in arguments]
    if types == ["TEXT"]:
        return filters.test("search", "matches", search.parse(unescaped(arguments[0])))
    if types != ["NAME", "TEXT"]:
        raise _wrong_at(name, 'search takes a text, as in search("words"), or a field and a text')
    field, text = arguments
    try:
        return searched_in(field, unescaped(text))
    except InvalidError as error:
        raise _wrong_at(field, str(error)) from None


def _compared(name: Token, comparator: str, arguments: list[Any]) -> Where | _Comparison:
    most = 2
    field = arguments[0] if arguments else name
    if not isinstance(field, Token) or field.type != "NAME" or field is name:
        raise _wrong_at(_first(field), f"{name} takes a field first, as in {name}(name, ...)")
    if len(arguments) > most or (len(arguments) < most and comparator != "exists"):
        raise _wrong_at(
            name, f"{name} has {len(arguments)} arguments; a field and a value are wanted"
        )
    literal = _literal(arguments[1]) if len(arguments) == most else Literal(field, None)
    asked = Asked(name, field, comparator, literal)
    try:
        if field in PAIRS:
            return _Comparison(PAIRS[field].family, asked)
        if field in FIELDS:
            return FIELDS[field](asked)
    except InvalidError as error:
        raise _wrong_at(literal.place, str(error)) from None
    known = ", ".join((*FIELDS, *PAIRS))
    raise _wrong_at(field, f"{str(field)!r} is no field; one of {known} is wanted")


def _literal(argument: Any) -> Literal:
    if not isinstance(argument, Token):
        if argument.data != "list":
            raise _wrong_at(_first(argument), "a comparison stands where a value is wanted")
        items = [_literal(each).value for each in argument.children]
        return Literal(_first(argument), items)
    if argument.type == "TEXT":
        return Literal(argument, unescaped(argument))
    if argument.type == "NUMBER":
        text = str(argument)
        whole = text.lstrip("+-").isdigit()
        return Literal(argument, int(text) if whole else float(text))
    constant = str(argument).lower()
    if constant not in _CONSTANTS:
        message = f"{str(argument)!r} stands where a value is wanted; texts are in quotes"
        raise _wrong_at(argument, message)
    return Literal(argument, _CONSTANTS[constant])


def _grouped(comparisons: list[_Comparison]) -> Where:
    """Return the tests of pairs: each key with the values up to the next key of its family."""
    groups: list[list[_Comparison]] = []
    latest: dict[str, list[_Comparison]] = {}
    for each in comparisons:
        group = latest.get(each.part)
        starts = PAIRS[each.asked.field].is_key and each.asked.comparator != "neq"
        has_key = group is not None and any(PAIRS[one.asked.field].is_key for one in group)
        if group is None or (starts and has_key):
            group = latest[each.part] = []
            groups.append(group)
        group.append(each)
    made: list[Where] = []
    for group in groups:
        asked = [each.asked for each in group]
        try:
            made.append(pair(group[0].part, asked))
        except InvalidError as error:
            raise _wrong_at(asked[0].field, str(error)) from None
    return made[0] if len(made) == 1 else All(tuple(made))
