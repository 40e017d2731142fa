"""Plans: what to load for a selection and the questions its fields ask, and how to show it.

A plan names the columns to load and the order in which to load them, and holds generated functions
from stored rows to the dicts of an answer.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from graphql import GraphQLObjectType

from graph.engine.bulk import FEW, at_once, one_by_one
from graph.engine.declared import is_list, is_required
from graph.engine.facts import Facts
from graph.engine.leaves import Complete, bail
from graph.engine.levels import Among, Level, Node, Plan
from graph.engine.pages import edges, page_info
from graph.engine.protocol import Bail, Binding
from graph.engine.selection import Field, Selection

_SUMS = {"totalCount": "total_count", "stats": "stats"}
"""Fields of a connection that sum up the whole list, and what a page calls them."""


class Planner(Facts):
    """Makes the plan of one root field."""

    def __init__(self, binding: Binding, questions: Mapping[int, Any]) -> None:
        super().__init__(binding)
        self._questions = questions
        self._lists: list[tuple[int | str, Level]] = []

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
        return Plan(top.nodes, self._env["build"], is_required(root.type), possible, self._listings)

    # -- rows of an entity ------------------------------------------------------------------

    def _list_of(self, level: Level, uid: int | str, selection: Selection) -> str:
        """Return the name of a function from stored rows to a list of dicts."""
        items = [(each.key, self._value(level, each, selection.type)) for each in selection.fields]
        if not level.columns:
            level.place(level.entity.key[-1])
        self._lists.append((uid, level))
        body = one_by_one(items, f"@{uid}@")
        if any(text in level.bulk for _, text in items):
            many = self._function("many_", uid, at_once(items, f"@{uid}@", level.bulk))
            body = f"if len(rows) > {FEW}:\n        return {many}(rows, G)\n    {body}"
        return self._function(f"list_{selection.type.name}_", uid, body)

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
        return self._asked(level, field, self._questions[field.uid])

    def _asked(self, level: Level, field: Field, question: Any) -> str:
        """Return text for what a resolver asks of each row."""
        if question is None:
            return "bail()" if is_required(field.type) else "None"
        if question.shape == "refused":
            return "bail()"
        if question.shape == "derived":
            return self._asked_of_row(level, field, question)
        return self._relation(level, field, question)

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
                return self._values(level, Node(field, question, places, None), key)
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
            twin.beyond |= node.beyond
            if node.level is not None and twin.level is not None:
                for column in node.level.columns:
                    twin.level.place(column)
                node.level.columns = twin.level.columns
        level.nodes.append(node)

    def _target(self, field: Field, question: Any) -> tuple[Level, Selection]:
        entity = question.link.target
        below = Level(entity, listed=field.uid)
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
        required = is_required(field.type)
        absent = "bail()" if required else "None"
        if question.one:
            name = self._function(
                "one_", field.uid, f"return {rows}(rows, G)[0] if rows else {absent}"
            )
            return f"{name}(G[{field.uid}].get({key}), G)"
        if not is_list(field.type):
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
        below = Level(page.rows.link.target, listed=field.uid)
        for column in page.rows.link.brings:
            below.place(column)
        order = page.rows.order_columns
        parts: list[str] = []
        names = {each.name for each in connection.fields}
        shows_rows = not names <= {"__typename", *_SUMS}
        if shows_rows:
            beyond = not names <= {"__typename", "nodes", "edges", "stats"}
            self._add(level, Node(field, page, places, below, beyond=beyond))
        for each in connection.fields:
            if each.name == "__typename":
                parts.append(f"{each.key!r}: {connection.type.name!r}")
                continue
            if each.name in _SUMS:
                part = _SUMS[each.name]
                if shows_rows and part == "total_count" and (beside := self._beside(below, page)):
                    complete = self._keep("complete_", each.uid, self._completer(each))
                    parts.append(f"{each.key!r}: {complete}({beside})")
                    continue
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

    def _beside(self, below: Level, page: Any) -> str | None:
        """Return text for the number of all rows, which each row of a page tells."""
        column = self._binding.total_beside(page)
        if column is None:
            return None
        none = "(0 if not (found[1] or found[2]) else bail())"  # behind the last one, perhaps
        return f"(rows[0][{below.place(column)}] if rows else {none})"

    def _part(self, field: Field, below: Level, page: Any) -> str:
        (selection,) = field.below.values()
        cursor = f"cursor_{id(below)}"
        match field.name:
            case "nodes":
                return f"{self._list_of(below, field.uid, selection)}(rows, G)"
            case "edges":
                lists = partial(self._list_of, below)
                return edges(selection, cursor, lists)
            case "pageInfo":
                return page_info(selection, cursor)
            case _:
                raise Bail

    # -- values with rows among them --------------------------------------------------------

    def _values(self, level: Level, node: Node, key: str) -> str:
        """Return text for a value that is no row; what is selected of rows in it is loaded next."""
        uid = node.field.uid
        lists: dict[int, str] = {}
        levels: dict[int, Level] = {}

        def plan(each: Field, selection: Selection) -> Complete:
            below = levels[each.uid] = Level(self._binding.entity(selection.type))
            for column in below.entity.key:
                below.place(column)
            lists[each.uid] = self._list_of(below, each.uid, selection)
            return bail

        self._add(level, node)
        plain = self._completer(node.field, plan)
        if not lists:
            return f"{self._keep('complete_', uid, plain)}(G[{uid}].get({key}))"

        def made(show: Callable[[int], Complete]) -> Complete:
            return self._completer(node.field, lambda each, _: show(each.uid))

        def complete(found: Mapping[int, Any]) -> Complete:
            def show(uid: int) -> Complete:
                rows, list_of = found[uid], self._env[lists[uid]]
                return lambda row: list_of([rows[id(row)]], found)[0]

            return made(show)

        node.among = Among(levels, made)
        return f"{self._keep('complete_', uid, complete)}(G)(G[{uid}].get({key}))"

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
        listed = is_list(field.type)
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
