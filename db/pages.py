"""The paging arguments of a connection, checked."""

from db.cursors import LARGEST_PAGE, USUAL_PAGE, decode
from db.errors import InvalidError
from db.filters import EVERYTHING, Where
from db.orders import Order
from db.questions import Link, Page, Rows, Window
from db.rows import Row


def page(
    link: Link,
    *,
    parent: Row | None = None,
    where: Where = EVERYTHING,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    max_depth: int | None = None,
    order: Order | None = None,
) -> Page:
    """Return the page of a link that the arguments ask for.

    Raises InvalidError for a size out of bounds, for first with last, and for a wrong cursor.
    """
    if first is not None and last is not None:
        msg = f"first is {first} and last is {last}; give one of them"
        raise InvalidError(msg)
    ordered = order or link.order
    size = _size("last", last) if last is not None else _size("first", first)
    window = Window(
        size,
        backward=last is not None,
        after=None if after is None else decode(after, link.target, ordered, "after"),
        before=None if before is None else decode(before, link.target, ordered, "before"),
    )
    if max_depth is not None and max_depth < 0:
        msg = f"maxDepth is {max_depth}; at least 0"
        raise InvalidError(msg)
    return Page(Rows(link, parent, where, window=window, max_depth=max_depth, order=order))


def _size(name: str, value: int | None) -> int:
    if value is None:
        return USUAL_PAGE
    if value < 0:
        msg = f"{name} is {value}; at least 0"
        raise InvalidError(msg)
    if value > LARGEST_PAGE:
        msg = f"{name} is {value}; at most {LARGEST_PAGE}"
        raise InvalidError(msg)
    return value
