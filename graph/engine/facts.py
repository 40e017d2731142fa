"""Python text for the values that a row gives: stored columns, and what is made of them."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLObjectType
from orjson import Fragment

from graph.engine.bulk import Bulk
from graph.engine.leaves import Complete, bail, completer, stored_leaf
from graph.engine.levels import Level
from graph.engine.protocol import Bail, Binding, Column
from graph.engine.selection import Field, Selection

RowsOf = Callable[[Field, Selection], Complete]

_EMPTY: tuple[Any, ...] = ()
_NOTHING: tuple[Any, ...] = ((), False, False)


class Facts:
    """Writes the functions of a plan, and knows how the values in them are made."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._source: list[str] = []
        self._listings: dict[int, int] = {}
        self._env: dict[str, Any] = {
            **binding.functions(),
            "F": Fragment,
            "bail": bail,
            "EMPTY": _EMPTY,
            "NOTHING": _NOTHING,
        }

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

    def _settle(self, uid: int | str, level: Level) -> None:
        """Write the columns, all known now, into the functions of a level."""
        names = ", ".join(f"c{at}" for at in range(len(level.columns)))
        spread = f"{names}," if len(level.columns) == 1 else names
        self._source = [part.replace(f"@{uid}@", spread) for part in self._source]

    def _stored(self, level: Level, field: Field, column: Column) -> str:
        name = f"c{level.place(column)}"
        if self._binding.is_json(level.entity, column):
            made = f"F({name})"
        else:
            expression = self._binding.expression(level.entity, column)
            made = name if expression is None else expression.format(v=name)
        text = stored_leaf(
            field.type,
            name,
            made,
            nullable=self._binding.nullable(level.entity, column),
            is_sure=self._binding.is_sure(level.entity, column),
            env=self._env,
        )
        of_rows = self._binding.of_rows(level.entity, column)
        if of_rows and text in {made, f"(None if {name} is None else {made})"}:
            function = self._keep("of_rows_", field.uid, of_rows)
            level.bulk[text] = Bulk(f"{function}(rows, {level.place(column)})")
        return text

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
        place = level.place(columns[0])
        name = f"c{place}"
        if passes is bool:
            return f"(F({name}) if {name} else {made})"
        check = self._keep("passes_", field.uid, passes)

        def passed(name: str, made: str) -> str:
            return f"(F({name}) if {name} is not None and {check}({name}) else {made})"

        text = passed(name, made)
        if made == f"{complete}({function}({name}))" and self._binding.is_short(
            level.entity, columns[0]
        ):  # short texts are often the same: a value is made for all rows that hold one
            each = passed("c", f"{complete}({function}(c))")
            found = f"{{c: {each} for c in {{row[{place}] for row in rows}}}}"
            level.bulk[text] = Bulk(found, f"{{m}}[{name}]", by_row=False)
        return text

    def _asked_of_row(self, level: Level, field: Field, question: Any) -> str:
        """Return text for a question about the row itself, whose function may change by request."""
        arguments = ", ".join(self._made(level, column) for column in question.columns)
        complete = self._keep("complete_", field.uid, self._completer(field))
        if level.listed is not None:
            self._listings[field.uid] = level.listed
        return f"{complete}(G[{field.uid}]({arguments}))"

    def _completer(self, field: Field, rows: RowsOf | None = None) -> Complete:
        """Return what completes a value; `rows` says how to complete rows that stand in it."""

        def objects(type: GraphQLObjectType) -> Complete:
            selection = field.below[type.name]
            if self._binding.entity(type) is None:
                return self._object(selection, rows)
            if rows is None:
                raise Bail
            return rows(field, selection)

        return completer(field.type, objects)

    def _object(self, selection: Selection, rows: RowsOf | None) -> Complete:
        parts: list[tuple[str, str | None, Complete | None]] = []
        for each in selection.fields:
            if each.definition is None:
                parts.append((each.key, None, None))
                continue
            name = self._binding.name(each.definition)
            if name is None:
                raise Bail
            parts.append((each.key, name, self._completer(each, rows)))
        type_name = selection.type.name

        def complete(value: Any) -> dict[str, Any]:
            return {
                key: type_name if name is None or done is None else done(getattr(value, name))
                for key, name, done in parts
            }

        return complete
