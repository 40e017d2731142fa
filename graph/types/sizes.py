"""What the fields of the schema cost, as `graph.limits.prices` reads it.

Every list of objects that is no page has its usual length here, or the name of the argument that
lists its items. Weights are of leaves and values that take more than reading a column.
"""

SIZES: dict[str, int | str] = {
    "Query.nodes": "ids",
    "Query.runStats": 100,
    "Run.childRuns": 10,
    "Run.parentRuns": 10,
    "Run.attachments": 3,
    "Run.feedbackStats": 3,
    "RunBase.attachments": 3,
    "RunComparison.pairs": 100,
    "RunStats.feedback": 5,
    "RunStatsGroup.key": 2,
    "FeedbackStats.values": 5,
    "SearchHit.highlights": 5,
    "CreateRunsPayload.runs": 100,
    "CreateRunsPayload.refused": 10,
    "Subscription.runChanges": 1,
    **{
        f"Run.{side}{what}Details": 2
        for side in ("prompt", "completion", "input", "output")
        for what in ("Token", "Cost")
    },
    "__Schema.types": 70,
    "__Schema.directives": 5,
    "__Type.fields": 12,
    "__Type.interfaces": 2,
    "__Type.possibleTypes": 2,
    "__Type.enumValues": 3,
    "__Type.inputFields": 5,
    "__Field.args": 2,
    "__Directive.args": 2,
}

TREES = frozenset({"Run.childRuns"})
"""Fields that, one in the other, are levels of a tree."""

_PAYLOADS = ("inputs", "outputs", "extra", "events", "serialized", "searchHit")
_PATHS = ("inputsAt", "outputsAt", "metadataAt", "inputsPreview", "outputsPreview")
_COUNTED = ("Run", "Project", "Feedback", "Thread")

WEIGHTS: dict[str, int] = {
    **{f"{type}.{name}": 1 for type in ("Run", "RunBase") for name in (*_PAYLOADS, *_PATHS)},
    **{f"{name}Connection.totalCount": 10 for name in _COUNTED},
    "RunConnection.stats": 100,
    "Project.stats": 20,
    "Thread.stats": 20,
    "Run.childRunCount": 1,
    "Run.childRunIds": 10,
    "Query.runStats": 100,
    "Query.compareRuns": 1000,
}
