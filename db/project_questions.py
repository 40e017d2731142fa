"""The questions about projects."""

from uuid import UUID

from db import filters
from db.filters import Where
from db.pages import page
from db.questions import PROJECTS, Page, Rows


def by_id(id: UUID) -> Rows:
    """Ask for the project with an id."""
    return Rows(PROJECTS, where=filters.test("id", "eq", id), one=True)


def by_name(name: str) -> Rows:
    """Ask for the project with a name."""
    return Rows(PROJECTS, where=filters.test("name", "eq", name), one=True)


def all_of(where: Where, first: int | None, after: str | None) -> Page:
    """Ask for projects, by name."""
    return page(PROJECTS, where=where, first=first, after=after)
