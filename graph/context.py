"""What every resolver of one request is given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import strawberry

from db.readers import Budget, Reading
from db.watched import RunChange, Watched
from db.within import OpenStore
from graph.attachment_urls import AttachmentUrls
from graph.auth import LOCAL, Viewer
from graph.engine.operation import Operation
from graph.limits.bounds import Limits
from graph.loading import Loading
from graph.observe import Seen
from graph.preparing import Prepared
from graph.setting_kinds import Engine
from graph.settings import Settings
from graph.writing import Extent


@dataclass(slots=True)
class Context:
    """The settings, who asks, and this request's one snapshot of the store.

    Of the store there is what the viewer may see and do.

    `path` says what served the request, for those who debug; `large`, where its answer is to be
    written in pieces, how large it is. `engine` is the level of compiled execution that
    may still be tried, and `operation` what graphql-core executes, for fields of the root that can
    be planned alone.
    `newest`: whoever was just told of a change reads no replica, which may not have it yet.
    `prepared` is what became of the query's text, `cost` what it was estimated to cost. `watched`
    is what a subscription asks for, and `changes` what it is told now.
    """

    store: OpenStore
    settings: Settings
    attachment_urls: AttachmentUrls
    limits: Limits
    viewer: Viewer = LOCAL
    newest: bool = False
    path: str = "graphql-core"
    large: Extent | None = None
    cost: int = 0
    operation: Operation | None = None
    prepared: Prepared | None = None
    watched: Watched | None = None
    changes: Sequence[RunChange] = ()
    engine: Engine = field(init=False)
    reading: Reading = field(init=False)
    _loading: Loading | None = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.settings.engine
        self._begin(newest=self.newest)

    def _begin(self, *, newest: bool) -> None:
        self.reading = self.store.reading(newest=newest)
        self.reading.budget = Budget(self.settings.max_rows)
        self._loading = None

    @property
    def loading(self) -> Loading:
        """What answers questions one by one, for graphql-core."""
        if self._loading is None:
            self._loading = Loading(self.reading)
        return self._loading

    def again(self, changes: Sequence[RunChange]) -> None:
        """Forget what was loaded and begin anew, in the same snapshot, to tell some changes."""
        self.engine = self.settings.engine
        self.operation = self.prepared = None
        self.reading.budget = Budget(self.settings.max_rows)
        self._loading = None
        self.changes = changes

    def tell(self, seen: Seen) -> None:
        """Say what was done so far."""
        seen.cost = self.cost
        seen.statements, seen.database = len(self.reading.statements), self.reading.seconds

    async def renew(self) -> None:
        """Give the snapshot up for one that begins now, so that what was just stored is seen."""
        await self.reading.close()
        self._begin(newest=True)

    async def close(self) -> None:
        """Give the snapshot up."""
        if self._loading is not None:
            self._loading.close()
        await self.reading.close()


Info: TypeAlias = strawberry.Info[Context, None]
