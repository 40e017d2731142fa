"""What PostgreSQL does for a statement, in rows: those that its scans bring or throw away."""

import json
from collections.abc import Sequence
from typing import Any

from db.readers import Reading


class Analyzed:
    """A reading that answers, and counts the rows that each statement took."""

    def __init__(self, reading: Reading) -> None:
        self.dialect = reading.dialect
        self.statements = reading.statements
        self.reach = reading.reach
        self.rows_read = 0
        self._reading = reading

    async def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        explained = await self._reading.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
        (plan,) = json.loads(explained[0][0])
        self.rows_read += read_by(plan["Plan"])
        return await self._reading.rows(sql, values)

    async def close(self) -> None:
        await self._reading.close()


def read_by(plan: Any) -> float:
    """Return how many rows the scans of a plan took, on whichever nodes."""
    if isinstance(plan, list):
        return sum(map(read_by, plan))
    if not isinstance(plan, dict):
        return 0.0
    own = 0.0
    if "Relation Name" in plan:
        removed = plan.get("Rows Removed by Filter", 0)
        removed += plan.get("Rows Removed by Index Recheck", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return own + sum(map(read_by, plan.values()))
