"""Running a plan: loads each level of rows with as few statements as there are questions."""

import asyncio
from collections.abc import Mapping
from typing import Any

from graph.engine.leaves import Complete
from graph.engine.levels import Level, Node, Plan
from graph.engine.protocol import Answers, Bail, Binding, Key, Stored

_NONE: Mapping[Key, Any] = {}
_TOP: list[Key] = [()]
"""The keys at the root, where there is no parent."""

_UNANSWERABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What comes of rows that hold what they should not: graphql-core tells which field it spoils."""


async def run(plan: Plan, questions: Mapping[int, Any], answers: Answers, binding: Binding) -> Any:
    """Return the value of a root field. Raises Bail where graphql-core has to do it."""
    try:
        if plan.direct is None:
            found = await _found(plan, questions, answers, binding)
        else:
            found = await _found_directly(plan.direct, questions, answers)
        if answers.large:  # others need the loop meanwhile
            value = await asyncio.to_thread(plan.build, found)
        else:
            value = plan.build(found)
    except _UNANSWERABLE as error:
        raise Bail from error
    if value is None and plan.is_required:
        raise Bail
    return value


async def _found_directly(
    node: Node, questions: Mapping[int, Any], answers: Answers
) -> dict[int, Any]:
    """Load the rows of the one node there is: most queries have no more."""
    uid, level = node.field.uid, node.level
    assert level is not None  # noqa: S101 - rows have a level
    question = questions[uid]
    if question.shape == "page":
        return {uid: await answers.windows(question.rows, _TOP, level.shape, beyond=node.beyond)}
    return {uid: await answers.rows(question, _TOP, level.shape)}


async def _found(
    plan: Plan, questions: Mapping[int, Any], answers: Answers, binding: Binding
) -> dict[int, Any]:
    """Load all that a plan needs, by the uid of the field it is for."""
    runner = _Runner(plan, questions, answers, binding)
    for node in plan.nodes:
        if plan.possible:
            await runner.any_kind(node, plan.possible)
        else:
            await runner.node(node, _TOP)
    return runner.found


class _Runner:
    """What was found so far, by the uid of the field it is for."""

    def __init__(
        self, plan: Plan, questions: Mapping[int, Any], answers: Answers, binding: Binding
    ) -> None:
        self._questions = questions
        self._answers = answers
        self._binding = binding
        self.found: dict[int, Any] = {
            uid: question.made_for(questions.get(plan.listings.get(uid, -1)))
            for uid, question in questions.items()
            if question is not None and question.shape == "derived"
        }

    async def below(self, level: Level, rows: list[Stored]) -> None:
        """Load everything that hangs on some rows."""
        for node in level.nodes:
            if node.field.uid not in self.found:
                await self.node(node, rows)

    async def node(self, node: Node, parents: list[Stored]) -> None:
        """Load what one node wants for all parents, then what hangs on that."""
        uid = node.field.uid
        question = self._question(node)
        keys = _keys(parents, node.key)
        if not keys:
            self.found[uid] = _NONE
            if question.shape == "then":
                self.found[-uid] = question.make([])
            self._nothing_below(node)
            return
        if node.twin is not None and node.twin.depth == node.depth:
            await self._like_its_twin(node, node.twin.field.uid, parents)
            return
        if node.depth > 1 and await self._whole_trees(node, parents):
            return
        match question.shape:
            case "count":
                self.found[uid] = await self._answers.counts(question.rows, keys)
            case "values":
                self.found[uid] = await self._answers.values(question, keys)
                await self._among(node)
            case "then":
                await self._then(uid, question, keys)
            case "page":
                await self._window(node, question.rows, keys)
            case _:
                await self._rows(node, question, keys)

    async def _like_its_twin(self, node: Node, twin: int, parents: list[Stored]) -> None:
        """Take what was found for a field that asks the same."""
        self.found[node.field.uid] = found = self.found[twin]
        if -twin in self.found:
            self.found[-node.field.uid] = self.found[-twin]
        await self._among(node)
        if node.depth > 1:
            await self._spread(node, parents, found)
        elif node.level is not None and node.level.nodes:
            await self.below(node.level, [row for some in found.values() for row in _rows(some)])

    async def _among(self, node: Node) -> None:
        """Load what is selected of the rows that stand in values."""
        if node.among is None:
            return
        held: dict[int, dict[int, Any]] = {uid: {} for uid in node.among.levels}

        def keep(uid: int) -> Complete:
            return lambda row: held[uid].setdefault(id(row), row)

        collect = node.among.completer(keep)
        for value in self.found[node.field.uid].values():
            collect(value)
        for uid, level in node.among.levels.items():
            rows = list(held[uid].values())
            stored = await self._answers.stored(level.entity, rows, level.shape) if rows else []
            self.found[uid] = dict(zip(held[uid], stored, strict=True))
            await self.below(level, stored)

    def _question(self, node: Node) -> Any:
        """Return what this request asks there; a part of a page is asked with it."""
        if node.part_of is not None:
            return getattr(self._questions[node.part_of], node.part)
        return self._questions[node.field.uid]

    async def _rows(self, node: Node, question: Any, keys: list[Key]) -> None:
        level = node.level
        assert level is not None  # noqa: S101 - rows have a level
        found = await self._answers.rows(question, keys, level.shape)
        if question.nests:
            if len({key[-1] for key in keys}) != len(keys):
                raise Bail  # two parents of one id
            found = {key[-1]: rows for key, rows in found.items()}
        self.found[node.field.uid] = found
        if level.nodes:
            await self.below(level, [row for rows in found.values() for row in rows])

    async def _window(self, node: Node, question: Any, keys: list[Key]) -> None:
        level = node.level
        assert level is not None  # noqa: S101 - rows have a level
        found = await self._answers.windows(question, keys, level.shape, beyond=node.beyond)
        self.found[node.field.uid] = found
        if level.nodes:
            await self.below(level, [row for some in found.values() for row in some.rows])

    async def _then(self, uid: int, question: Any, keys: list[Key]) -> None:
        link = question.question.link
        columns = question.columns or self._binding.eager(link.target)
        columns = tuple(dict.fromkeys((*columns, *link.brings)))
        found = await self._answers.rows(question.question, keys, columns)
        self.found[uid] = {
            key: question.make(self._binding.rows(link.target, columns, rows))
            for key, rows in found.items()
        }
        self.found[-uid] = question.make([])

    async def _whole_trees(self, node: Node, parents: list[Stored]) -> bool:
        """Load all levels of a tree at once; say whether that was possible."""
        level = node.level
        assert level is not None  # noqa: S101 - a tree has levels
        keys = _keys(parents, node.tree)
        found = await self._answers.subtrees(keys, level.shape, node.depth)
        if found is None:
            return False
        await self._spread(node, parents, found)
        return True

    async def _spread(
        self, node: Node, parents: list[Stored], found: Mapping[Any, list[Stored]]
    ) -> None:
        """Give a tree's rows to a node and to those below that ask the same."""
        level = node.level
        assert level is not None  # noqa: S101 - as above
        self.found[node.field.uid] = found
        if not level.nodes:
            return
        place = node.key[-1]
        rows = [row for parent in parents for row in found.get(parent[place], ())]
        for below in level.nodes:
            if below.depth:
                await self._spread(below, rows, found)
        await self.below(level, rows)

    async def any_kind(self, root: Node, possible: Mapping[str, Level]) -> None:
        """Load rows of any kind by id."""
        question = self._question(root)
        shapes = {name: level.shape for name, level in possible.items()}
        found = await self._answers.nodes(question.ids, shapes)
        self.found[root.field.uid] = [found.get(id) for id in question.ids]
        for name, level in possible.items():
            rows = [row for kind, row in found.values() if kind == name]
            await self.below(level, rows)

    def _nothing_below(self, node: Node) -> None:
        """Say that nothing hangs below a node that has no rows."""
        for below in node.level.nodes if node.level is not None else ():
            question = self._question(below)
            self.found[below.field.uid] = _NONE
            if question.shape == "then":
                self.found[-below.field.uid] = question.make([])
            self._nothing_below(below)


def _rows(found: Any) -> list[Stored]:
    """Return what was found for a parent: a list, or that of a window."""
    return getattr(found, "rows", found)


def _keys(rows: list[Stored], places: tuple[int, ...]) -> list[Key]:
    """Return the distinct keys of rows, without those that lead nowhere."""
    if not places:
        return [()] if rows else []
    if len(places) == 2:  # noqa: PLR2004 - the most common
        first, second = places
        keys = {(row[first], row[second]): None for row in rows}
        return [key for key in keys if key[0] is not None and key[1] is not None]
    keys = {tuple([row[at] for at in places]): None for row in rows}
    return [key for key in keys if None not in key]
