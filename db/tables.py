"""The tables behind the models, for statements."""

from sqlalchemy.sql.schema import Table
from sqlmodel import SQLModel

from db import models


def _table(model: type[SQLModel]) -> Table:
    return model.__table__  # type: ignore[attr-defined]


PROJECT = _table(models.Project)
RUN = _table(models.Run)
RUN_PAYLOAD = _table(models.RunPayload)
RUN_TAG = _table(models.RunTag)
RUN_METADATA = _table(models.RunMetadata)
THREAD = _table(models.Thread)
THREAD_TRACE = _table(models.ThreadTrace)
FEEDBACK = _table(models.Feedback)
ATTACHMENT = _table(models.Attachment)
PARKED = _table(models.Parked)
RUN_SEARCH = _table(models.RunSearch)
RUN_SEARCH_QUEUE = _table(models.RunSearchQueue)
RUN_ROLLUP_HOUR = _table(models.RunRollupHour)
RUN_ROLLUP_DAY = _table(models.RunRollupDay)
RUN_ROLLUP_DIRTY = _table(models.RunRollupDirty)
ACCESS_KEY = _table(models.AccessKey)
DISCARDED_OBJECT = _table(models.DiscardedObject)
IMPORTED_FILE = _table(models.ImportedFile)
