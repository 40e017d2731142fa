"""Random questions made from the schema itself: what it learns tomorrow is asked tomorrow.

A question is a document and its variables. Most are valid; one in six is `hostile`: some of its
arguments hold what no one should send.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
    parse,
    validate,
)

MOST_FIELDS = 40
DEEPEST = 7
DEEPEST_INPUT = 3


class Asked(NamedTuple):
    """What is sent."""

    query: str
    variables: dict[str, Any]


class Name(str):
    """The value of an enum, which a document spells without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class Pools:
    """Values that mean something to the rows there are."""

    ids: Sequence[str]
    texts: Sequence[str]
    cursors: Sequence[str]
    moments: Sequence[str]
    paths: Sequence[str] = ("", "a", "a.b[0]", '["key.with.dots"]', "messages[0].content", "x[1]")
    numbers: Sequence[float] = (0, 1, -1, 0.5, 2.0, 1e300)
    wholes: Sequence[int] = (0, 1, 7, 2**31, 2**53, 2**62)
    sizes: Sequence[int] = (0, 1, 2, 3, 10, 200)

    def of(self, scalar: str, name: str) -> Sequence[Any]:
        """Return good values of a scalar, for an argument of this name."""
        if scalar == "String":
            return {"path": self.paths, "after": self.cursors, "before": self.cursors}.get(
                name, self.texts
            )
        return {
            "ID": self.ids,
            "Int": self.sizes,
            "Float": self.numbers,
            "Boolean": (True, False),
            "DateTime": self.moments,
            "Decimal": ("0", "0.5", "1.25", "-3"),
            "BigInt": self.wholes,
            "JSON": (None, 1, "a", [1, "b"], {"a": {"b": 1}}),
        }[scalar]


HOSTILE: Mapping[str, Sequence[Any]] = {
    "ID": ("", "nope", 5, "\u2028", "00000000-0000-0000-0000-000000000000"),
    "String": ("", "\U0001f600", "a..b", "][", "x" * 2000, "%", "\\", "\u0000", 5),
    "Int": (5000, -1, 2**31, 1.5, "1", None),
    "Float": (1e308, "1", None, 10**30),
    "Boolean": (0, "true", None),
    "DateTime": ("yesterday", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", 5, None),
    "Decimal": ("x", "NaN", "1e400", "-1e-400", 0.1, None),
    "BigInt": (2**63, 2**70, -(2**63), 1.5, "1", None),
    "JSON": (None,),
}


@dataclass
class Asker:
    """Makes one question."""

    random: Random
    schema: GraphQLSchema
    pools: Pools
    hostile: bool = False
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[tuple[str, Any, str]] = field(default_factory=list)
    left: int = MOST_FIELDS
    named: int = 0

    def ask(self) -> Asked:
        """Return a question."""
        self.left = self.random.choice((8, 20, MOST_FIELDS))
        root = self.selection(self.schema.query_type, DEEPEST)
        heads = {
            True: f"query Q({', '.join(self.declared)})",
            False: self.random.choice(("", "query ")),
        }
        bodies = [f"fragment {name} on {type} {text}" for name, type, text in self.fragments]
        return Asked("\n".join([f"{heads[bool(self.declared)]}{root}", *bodies]), self.variables)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def fresh(self, prefix: str) -> str:
        self.named += 1
        return f"{prefix}{self.named}"

    # -- selections -------------------------------------------------------------------------

    def selection(self, type: Any, depth: int) -> str:
        """Return a selection of fields and fragments."""
        parts = [self.part(type, depth) for _ in range(self.random.randint(1, 6))]
        return "{ " + " ".join(parts) + " }"

    def part(self, type: Any, depth: int) -> str:
        dice = self.random.random()
        wants_kinds = is_abstract_type(type) and dice < 0.6
        if depth > 0 and self.left > 0 and (dice < 0.12 or wants_kinds):
            return self.fragment(type, depth - 1)
        if dice > 0.96:
            return f"{self.alias(0.4)}__typename{self.directives()}"
        return self.field(type, depth)

    def fragment(self, type: Any, depth: int) -> str:
        known = [name for name, on, _ in self.fragments if self.schema_overlaps(type, on)]
        if known and self.chance(0.25):
            return f"...{self.random.choice(known)}{self.directives()}"
        on = self.random.choice([None, *self.conditions(type)])
        if on is None:
            return f"...{self.directives()} {self.selection(type, depth)}"
        if self.chance(0.4):
            text = self.selection(on, depth)
            name = self.fresh("F")
            self.fragments.append((name, on, text))
            return f"...{name}{self.directives()}"
        return f"... on {on}{self.directives()} {self.selection(on, depth)}"

    def conditions(self, type: Any) -> list[Any]:
        if is_abstract_type(type):
            some = list(self.schema.get_possible_types(type))
            return [*some, *some, *(each for kind in some for each in kind.interfaces)]
        return [type, *type.interfaces]

    def schema_overlaps(self, type: Any, other: Any) -> bool:
        def kinds(some: Any) -> set[Any]:
            return set(self.schema.get_possible_types(some)) if is_abstract_type(some) else {some}

        return not kinds(type).isdisjoint(kinds(other))

    def field(self, type: Any, depth: int) -> str:
        self.left -= 1
        leaves = [n for n, f in type.fields.items() if is_leaf_type(get_named_type(f.type))]
        others = [n for n in type.fields if n not in leaves]
        deeper = depth > 0 and self.left > 0
        if others and deeper and self.chance(max(0.4, len(others) / len(type.fields))):
            weights = [4 if get_named_type(type.fields[n].type) is type else 1 for n in others]
            (name,) = self.random.choices(others, weights)
        elif leaves:
            name = self.random.choice(leaves)
        else:
            return "__typename"
        found = type.fields[name]
        arguments = self.arguments(found)
        head = f"{self.alias(0.85 if arguments else 0.2)}{name}{arguments}{self.directives()}"
        below = get_named_type(found.type)
        if not is_composite_type(below):
            return head
        twice = 2 if self.chance(0.1) else 1
        return " ".join(f"{head} {self.selection(below, depth - 1)}" for _ in range(twice))

    def alias(self, share: float) -> str:
        return f"{self.fresh('a')}: " if self.chance(share) else ""

    def directives(self) -> str:
        if not self.chance(0.12):
            return ""
        name = self.random.choice(("skip", "include"))
        condition = self.random.choice(("true", "false"))
        if self.chance(0.6):
            condition = self.variable(GraphQLNonNull(self.schema.type_map["Boolean"]), "if", 0)
        other = {"skip": " @include(if: true)", "include": " @skip(if: false)"}[name]
        return f" @{name}(if: {condition}){other if self.chance(0.15) else ''}"

    # -- arguments --------------------------------------------------------------------------

    def arguments(self, found: GraphQLField) -> str:
        texts = [
            f"{name}: {self.text(argument.type, name, 0)}"
            for name, argument in found.args.items()
            if is_required_argument(argument) or self.chance(0.3)
        ]
        return f"({', '.join(texts)})" if texts else ""

    def text(self, type: Any, name: str, depth: int) -> str:
        """Return a value as a document spells it; perhaps by way of a variable."""
        if self.chance(0.2):
            return self.variable(type, name, depth)
        bare = type.of_type if isinstance(type, GraphQLNonNull) else type
        if getattr(bare, "name", "") == "JSON" and self.chance(0.15):
            held = self.variable(self.schema.type_map["Int"], name, depth + 1)
            return self.random.choice((f"[{held}, 1]", f"{{a: {held}, b: [null]}}"))
        if not isinstance(bare, GraphQLInputObjectType) or self.is_null(type, depth):
            return spelled(self.value(type, name, depth))
        given = {n: self.text(t, n, depth + 1) for n, t in self.parts(bare, depth)}
        return "{" + ", ".join(f"{n}: {text}" for n, text in given.items()) + "}"

    def variable(self, type: Any, name: str, depth: int) -> str:
        """Return a variable of this type, which may have a default and may not be given."""
        variable = self.fresh("v")
        nullable = not isinstance(type, GraphQLNonNull)
        default = ""
        if self.chance(0.3):
            default = f" = {spelled(self.value(GraphQLNonNull(_bare(type)), name, depth))}"
        written = f"{type}!" if nullable and not default and self.chance(0.2) else str(type)
        if default and self.chance(0.5):
            written = written.rstrip("!")
        self.declared.append(f"${variable}: {written}{default}")
        if written.endswith("!") and not default:
            self.variables[variable] = self.value(GraphQLNonNull(_bare(type)), name, depth)
        elif self.chance(0.75):
            self.variables[variable] = self.value(type, name, depth)
        return f"${variable}"

    def is_null(self, type: Any, depth: int) -> bool:
        if isinstance(type, GraphQLNonNull):
            return False
        return self.chance(0.06 if depth == 0 else 0.02)

    def value(self, type: Any, name: str, depth: int) -> Any:
        """Return a value as JSON holds it."""
        if self.is_null(type, depth):
            return None
        bare = _bare(type)
        if isinstance(bare, GraphQLList):
            return [self.value(bare.of_type, name, depth) for _ in range(self.random.randint(0, 3))]
        if isinstance(bare, GraphQLEnumType):
            return Name(self.random.choice([*bare.values]))
        if isinstance(bare, GraphQLInputObjectType):
            return {n: self.value(t, n, depth + 1) for n, t in self.parts(bare, depth)}
        if self.hostile and self.chance(0.15):
            return self.random.choice(HOSTILE[bare.name])
        return self.random.choice(self.pools.of(bare.name, name))

    def parts(self, type: GraphQLInputObjectType, depth: int) -> list[tuple[str, Any]]:
        """Return some fields of an input object with their types."""
        names = list(type.fields)
        if type.is_one_of:
            name = self.random.choice(names)
            return [(name, GraphQLNonNull(_bare(type.fields[name].type)))]
        if depth >= DEEPEST_INPUT:
            names = [n for n in names if _leads_to(type.fields[n].type) is not type]
        some = {*self.random.sample(names, min(len(names), self.random.choice((0, 1, 1, 2))))}
        some |= {n for n, found in type.fields.items() if is_required_input_field(found)}
        return [(n, type.fields[n].type) for n in names if n in some]


def _bare(type: Any) -> Any:
    return type.of_type if isinstance(type, GraphQLNonNull) else type


def _leads_to(type: Any) -> Any:
    return get_named_type(type)


def spelled(value: Any) -> str:
    """Return a value as a document spells it."""
    if isinstance(value, Name):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {spelled(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return json.dumps(value)


def questions(schema: GraphQLSchema, pools: Pools, seed: int) -> Callable[[], Asked]:
    """Return a maker of questions; nearly all of them pass validation."""
    random = Random(seed)

    def ask() -> Asked:
        while True:
            asker = Asker(random, schema, pools, hostile=random.random() < 1 / 6)
            asked = asker.ask()
            if random.random() < 0.03 or not validate(schema, parse(asked.query)):
                return asked

    return ask
