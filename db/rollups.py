"""Rollups: what the runs of a project come to in each hour and each day, in UTC.

An hour is marked in the very transaction that changes one of its runs. `keep` sums marked hours up
anew from their runs, so that it does not matter what came how often and in which order; what
reads rollups reads marked hours from the runs themselves (`db.rollup_reads`). A mark is taken away
only together with the row that answers it, and only if it is still the same mark.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table

from db import histograms, stats_statements
from db.constructs import packed_spans
from db.dialects import upsert
from db.measures import MEASURES, MOST_DOLLARS, MOST_TOKENS
from db.questions import RUNS_OF_PROJECT
from db.readers import Reading
from db.sending import send
from db.stats import StatsOf
from db.stats_answers import Asking
from db.stats_statements import DURATIONS, Scope
from db.store import Store
from db.sums import Sums, as_columns, of_columns, sums_of
from db.tables import RUN_ROLLUP_DAY, RUN_ROLLUP_DIRTY, RUN_ROLLUP_HOUR
from db.values import ASKED, Kind

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Cells: TypeAlias = tuple[Counter[int], ...]
"""The histogram of each of `DURATIONS`."""


class Mark(NamedTuple):
    """An hour of a project whose rollup is not what its runs come to."""

    session_id: UUID
    since: datetime
    mark: UUID


_KEY = ("session_id", "since")
"""TODO"""
