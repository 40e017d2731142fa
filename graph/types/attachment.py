"""Attachments: files sent with runs."""

import strawberry

from db import runs
from db.questions import Question
from db.rows import Row
from graph.context import Info
from graph.types.declare import object_type
from graph.types.scalars import BigInt


@object_type("A file sent with a run.")
class Attachment:
    """Backed by rows of `db.entities.ATTACHMENT`."""

    name: str = strawberry.field(description="Its name, unique within the run.")
    mime_type: str = strawberry.field(description="Its media type, as sent.")
    size: BigInt = strawberry.field(description="Its length in bytes.")

    @strawberry.field(
        graphql_type=str,
        description="Where to load it: a path on this server, signed, good for an hour.",
    )
    @staticmethod
    def url(attachment: strawberry.Parent[Row], info: Info) -> Question:
        return runs.attachment_url(attachment, info.context.attachment_urls.url)
