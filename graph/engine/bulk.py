"""Python text for a list of dicts made of rows, one by one or many values at once.

What makes a text of each of many ids or times at once takes a third of the time.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

FEW = 12
"""For how many rows values are made one by one: making them for all at once has its own cost."""


class Bulk(NamedTuple):
    """How a value of each row is made for many rows at once, as Python text.

    `make` makes of `rows` what `use` takes as {m}: a list, of which each row takes its own, where
    `by_row`; else something for all of them.
    """

    make: str
    use: str = "{m}"
    by_row: bool = True


def one_by_one(items: Sequence[tuple[str, str]], columns: str) -> str:
    """Return a body that makes a dict of each of `rows`, whose columns get these names."""
    return f"return [{_dict(items)} for {columns} in rows]"


def at_once(items: Sequence[tuple[str, str]], columns: str, bulk: Mapping[str, Bulk]) -> str:
    """Return such a body that makes some values, known by their text, for all rows at once."""
    used = {text: bulk[text] for _, text in items if text in bulk}
    names = {text: f"m{at}" for at, text in enumerate(used)}
    made = {text: each.use.replace("{m}", names[text]) for text, each in used.items()}
    body = _dict([(key, made.get(text, text)) for key, text in items])
    shared = "".join(f"{names[t]} = {e.make}\n    " for t, e in used.items() if not e.by_row)
    own = {names[text]: each.make for text, each in used.items() if each.by_row}
    if not own:
        return f"{shared}return [{body} for {columns} in rows]"
    return (
        f"{shared}return [{body} for ({columns}), {', '.join(own)} in"
        f" zip(rows, {', '.join(own.values())})]"
    )


def _dict(items: Sequence[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key!r}: {text}" for key, text in items) + "}"
