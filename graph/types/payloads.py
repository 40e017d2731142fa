"""Parts of payloads, so that a list of runs need not carry megabytes."""

from typing import Annotated, TypeAlias

import strawberry

from graph.types.declare import object_type
from graph.types.scalars import BigInt

_PATH = 'Where to look: keys and places, as in a.b[0] or ["key.with.dots"].'

Path: TypeAlias = Annotated[str, strawberry.argument(description=_PATH)]
MaybePath: TypeAlias = Annotated[
    str | None, strawberry.argument(description=f"{_PATH} The whole if not given.")
]
MaxBytes: TypeAlias = Annotated[
    int, strawberry.argument(description="The most bytes of UTF-8 to give, up to 65536.")
]


@object_type("The beginning of a JSON value's text.")
class JSONPreview:
    """Backed by `db.runs.Preview`."""

    text: str = strawberry.field(
        description="The JSON text, cut at a whole character; not valid JSON where truncated."
    )
    truncated: bool = strawberry.field(description="Whether anything was cut off.")
    bytes: BigInt = strawberry.field(description="How many bytes of UTF-8 the whole text has.")
