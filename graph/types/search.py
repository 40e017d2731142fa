"""Where a search has found a run."""

import strawberry

from graph.types.declare import object_type


@object_type("Characters of a text, counted in Unicode code points (not in UTF-16, as JavaScript).")
class TextRange:
    """Backed by `db.search_hits.TextRange`."""

    start: int = strawberry.field(
        description="The place of the first character; 0 begins the text."
    )
    end: int = strawberry.field(description="The place after the last character.")


@object_type("Where a search has found a run: where most of what is searched for stands.")
class SearchHit:
    """Backed by `db.search_hits.SearchHit`."""

    field: str = strawberry.field(description="One of name, error, inputs, outputs and metadata.")
    snippet: str = strawberry.field(
        description="A piece of the field's text, with … where it was cut; of JSON the values, a"
        " line each."
    )
    highlights: list[TextRange] = strawberry.field(
        description="What of the snippet matches, in order; ranges do not overlap."
    )
