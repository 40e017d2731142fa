"""Operations: a document parsed, validated and planned once for its text, then only run.

An operation's selection depends on the variables of its @skip and @include; its plans on the
form of the questions its resolvers ask. Both are kept, bounded. Resolvers are called once for
each place of the selection, with a stand-in for the row, and again only where their arguments
hold variables or they look at who asks.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields
from graphql.execution.values import VariableValues

from graph.engine.asking import REFUSED, Asker, Variables
from graph.engine.levels import Plan
from graph.engine.plan import Planner
from graph.engine.protocol import Answers, Bail, Binding
from graph.engine.run import run
from graph.engine.selection import Collector, Field, Selection, deciding_variables

_VARIANTS = 64


@dataclass(slots=True)
class _Variant:
    """The selection for one set of deciding variables.

    `groups` are fields of one definition: where they ask the same, they share what is found.
    """

    selection: Selection
    constant: dict[int, Any]
    changing: list[Asker]
    groups: list[list[int]]
    plans: OrderedDict[Hashable, list[Plan | str]] = field(
        default_factory=OrderedDict[Hashable, list[Plan | str]]
    )


Select = Callable[[VariableValues], _Variant]


class Root(NamedTuple):
    """A field of the root, as graphql-core has collected it."""

    type: GraphQLObjectType
    key: str
    details: list[FieldDetails]


class Operation:
    """A valid query operation of one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        binding: Binding,
        document: DocumentNode,
        operation: OperationDefinitionNode,
    ) -> None:
        self.document = document
        self._schema = schema
        self._binding = binding
        self.node = operation
        found = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
        self._fragments = {d.name.value: FragmentDetails(d) for d in found}
        self._variables = Variables(schema, operation)
        self._deciding = deciding_variables([operation, *found])
        self._variants: OrderedDict[Hashable, _Variant | None] = OrderedDict()

    async def run(
        self, variables: dict[str, Any] | None, context: Any, answers: Answers
    ) -> dict[str, Any]:
        """Return the data. Raises Bail where graphql-core has to do it."""
        values = self._variables.coerced(variables or {})
        variant = self._variant((), values, self._select)
        questions = self._questions(variant, values, SimpleNamespace(context=context))
        plans = self._plans(variant, questions)
        if len(plans) == 1 and isinstance(plans[0], Plan) and plans[0].is_single:
            answers.alone()
        data: dict[str, Any] = {}
        for each, plan in zip(variant.selection.fields, plans, strict=True):
            if isinstance(plan, str):
                data[each.key] = plan
                continue
            data[each.key] = await run(plan, questions, answers, self._binding)
        return data

    async def run_field(
        self, root: Root, question: Any, variables: VariableValues, context: Any, answers: Answers
    ) -> Any:
        """Return the value of one root field that graphql-core has collected and asked.

        Raises Bail as `run` does.
        """

        def select(values: VariableValues) -> _Variant:
            collector = Collector(self._schema, self.node, self._fragments, values)
            return self._planned(collector.fields(root.type, {root.key: root.details}), values)

        variant = self._variant((root.key,), variables, select)
        (each,) = variant.selection.fields
        questions = self._questions(variant, variables, SimpleNamespace(context=context))
        questions[each.uid] = question
        (plan,) = self._plans(variant, questions)
        if isinstance(plan, str):
            raise Bail
        return await run(plan, questions, answers, self._binding)

    @property
    def has_several_roots(self) -> bool:
        """Say whether fields of the root may be planned where the whole can not be."""
        return len(self.node.selection_set.selections) > 1

    def _variant(self, of: tuple[str, ...], variables: VariableValues, select: Select) -> _Variant:
        key = of
        if self._deciding:
            key = (*of, *[variables.coerced.get(name) for name in self._deciding])
        if key not in self._variants:
            try:
                self._variants[key] = select(variables)
            except Bail:
                self._variants[key] = None
            if len(self._variants) > _VARIANTS:
                self._variants.popitem(last=False)
        variant = self._variants[key]
        if variant is None:
            raise Bail
        return variant

    def _select(self, variables: VariableValues) -> _Variant:
        root = self._schema.query_type
        if root is None:
            raise Bail
        collected = collect_fields(self._schema, self._fragments, variables, root, self.node)
        if collected.new_defer_usages:
            raise Bail
        collector = Collector(self._schema, self.node, self._fragments, variables)
        return self._planned(collector.fields(root, collected.grouped_field_set), variables)

    def _planned(self, selection: Selection, variables: VariableValues) -> _Variant:
        """Ask what does not change by request."""
        constant: dict[int, Any] = {}
        changing: list[Asker] = []
        for each in selection.walk():
            if each.definition is None or self._binding.name(each.definition) is not None:
                continue
            asker = Asker(each, self._binding)
            if each.constant and not self._binding.asks_context(each.definition):
                constant[each.uid] = asker.ask(variables, None)
            else:
                changing.append(asker)
        return _Variant(selection, constant, changing, _likely_equal(selection))

    def _questions(self, variant: _Variant, variables: VariableValues, info: Any) -> dict[int, Any]:
        questions = dict(variant.constant)
        for each in variant.changing:
            questions[each.field.uid] = each.ask(variables, info)
        return questions

    def _plans(self, variant: _Variant, questions: dict[int, Any]) -> list[Plan | str]:
        asked = [questions[each.field.uid] for each in variant.changing]
        form = tuple([None if question is None else question.form for question in asked])
        if variant.groups:
            form += tuple([_equal([questions[uid] for uid in group]) for group in variant.groups])
        plans = variant.plans.get(form)
        if plans is None:
            plans = [self._plan(each, questions) for each in variant.selection.fields]
            variant.plans[form] = plans
            if len(variant.plans) > _VARIANTS:
                variant.plans.popitem(last=False)
        return plans

    def _plan(self, each: Field, questions: dict[int, Any]) -> Plan | str:
        if each.definition is None:
            return str(self._schema.query_type)
        question = questions.get(each.uid)
        if question is None or question is REFUSED:
            raise Bail
        return Planner(self._binding, questions).plan(each)


def _equal(questions: list[Any]) -> tuple[int, ...]:
    """Return which questions are equal, as the place of the first of each."""
    first: dict[Any, int] = {}
    return tuple([first.setdefault(question, at) for at, question in enumerate(questions)])


def _likely_equal(selection: Selection) -> list[list[int]]:
    """Return the fields that may ask the same or not, by definition."""
    groups: dict[int, list[Field]] = {}
    for each in selection.walk():
        if each.definition and each.definition.args:
            groups.setdefault(id(each.definition), []).append(each)
    some = [group for group in groups.values() if len(group) > 1]
    return [[each.uid for each in g] for g in some if not all(each.constant for each in g)]


def chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the query operation that is asked for; None for anything else."""
    found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is not None:
        found = [d for d in found if d.name is not None and d.name.value == name]
    if len(found) != 1 or found[0].operation is not OperationType.QUERY or found[0].directives:
        return None
    return found[0]
