"""Events about runs."""

import strawberry

from db.changes import ChangeKind
from graph.types.declare import enum_type, object_type
from graph.types.run import Run

enum_type(
    ChangeKind,
    "What has happened to a run. Of several things in one commit one is told: deletion before the"
    " end, the end before the beginning. A run that arrives whole is told once, as FINISHED.",
    name="RunChangeKind",
    CREATED="It is new, and has not ended yet.",
    UPDATED="Something that is shown of it has changed: itself, what it used, its feedback.",
    FINISHED="It has ended, or failed; each run does so once, and may be new.",
    DELETED="It is gone; told whatever its filter, unless the event itself shows that it fails it.",
    RELOAD="Events were missed: read what you show again; what comes after the cursor follows.",
)


@object_type("Something that has happened to a run.")
class RunChange:
    """Backed by `db.watched.RunChange`."""

    cursor: str = strawberry.field(
        description="Pass the last one as `after` to go on from here after a break."
    )
    kind: ChangeKind = strawberry.field(description="What has happened.")
    run_id: strawberry.ID | None = strawberry.field(description="Which run; null for RELOAD.")
    run: Run | None = strawberry.field(
        description="The run as it is when the event is sent; null once it is deleted, for RELOAD."
    )
