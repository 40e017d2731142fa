"""Plans: for one selection and the questions its fields ask, the columns to load, the order in
which to load them, and generated functions from stored rows to the dicts of an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
)
from orjson import Fragment

from graph.engine.leaves import Complete, bail, completer, stored_leaf
from graph.engine.protocol import Bail, Binding, Column
from graph.engine.selection import Field, Selection

_SUMS = {"totalCount": "total_count", "stats": "stats"}
"""Fields of a connection that sum up the whole list, and what a page calls them."""

_EMPTY: tuple[Any, ...] = ()
_NOTHING: tuple[Any, ...] = ((), False, False)


@dataclass(slots=True)
class Node:
    """Rows to load for a level: for which field, by which columns of the rows above.

    `depth` says through how many levels the same question is asked from here down; where that is
    more than one, `tree` are the columns by which one statement can bring all of them.
    `part_of` is the field of the page whose `part` it asks; `twin` one before it that asks the
    same.
    """

    field: Field
    question: Any
    key: tuple[int, ...]
    level: "Level | None"
    depth: int = 0
    tree: tuple[int, ...] = ()
    part_of: int | None = None
    part: str = ""
    twin: "Node | None" = None


@dataclass(slots=True)
class Level:
    """Rows of one entity at one place: their columns, and what hangs on them."""

    entity: Any
    columns: dict[Column, int] = field(default_factory=dict[Column, int])
    nodes: list[Node] = field(default_factory=list[Node])
    nests: bool = False

    def place(self, column: Column) -> int:
        """Return the place of a column, which the rows hold from now on."""
        return self.columns.setdefault(column, len(self.columns))

    @property
    def shape(self) -> tuple[Column, ...]:
        """The columns, in order."""
        return tuple(self.columns)


@dataclass(slots=True)
class Plan:
    """What a root field needs: the nodes to load first, and the function that builds its value.

    `build` takes what was found, by the uid of each field; `possible` are the levels of a
    question for rows of any kind, by type name.
    """

    nodes: list[Node]
    build: Any
    possible: dict[str, Level] = field(default_factory=dict[str, Level])

    @property
    def is_single(self) -> bool:
        """Say whether one statement brings all of it."""
        if self.possible or len(self.nodes) != 1:
            return False
        (node,) = self.nodes
        if node.question.shape == "values" or node.part == "stats":
            return False
        return node.level is None or not node.level.nodes


class Planner:
    """Makes the plan of one root field."""

    def __init__(self, binding: Binding, questions: Mapping[int, Any]) -> None:
        self._binding = binding
        self._questions = questions
        self._source: list[str] = []
        self._lists: list[tuple[int | str, Level]] = []
        self._env: dict[str, Any] = {
            **binding.functions(),
            "F": Fragment,
            "bail": bail,
            "EMPTY": _EMPTY,
            "NOTHING": _NOTHING,
        }

    def plan(self, root: Field) -> Plan:
        """Return the plan. Raises Bail where it can not be certain."""
        question = self._questions[root.uid]
        top = Level(None)
        possible: dict[str, Level] = {}
        if question.shape == "nodes":
            text = self._any_kind(root, possible)
            top.nodes.append(Node(root, question, (), None))
        else:
            text = self._relation(top, root, question)
        self._source.append(f"def build(G):\n    return {text}\n")
        for uid, level in self._lists:
            self._settle(uid, level)
        exec(compile("".join(self._source), "<plan>", "exec"), self._env)  # noqa: S102 - ours
        return Plan(top.nodes, self._env["build"], possible)

    def _function(
        self, prefix: str, uid: int | str, body: str, *, arguments: str = "rows, G"
    ) -> str:
        name = f"{prefix}{uid}"
        self._source.append(f"def {name}({arguments}):\n    {body}\n")
        return name

    def _keep(self, prefix: str, uid: int, value: Any) -> str:
        name = f"{prefix}{uid}"
        self._env[name] = value
        return name

    # -- rows of an entity ------------------------------------------------------------------

    def _list_of(self, level: Level, uid: int | str, selection: Selection) -> str:
        """Return the name of a function from stored rows to a list of dicts."""
        items = [(each.key, self._value(level, each, selection.type)) for each in selection.fields]
        body = ", ".join(f"{key!r}: {text}" for key, text in items)
        if not level.columns:
            level.place(level.entity.key[-1])
        self._lists.append((uid, level))
        return self._function(
            f"list_{selection.type.name}_", uid, f"return [{{{body}}} for @{uid}@ in rows]"
        )

    def _settle(self, uid: int | str, level: Level) -> None:
        """Write the columns, all known now, into the functions of a level."""
        names = ", ".join(f"c{at}" for at in range(len(level.columns)))
        spread = f"{names}," if len(level.columns) == 1 else names
        self._source = [part.replace(f"@{uid}@", spread) for part in self._source]

    def _value(self, level: Level, field: Field, type: GraphQLObjectType) -> str:
        if field.name == "__typename":
            return repr(type.name)
        name = self._binding.name(field.definition) if field.definition else None
        if name is not None:
            attribute = level.entity.attributes.get(name)
            if attribute is None:
                raise Bail
            if attribute.derive is None:
                return self._stored(level, field, attribute.columns[0])
            return self._derived(
                level, field, attribute.columns, attribute.derive, attribute.passes
            )
        question = self._questions[field.uid]
        if question is None:
            if isinstance(field.type, GraphQLNonNull):
                raise Bail
            return "None"
        if question.shape == "refused":
            return "bail()"
        if question.shape == "derived":
            return self._asked_of_row(level, field, question)
        return self._relation(level, field, question)

    def _stored(self, level: Level, field: Field, column: Column) -> str:
        name = f"c{level.place(column)}"
        if self._binding.is_json(level.entity, column):
            made = f"F({name})"
        else:
            expression = self._binding.expression(level.entity, column)
            made = name if expression is None else expression.format(v=name)
        nullable = self._binding.nullable(level.entity, column)
        return stored_leaf(field.type, name, made, nullable=nullable, env=self._env)

    def _made(self, level: Level, column: Column) -> str:
        """Return text for a column as functions take it."""
        name = f"c{level.place(column)}"
        expression = self._binding.expression(level.entity, column)
        if expression is None:
            return name
        made = expression.format(v=name)
        if self._binding.nullable(level.entity, column):
            return f"(None if {name} is None else {made})"
        return made

    def _derived(
        self, level: Level, field: Field, columns: tuple[Column, ...], derive: Any, passes: Any
    ) -> str:
        function = self._keep("make_", field.uid, derive)
        arguments = ", ".join(self._made(level, column) for column in columns)
        complete = self._keep("complete_", field.uid, self._completer(field))
        made = f"{complete}({function}({arguments}))"
        if passes is None:
            return made
        check = self._keep("passes_", field.uid, passes)
        name = f"c{level.place(columns[0])}"
        return f"(F({name}) if {name} is not None and {check}({name}) else {made})"

    def _asked_of_row(self, level: Level, field: Field, question: Any) -> str:
        """Return text for a question about the row itself, whose function may change by request."""
        arguments = ", ".join(self._made(level, column) for column in question.columns)
        complete = self._keep("complete_", field.uid, self._completer(field))
        return f"{complete}(G[{field.uid}]({arguments}))"

    # -- plain values -----------------------------------------------------------------------

    def _completer(self, field: Field) -> Complete:
        return completer(field.type, lambda type: self._object(field.below[type.name]))

    def _object(self, selection: Selection) -> Complete:
        if self._binding.entity(selection.type) is not None:
            raise Bail  # rows within plain values would have to be loaded after them
        if self._binding.entity(selection.type) is not None:
            raise Bail  # rows among values may have to load what is asked of them
        parts: list[tuple[str, str | None, Complete | None]] = []
        for each in selection.fields:
            if each.definition is None:
                parts.append((each.key, None, None))
                continue
            name = self._binding.name(each.definition)
            if name is None:
                raise Bail
            parts.append((each.key, name, self._completer(each)))
        type_name = selection.type.name

        def complete(value: Any) -> dict[str, Any]:
            return {
                key: type_name if name is None or done is None else done(getattr(value, name))
                for key, name, done in parts
            }

        return complete

    # -- rows that hang on rows -------------------------------------------------------------

    def _relation(self, level: Level, field: Field, question: Any) -> str:
        rows = question.rows if question.shape in {"page", "count"} else question
        rows = rows.question if question.shape == "then" else rows
        places = tuple(level.place(name) for name in rows.link.needs)
        key = "(" + "".join(f"c{at}," for at in places) + ")"
        if question.shape == "rows" and question.nests:
            key = f"c{places[-1]}"  # trees are the large answers: their rows are found by one value
        match question.shape:
            case "rows":
                return self._rows(level, field, question, places, key)
            case "page":
                return self._page(level, field, question, places, key)
            case "count":
                self._add(level, Node(field, question, places, None))
                return f"G[{field.uid}].get({key}, 0)"
            case "values":
                self._add(level, Node(field, question, places, None))
                complete = self._keep("complete_", field.uid, self._completer(field))
                return f"{complete}(G[{field.uid}].get({key}))"
            case "then":
                self._add(level, Node(field, question, places, None))
                complete = self._keep("complete_", field.uid, self._completer(field))
                return f"{complete}(G[{field.uid}].get({key}, G[-{field.uid}]))"
            case _:
                raise Bail

    def _add(self, level: Level, node: Node) -> None:
        """Add a node; one that asks what another does shares its rows and their columns."""
        twin = next((other for other in level.nodes if _alike(node, other)), None)
        if twin is not None:
            node.twin = twin
            if node.level is not None and twin.level is not None:
                for column in node.level.columns:
                    twin.level.place(column)
                node.level.columns = twin.level.columns
        level.nodes.append(node)

    def _target(self, field: Field, question: Any) -> tuple[Level, Selection]:
        entity = question.link.target
        below = Level(entity)
        for column in question.link.brings:
            below.place(column)
        (selection,) = field.below.values()
        if self._binding.entity(selection.type) is not entity:
            raise Bail
        return below, selection

    def _rows(
        self, level: Level, field: Field, question: Any, places: tuple[int, ...], key: str
    ) -> str:
        below, selection = self._target(field, question)
        if question.nests:
            below.nests = True
            if level.nests:
                below.columns = level.columns  # all levels come as rows of one shape
        node = Node(field, question, places, below)
        self._add(level, node)
        rows = self._list_of(below, field.uid, selection)
        if question.nests:
            node.depth = 1 + max((under.depth for under in below.nodes), default=0)
            if node.depth > 1:
                node.tree = tuple(level.place(column) for column in question.tree_needs)
                for column in question.tree_brings:
                    below.place(column)
        required = isinstance(field.type, GraphQLNonNull)
        absent = "bail()" if required else "None"
        if question.one:
            name = self._function(
                "one_", field.uid, f"return {rows}(rows, G)[0] if rows else {absent}"
            )
            return f"{name}(G[{field.uid}].get({key}), G)"
        if not isinstance(_nullable(field.type), GraphQLList):
            raise Bail
        if question.empty_is_null:
            name = self._function(
                "some_", field.uid, f"return {rows}(rows, G) if rows else {absent}"
            )
            return f"{name}(G[{field.uid}].get({key}), G)"
        return f"({rows}(r, G) if (r := G[{field.uid}].get({key})) else [])"

    def _page(
        self, level: Level, field: Field, page: Any, places: tuple[int, ...], key: str
    ) -> str:
        """Return text for a connection; its rows are loaded only if a part shows them."""
        (connection,) = field.below.values()
        below = Level(page.rows.link.target)
        for column in page.rows.link.brings:
            below.place(column)
        order = page.rows.order_columns
        parts: list[str] = []
        names = {each.name for each in connection.fields}
        shows_rows = not names <= {"__typename", *_SUMS}
        if shows_rows:
            self._add(level, Node(field, page, places, below))
        for each in connection.fields:
            if each.name == "__typename":
                parts.append(f"{each.key!r}: {connection.type.name!r}")
                continue
            if each.name in _SUMS:
                part = _SUMS[each.name]
                self._add(level, Node(each, page, places, None, part_of=field.uid, part=part))
                complete = self._keep("complete_", each.uid, self._completer(each))
                parts.append(f"{each.key!r}: {complete}(G[{each.uid}].get(key, 0))")
                continue
            if each.name != "nodes":
                for column in order:
                    below.place(column)
            parts.append(f"{each.key!r}: {self._part(each, below, page)}")
        found = f"G[{field.uid}].get(key, NOTHING)" if shows_rows else "NOTHING"
        name = self._function(
            "page_",
            field.uid,
            f"found = {found}\n    rows = found[0]\n    return {{{', '.join(parts)}}}",
            arguments="key, G",
        )
        if shows_rows:
            cursor = self._binding.cursor(page.rows, below.shape)
            self._keep("cursor_", id(below), cursor)
        return f"{name}({key}, G)"

    def _part(self, field: Field, below: Level, page: Any) -> str:
        (selection,) = field.below.values()
        cursor = f"cursor_{id(below)}"
        match field.name:
            case "nodes":
                return f"{self._list_of(below, field.uid, selection)}(rows, G)"
            case "edges":
                return self._edges(selection, below, cursor)
            case "pageInfo":
                return self._page_info(selection, cursor)
            case _:
                raise Bail

    def _edges(self, selection: Selection, below: Level, cursor: str) -> str:
        parts: list[str] = []
        lists: list[str] = []
        for each in selection.fields:
            match each.name:
                case "__typename":
                    parts.append(f"{each.key!r}: {selection.type.name!r}")
                case "cursor":
                    parts.append(f"{each.key!r}: {cursor}(row)")
                case "node":
                    (node,) = each.below.values()
                    lists.append(f"{self._list_of(below, each.uid, node)}(rows, G)")
                    parts.append(f"{each.key!r}: n{len(lists)}")
                case _:
                    raise Bail
        names = ", ".join(["row", *(f"n{at + 1}" for at in range(len(lists)))])
        sources = ", ".join(["rows", *lists])
        return f"[{{{', '.join(parts)}}} for {names}, in zip({sources})]"

    def _page_info(self, selection: Selection, cursor: str) -> str:
        known = {
            "__typename": repr(selection.type.name),
            "hasNextPage": "found[1]",
            "hasPreviousPage": "found[2]",
            "startCursor": f"({cursor}(rows[0]) if rows else None)",
            "endCursor": f"({cursor}(rows[-1]) if rows else None)",
        }
        parts = [f"{each.key!r}: {known[each.name]}" for each in selection.fields]
        return f"{{{', '.join(parts)}}}"

    # -- rows of any kind -------------------------------------------------------------------

    def _any_kind(self, field: Field, possible: dict[str, Level]) -> str:
        for at, (type_name, selection) in enumerate(field.below.items()):
            entity = self._binding.entity(selection.type)
            if entity is None:
                raise Bail
            level = possible[type_name] = Level(entity)
            level.place("id")
            uid = f"{field.uid}_{at}"
            name = self._list_of(level, uid, selection)
            self._env[f"kind_{field.uid}_{type_name}"] = name
        kinds = ", ".join(
            f"{type_name!r}: {self._env[f'kind_{field.uid}_{type_name}']}" for type_name in possible
        )
        one = f"{{{kinds}}}[t]([row], G)[0]"
        listed = isinstance(_nullable(field.type), GraphQLList)
        body = f"return [None if x is None else (lambda t, row: {one})(*x) for x in rows]"
        name = self._function("kinds_", field.uid, body)
        return f"{name}(G[{field.uid}], G)" + ("" if listed else "[0]")


def _alike(one: Node, other: Node) -> bool:
    """Say whether two nodes of a level ask the same."""
    return (
        other.twin is None
        and one.part == other.part
        and one.field.definition is other.field.definition
        and one.question == other.question
    )


def _nullable(declared: GraphQLOutputType) -> GraphQLOutputType:
    return declared.of_type if isinstance(declared, GraphQLNonNull) else declared
