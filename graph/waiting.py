"""How much waits in the store: looked at when somebody asks for numbers, not all the time."""

import time
from dataclasses import dataclass

from db.doctor import waiting
from db.errors import StoreError
from db.store import Store


@dataclass(slots=True)
class Lag:
    """For how long the index of words has been behind, as seen by the process that keeps it."""

    since: float | None = None

    def looked(self, *, waits: bool) -> None:
        """Note whether anything waits."""
        if not waits:
            self.since = None
        elif self.since is None:
            self.since = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long ago nothing waited."""
        return 0.0 if self.since is None else time.monotonic() - self.since


class Waiting:
    """Rows that wait: for a run that has not arrived, or for the index of words."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.parked = float("nan")
        self.queued = float("nan")

    async def look(self) -> None:
        """Count them; where the database can not be asked, the numbers are none."""
        reading = self._store.reading(newest=True)
        reading.alone = True
        try:
            self.parked, self.queued = await waiting(reading)
        except StoreError:
            self.parked = self.queued = float("nan")
        finally:
            await reading.close()
