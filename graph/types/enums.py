"""The enums of the API; their members are those of the store."""

from db.models import RunStatus
from graph.types.declare import enum_type

__all__ = ["RunStatus"]

enum_type(
    RunStatus,
    "How far a run has come.",
    PENDING="It has not ended yet, or its end has not arrived.",
    SUCCESS="It ended without an error.",
    ERROR="It has an error, whether or not its end has arrived.",
)
