"""Commands that tend a database: its tables, how long it keeps runs, its index of words."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta

from db import citus as cluster
from db import copying, retention
from db.errors import InvalidError
from db.files import nobodys_files
from db.retention import Pruned, Pruning
from db.schema_version import migrate as migrate_tables
from db.schema_version import shown
from db.search_index import index_some, start_anew
from db.store import Store, utc_now
from graph.opening import with_store
from graph.progress import Progress
from graph.settings import Settings

_KEPT_FOR_EVER = (
    "every project keeps its runs for ever; say `rungraph keep --project NAME --days N` or set"
    " RUNGRAPH_RETENTION_DAYS"
)


def migrate(settings: Settings, citus: bool) -> None:
    """Bring the database to this version's tables, and spread them over a cluster if asked."""
    before, after = migrate_tables(settings.db)
    done = "is up to date" if before == after else f"went from {before or 'nothing'} to {after}"
    _say(f"{shown(settings.db)} {done} (version {after} of the tables)")
    if citus:
        for name, place in cluster.spread(settings.db):
            _say(f"{name:<20} {place.value}")


def reindex(settings: Settings) -> None:
    """Make the index of words anew; a server may go on meanwhile, with what is indexed so far."""

    async def rebuild(store: Store) -> int:
        count = await store.write(start_anew)
        while await store.write(index_some):
            pass
        return count

    count = with_store(settings, rebuild)
    _say(f"{shown(settings.db)}: the words of {count} runs are indexed anew")


def keep(settings: Settings, project: str | None, days: int | None) -> None:
    """Set for how many days a project keeps its runs, or print it for all of them."""

    async def told(store: Store) -> list[tuple[str, int | None]]:
        if project is not None:
            await store.write(retention.keep_for, project, days)
        return await store.read_with(retention.kept_for)

    for name, kept in with_store(settings, told):
        given = settings.retention_days if kept is None else kept
        _say(f"{'for ever' if given == retention.FOREVER else f'{given} days':>12}  {name}")


def prune(
    settings: Settings, *, payloads_only: bool, dry_run: bool, files: bool, batch: int
) -> None:
    """Take away runs that are too old, or only what they carried, or tell how many they are."""
    if files:
        _prune_files(settings, dry_run=dry_run)
        return

    async def pruned(store: Store) -> Pruned:
        default = settings.retention_days
        cutoffs = await store.read_with(retention.cutoffs, default, utc_now())
        if not cutoffs:
            raise InvalidError(_KEPT_FOR_EVER)
        pruning = Pruning(cutoffs, payloads_only, dry_run, batch)
        with Progress("pruning", None, "runs") as progress:
            return await retention.prune(store, pruning, lambda _, runs: progress.advance(runs))

    gone = with_store(settings, pruned)
    what = "the payloads of " if payloads_only else ""
    done = "would go" if dry_run else "are gone"
    traces = "" if payloads_only else f", {gone.roots.total():,} of them roots of traces,"
    _say(f"{shown(settings.db)}: {what}{gone.runs.total():,} runs{traces} {done}")


def _prune_files(settings: Settings, *, dry_run: bool) -> None:
    """Delete files outside of the database that nobody names, nor what waits for its run."""
    age = timedelta(days=settings.parked_days + 1)

    async def pruned(store: Store) -> int:
        with Progress("looking through files", None, "files") as progress:
            return await nobodys_files(store, utc_now() - age, progress.advance, delete=not dry_run)

    count = with_store(settings, pruned)
    done = "would go" if dry_run else "are gone"
    _say(f"{settings.attachments}: {count:,} files that are no run's {done}")


def copy(_: Settings, source: str, target: str) -> None:
    """Copy a store into an empty database of either kind, or go on with a copy that was stopped."""

    @contextmanager
    def bar(name: str, total: int, done: int) -> Generator[Callable[[int], None]]:
        with Progress(f"{name:<24}", total, "rows", done=done) as progress:
            yield progress.advance

    copied = copying.copy(source, target, bar)
    for table in copied:
        _say(f"{table.rows:>12,}  {table.digest}  {table.name}")
    _say(f"{shown(target)} holds what {shown(source)} held; words are indexed by its server")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
