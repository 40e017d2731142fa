"""What `/metrics` tells of the replica that queries read, where there is one."""

from math import nan
from typing import TYPE_CHECKING

from graph.observe_metrics import Gauges

if TYPE_CHECKING:  # its driver is an extra
    from db.replica import Replica


def replica_gauges(replica: "Replica | None") -> Gauges:
    """Return how it does now: whether it is read, and how far it is behind."""
    if replica is None:
        return {}
    return {
        "replica_fit": (
            "1 while the replica is read, 0 while it is left out.",
            lambda: int(replica.fit),
        ),
        "replica_lag_seconds": (
            "Seconds that the replica is behind; NaN while that is not known.",
            lambda: nan if replica.lag is None else replica.lag,
        ),
    }


def replica_counters(replica: "Replica | None") -> Gauges:
    """Return what happened to it since the process began."""
    if replica is None:
        return {}
    about = "How often the replica was left out, for being behind or not to be reached."
    return {"replica_left_out_total": (about, lambda: replica.left_out)}
