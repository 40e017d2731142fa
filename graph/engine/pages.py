"""Python text for the parts of a connection."""

from collections.abc import Callable

from graph.engine.protocol import Bail
from graph.engine.selection import Selection


def edges(selection: Selection, cursor: str, list_of: Callable[[int, Selection], str]) -> str:
    """Return text for the edges of `rows`; `list_of` names what lists their nodes."""
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
                lists.append(f"{list_of(each.uid, node)}(rows, G)")
                parts.append(f"{each.key!r}: n{len(lists)}")
            case _:
                raise Bail
    names = ", ".join(["row", *(f"n{at + 1}" for at in range(len(lists)))])
    sources = ", ".join(["rows", *lists])
    return f"[{{{', '.join(parts)}}} for {names}, in zip({sources})]"


def page_info(selection: Selection, cursor: str) -> str:
    """Return text for what is `found` of a window. An unknown field is a KeyError."""
    known = {
        "__typename": repr(selection.type.name),
        "hasNextPage": "found[1]",
        "hasPreviousPage": "found[2]",
        "startCursor": f"({cursor}(rows[0]) if rows else None)",
        "endCursor": f"({cursor}(rows[-1]) if rows else None)",
    }
    parts = [f"{each.key!r}: {known[each.name]}" for each in selection.fields]
    return f"{{{', '.join(parts)}}}"
