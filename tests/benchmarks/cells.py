"""What is asked in the benchmark of reads: the same query text of every server.

Each is asked warm (one text, a new value in its variable each time), with a new literal each time,
and as a new text each time (another alias). New values that ask the same are other spellings of
one id: UUIDs are hex of either case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any
from uuid import UUID

import orjson

from tests.benchmarks import data

FIELDS_10 = "id name runType startTime endTime status parentRunId totalTokens totalCost latency"
FIELDS_25 = (
    f"{FIELDS_10} error traceId dottedOrder sessionId manifestId model threadId promptTokens"
    " completionTokens promptCost completionCost firstTokenTime timeToFirstToken depth tags"
)
FIELDS_JSON = "id name inputs outputs"
THOUSAND_DEEP = 6
TEN_THOUSAND_DEEP = 8
ERRORS = 50
PAGE = 100
_TOO_FEW = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that is asked. `path` is where the floor answers it.

    `requests` go to a server in one turn, `few` of them to stock; over so many `connections`.
    Where these are too few for small differences to show, it is not asked cold.
    """

    name: str
    path: str
    selection: str
    id: UUID
    requests: int
    few: int
    connections: int = 4

    def is_asked_cold(self, *, few: bool) -> bool:
        """Say whether there are enough requests to see what a new text costs."""
        return (self.few if few else self.requests) > _TOO_FEW

    def plain(self) -> bytes:
        """Return the body of a request, the first that one would write."""
        return self._body(f"query Q($id: ID!) {{ {self.selection} }}", {"id": str(self.id)})

    def warm(self) -> Iterator[bytes]:
        """Yield bodies whose text never changes."""
        text = f"query Q($id: ID!) {{ {self.selection} }}"
        for spelling in _spellings(self.id):
            yield self._body(text, {"id": spelling})

    def new_literals(self) -> Iterator[bytes]:
        """Yield bodies whose texts differ in a literal, and ask the same."""
        for spelling in _spellings(self.id):
            selection = self.selection.replace("$id", f'"{spelling}"')
            yield self._body(f"query Q {{ {selection} }}", {})

    def new_texts(self) -> Iterator[bytes]:
        """Yield bodies of which none was ever sent; the answers differ in a key."""
        for at in count():
            text = f"query Q($id: ID!) {{ a{at}: {self.selection} }}"
            yield self._body(text, {"id": str(self.id)})

    def _body(self, query: str, variables: Mapping[str, Any]) -> bytes:
        return orjson.dumps({"query": query, "variables": variables})


def tree_selection(fields: str, depth: int) -> str:
    """Return a selection of fields on a run and on the runs below, so many levels down."""
    below = f" childRuns {{ {tree_selection(fields, depth - 1)} }}" if depth else ""
    return fields + below


def run_query(fields: str) -> str:
    """Return the selection of one run by id."""
    return f"run(id: $id) {{ {fields} }}"


def cells() -> tuple[Cell, ...]:
    """Return what is asked of `data.all_sorts`."""
    one = next(data.flat(1, data.FLAT, 2_400, seed=1)).id
    thousand, ten_thousand = data.root_of_tree(11), data.root_of_tree(14)
    page = f"runs(where: {{sessionId: {{eq: $id}}}}, first: {PAGE}) {{ nodes {{ %s }} }}"
    errors = (
        f"runs(where: {{sessionId: {{eq: $id}}, status: {{eq: ERROR}}}}, first: {ERRORS})"
        f" {{ totalCount nodes {{ {FIELDS_10} }} pageInfo {{ hasNextPage }} }}"
    )
    tree = tree_selection(FIELDS_10, THOUSAND_DEEP)
    big = tree_selection(FIELDS_10, TEN_THOUSAND_DEEP)
    return (
        Cell("1 run x 10 fields", "/one", run_query(FIELDS_10), one, 200, 40),
        Cell("100 runs x 25 fields", "/list", page % FIELDS_25, data.FLAT, 40, 6),
        Cell("1,000-run tree x 10 fields", "/tree", run_query(tree), thousand, 8, 2, 1),
        Cell("100 runs with 10 KB JSON", "/json", page % FIELDS_JSON, data.PAGED, 60, 15),
        Cell("10,000-run tree x 10 fields", "/big", run_query(big), ten_thousand, 2, 1, 1),
        Cell("50 errors with totalCount", "/errors", errors, data.FLAT, 80, 10),
    )


def heavy_cell() -> Cell:
    """Return what is asked of `data.heavy`."""
    selection = run_query(tree_selection(FIELDS_JSON, TEN_THOUSAND_DEEP))
    return Cell(
        "10,000-run tree, 10 KB JSON each", "/heavy", selection, data.root_of_tree(21), 1, 1, 1
    )


def _spellings(id: UUID) -> Iterator[str]:
    """Yield texts of an id that differ in case: thousands before one comes again."""
    text = str(id)
    letters = [at for at, letter in enumerate(text) if letter.isalpha()]
    for bits in cycle(range(1, 2 ** len(letters))):
        raised = {at for place, at in enumerate(letters) if bits >> place & 1}
        yield "".join(c.upper() if at in raised else c for at, c in enumerate(text))
