"""The enums of the API; their members are those of the store."""

from db.models import RunStatus
from db.orders import Direction, NullsOrder, RunOrderField
from graph.types.declare import enum_type

__all__ = ["Direction", "NullsOrder", "RunOrderField", "RunStatus"]

enum_type(
    RunStatus,
    "How far a run has come.",
    PENDING="It has not ended yet, or its end has not arrived.",
    SUCCESS="It ended without an error.",
    ERROR="It has an error, whether or not its end has arrived.",
)
enum_type(
    RunOrderField,
    "What runs can be sorted by.",
    START_TIME="When the run began.",
    END_TIME="When the run ended; missing while it has not.",
    LATENCY="Seconds from start to end; missing while it has not ended.",
    TIME_TO_FIRST_TOKEN="Seconds to the first token; missing without streaming.",  # noqa: S106
    TOTAL_TOKENS="Tokens of the run and its descendants; missing where there are none.",
    TOTAL_COST="US dollars, descendants included; missing where they are not known.",
    NAME="The run's name, by the code points of its characters: Z before a.",
    FEEDBACK_SCORE="The average score of its feedback with `feedbackKey`; missing without any.",
)
enum_type(
    Direction,
    "Which way an order goes.",
    ASC="The smallest, earliest or first first.",
    DESC="The largest, latest or last first.",
)
enum_type(
    NullsOrder,
    "Where an order has the rows without a value, whichever way it goes.",
    FIRST="Before all others.",
    LAST="After all others.",
)
