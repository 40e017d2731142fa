"""One question that sums runs up, on its way to the database."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from db import filters, stats_groups
from db.answers import asked, seek, values_of
from db.compiler import Statement
from db.entities import RUN
from db.questions import Rows
from db.readers import Reading
from db.stats import GroupedStats, StatsOf
from db.stats_statements import Scope
from db.values import PACK, PACK_LABELLED, Kind

Key: TypeAlias = tuple[Any, ...]
Found: TypeAlias = list[tuple[Key, tuple[Any, ...]]]
"""Rows, each without its keys: that of the parent, those of the groups, that of the span."""

Make: TypeAlias = Callable[[str, Scope], Statement]


class Asking:
    """A question whose statements all have the same parameters."""

    def __init__(
        self, reading: Reading, question: StatsOf | GroupedStats, keys: Sequence[Key]
    ) -> None:
        depth = question.max_depth if isinstance(question, StatsOf) else None
        groups = question.groups if isinstance(question, GroupedStats) else ()
        self.reading = reading
        self.rows = Rows(question.link, where=question.where, max_depth=depth)
        self.keys = keys
        self.scope = Scope(
            question.link,
            filters.form(question.where),
            deep=depth is not None,
            many=len(keys) > 1 and not question.link.below,
            groups=tuple(map(stats_groups.form, groups)),
        )
        told = (stats_groups.parameter(reading.dialect, group) for group in groups)
        self.more = {f"m{at}": value for at, value in enumerate(told) if value is not None}

    async def found(self, make: Make, scope: Scope) -> Found:
        """Return the rows of a statement, each with its keys."""
        dialect = self.reading.dialect
        statement = make(dialect, scope)
        if scope.many:
            width = len(scope.link.on)
            values = {**asked(dialect, self.rows), **self.more, **self._packed()}
            rows = await self.reading.rows(statement.sql, statement.placed(values))
            return [((row[:width], *row[width : scope.keys]), row[scope.keys :]) for row in rows]
        each = [{**values_of(dialect, self.rows, key), **self.more} for key in self.keys]
        answers = await seek(self.reading, statement, each)
        at = scope.keys
        return [
            ((key, *row[:at]), row[at:])
            for key, rows in zip(self.keys, answers, strict=True)
            for row in rows
        ]

    async def unkeyed(self, make: Make) -> list[tuple[Any, ...]]:
        """Return the rows of a statement without keys: of all parents, or of each in its turn."""
        dialect = self.reading.dialect
        statement = make(dialect, self.scope)
        if self.scope.many:
            values = {**asked(dialect, self.rows), **self.more, **self._packed()}
            return await self.reading.rows(statement.sql, statement.placed(values))
        each = [{**values_of(dialect, self.rows, key), **self.more} for key in self.keys]
        return [row for rows in await seek(self.reading, statement, each) for row in rows]

    def _packed(self) -> dict[str, Any]:
        dialect, column = self.reading.dialect, self.scope.link.brings[-1]
        if RUN.kinds[column] is Kind.TEXT:
            ids, labels = PACK_LABELLED[dialect](self.keys)
            return {"keys": ids, "keys_labels": labels}
        return {"keys": PACK[dialect](sorted(self.keys))}
