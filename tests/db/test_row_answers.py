"""Rows whose columns come later."""

import asyncio
from typing import Any

from db import row_answers
from db.entities import RUN
from db.questions import RUNS, Rows
from db.store import Store


def test_two_rows_of_one_run_may_be_given_more_again_and_again(store: Store, add: Any):
    add("run", inputs={"a": 1}, outputs={"b": 2})

    async def load() -> list[tuple[Any, Any]]:
        reading = store.reading()
        try:
            ((one,),) = await row_answers.rows(reading, Rows(RUNS), [None])
            ((other,),) = await row_answers.rows(reading, Rows(RUNS), [None])
            for column in ("inputs", "outputs", "extra"):
                found = await row_answers.more(reading, RUN, [one, other], (column,))
                for row, loaded in zip((one, other), found, strict=True):
                    row.add(loaded)
            return [(row.ready("inputs"), row.ready("outputs")) for row in (one, other)]
        finally:
            await reading.close()
            await store._readers.aclose()

    assert asyncio.run(load()) == [(b'{"a": 1}', b'{"b": 2}')] * 2
