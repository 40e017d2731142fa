"""Queries that differ in their literals only share what was prepared for the first of them.

Numbers and strings in the arguments of fields are taken out of the text, which leaves its form,
and given back as variables of the types that stand there. Which literals are equal belongs to the
form, because fields may merge only where their arguments are.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NameNode,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    parse_type,
    visit,
)
from graphql.language.visitor import Visitor

from graph.engine.declared import Declared

_TOKEN = re.compile(
    r'#[^\n\r]*|"""(?:\\"""|[\s\S])*?"""|("(?:[^"\\\n\r]|\\.)*")'
    r"|[_A-Za-z][_0-9A-Za-z]*|(-?[0-9][0-9.eE+-]*)"
)
_LONE = re.compile(r"\\u[dD][89a-fA-F]")
"""Halves of a character: alone they are an error of syntax."""

_PREFIX = "__literal"
MOST_LITERALS = 200


@dataclass(frozen=True, slots=True)
class Lifted:
    """A text without its literals: its form, their values by variable, their places."""

    form: tuple[str, tuple[int, ...]]
    values: dict[str, Any]
    places: tuple[int, ...]


def lift(text: str) -> Lifted | None:
    """Take the literals out of a text; None where there are none, too many, or odd ones."""
    parts: list[str] = []
    raw: list[str] = []
    places: list[int] = []
    end = 0
    for found in _TOKEN.finditer(text):
        if found.lastindex is None:
            continue
        literal = found.group()
        parts += (text[end : found.start()], "\0s" if found.lastindex == 1 else _kind(literal))
        raw.append(literal)
        places.append(found.start())
        end = found.end()
    if not raw or len(raw) > MOST_LITERALS or _PREFIX in text or _LONE.search(text):
        return None
    first_places: dict[str, int] = {}
    equal = tuple(first_places.setdefault(literal, at) for at, literal in enumerate(raw))
    try:
        values = {f"{_PREFIX}{at}": json.loads(literal) for at, literal in enumerate(raw)}
    except ValueError:
        return None
    return Lifted(("".join([*parts, text[end:]]), equal), values, tuple(places))


def _kind(number: str) -> str:
    return "\0f" if any(mark in number for mark in ".eE") else "\0i"


def with_variables(
    schema: GraphQLSchema, document: DocumentNode, lifted: Lifted
) -> DocumentNode | None:
    """Return a valid document with variables for its literals; None where one has to stay."""
    info = TypeInfo(schema)
    replacing = _Replacing(info, lifted.places)
    changed = visit(document, TypeInfoVisitor(info, replacing))
    if replacing.replaced != len(lifted.places):
        return None
    return visit(changed, _Declaring(replacing.types))


class _Replacing(Visitor):
    """Puts variables in the place of literals in the arguments of fields."""

    def __init__(self, info: TypeInfo, places: tuple[int, ...]) -> None:
        super().__init__()
        self._info = info
        self._at = {place: at for at, place in enumerate(places)}
        self.types: dict[str, Declared] = {}
        self.replaced = 0

    def _enter(self, node: Node, _key: Any, parent: Any, _path: Any, above: list[Any]) -> Any:
        declared = cast("Any", self._info).get_input_type()
        at = self._at.get(node.loc.start) if node.loc else None
        if at is None or declared is None or not _is_of_field([*above, parent]):
            return None
        name = f"{_PREFIX}{at}"
        self.types[name] = declared
        self.replaced += 1
        return VariableNode(name=NameNode(value=name))

    enter_int_value = enter_float_value = enter_string_value = _enter


class _Declaring(Visitor):
    """Declares the variables that stand for literals in the one operation there is."""

    def __init__(self, types: dict[str, Declared]) -> None:
        super().__init__()
        self._types = types

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> Any:
        added = tuple(
            VariableDefinitionNode(
                variable=VariableNode(name=NameNode(value=name)),
                type=parse_type(str(declared)),
                directives=(),
            )
            for name, declared in self._types.items()
        )
        return replace(node, variable_definitions=(*(node.variable_definitions or ()), *added))


def _is_of_field(ancestors: list[Any]) -> bool:
    """Say whether a literal is, at any depth, in an argument of a field, not of a directive."""
    nodes = [each for each in ancestors if isinstance(each, Node)]
    kinds = [each.kind for each in nodes]
    if "argument" not in kinds:
        return False
    holder = nodes[kinds.index("argument") - 1]
    return isinstance(holder, FieldNode)
