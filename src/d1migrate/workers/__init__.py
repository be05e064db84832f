"""Migrations inside a Python Worker.

    import migrations_index  # written by `d1migrate index`
    from d1migrate.workers import run_migrations

    await run_migrations(env.DB, migrations_index)

`env.DB` may be raw or wrapped by the Workers SDK. In a SQLite-backed Durable Object, every function takes
`ctx.storage` instead, and `__init__`, which cannot wait, calls `run_migrations_sync`. `migrations` may be

- the index module that `d1migrate index` writes,
- pairs of file name and SQL, or Migration values,
- a folder of `.sql` files in the bundle, as a path or as the name of a package.

They are applied in wrangler's order, whatever theirs is. The index also says what the migrations table
records, versions or names, and a database with the other table is refused; otherwise the database decides.

Migrations are cached by their text for the life of the isolate; answers of a database never are. The import
loads what a call with nothing to do needs; a call that needs more loads it.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache, partial
from types import ModuleType

from d1migrate.drivers.binding import BindingDriver
from d1migrate.drivers.run import arun
from d1migrate.errors import QUERIES_USED, SECONDS_USED, Unfinished, UsageError
from d1migrate.migrate import source
from d1migrate.migrate.flows import ensure
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import VERSIONS, WRANGLER
from d1migrate.migrate.table_choice import Suggestion, TableChoice
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from d1migrate.drivers.protocol import AsyncDriver
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.history import History
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.migrate.log import Stamp
    from d1migrate.migrate.table import Shape
    from d1migrate.sql.batch import Batch, Result

    Migrations = ModuleType | Sequence[Migration] | Sequence[tuple[str, str]] | str | os.PathLike[str]

__all__ = [
    "get_current",
    "get_current_version",
    "get_history",
    "get_pending",
    "run_jobs",
    "run_migrations",
    "run_migrations_sync",
    "verify_schema",
]

_FEWEST = 4  # two to read an empty database, one to write, one to look up a lost response


async def run_migrations(
    database: Any,
    migrations: Migrations,
    *,
    to: int | str | None = None,
    table: str | None = None,
    wrangler_table: str | None = None,
    allow_out_of_order: bool = False,
    max_queries: int = 50,
    max_seconds: float = 25.0,
    max_migrations: int = 500,
    max_rows_written: int = 500_000,
    accept_newer: bool = True,
    by: str = "worker",
) -> Report:
    """Apply pending migrations, each exactly once, completely or not at all.

    Cheap enough for the top of a request: with nothing to do, it is one D1 query that returns one row and
    reads about nine rows for each migration, which D1 bills. (If only wrangler has migrated so far, the first
    call also creates the log.) Requests and isolates may call it at the same time: the database lets one of
    them apply a migration.

    In an object, the query reads two rows, however much is applied. The bookmark from before a run is logged
    as its restore point. What was applied is committed before an error is raised.

    Args:
        database: the D1 binding, `env.DB`; or the storage of an object, `ctx.storage`.
        migrations: see above.
        to: the last migration to apply, by name, or by number if only one has it; None for all.
        table: the name of the migrations table; by default the one that the index or the database has.
        wrangler_table: the name of wrangler's table, if its configuration has `migrations_table`.
        allow_out_of_order: whether to apply migrations that come before an applied one, too.
        max_queries: calls to D1 that this may make, 4 or more; the free plan allows 50 in one
            invocation, the paid plan 1,000. A batch is one call. No migration begins that could exceed it.
            Objects have no such limit.
        max_seconds: how long it may take; D1 ends a query after 30 seconds, and an event of an object may
            take as long.
        max_migrations: in an object, how many migrations this may apply.
        max_rows_written: in an object, after how many written rows no other migration begins.
        accept_newer: whether there is nothing to do if the database is newer than the migrations: all of them
            are applied, unedited, and what is applied besides comes after the last one. Otherwise, and
            always if an unknown migration comes before the last one, MissingMigration is raised.
        by: the actor in the log.

    Returns:
        A Report. Its `results` has a StepResult for each migration that was applied, by this call (`action`
        is "up") or by another one while it ran ("applied meanwhile"), in order; none if nothing was pending.
        Its `waiting_for` is the migration whose job has to run before any other migration, see `run_jobs`:
        the one whose job is open, or whose table is too large for one batch.

    Raises:
        ApplyError: a migration failed; its `applied`, `pending` and `unknown` describe the state.
        Unfinished: the limits were reached between two migrations; call it again.
        HistoryError: files and database disagree; a subclass says how. Nothing was run.
        SourceError: a migration cannot be parsed. Nothing was run.
        UsageError: there is no migration `to`, or several, or `migrations` has another form.
        DriverError: the database cannot be read.
    """
    if max_queries < _FEWEST:
        raise UsageError(f"max_queries={max_queries}: a migration takes {_FEWEST}")
    found = _load(migrations)
    flow = partial(
        ensure.ensure,
        found.migrations,
        found.choice(table, wrangler_table),
        to=_selector(to),
        allow_out_of_order=allow_out_of_order,
        accept_newer=accept_newer,
    )
    new_stamp = partial(_stamp, by)
    if _is_storage(database):
        from d1migrate.workers import objects

        limited = objects.LimitedStorage(database, max_migrations, max_rows_written)
        return await objects.apply_timed(flow, new_stamp, limited, max_seconds)
    return await arun(flow(new_stamp), _Invocation(BindingDriver(database), max_queries, max_seconds))


async def run_jobs(
    database: Any,
    migrations: Migrations,
    *,
    table: str | None = None,
    wrangler_table: str | None = None,
    allow_out_of_order: bool = False,
    max_queries: int = 40,
    max_seconds: float = 20.0,
    budget: int | None = None,
    by: str = "worker",
) -> JobReport:
    """Run chunks of the open job, or begin that of the next pending migration; for a cron.

    `run_migrations` waits for a migration whose table is too large for one batch. This continues its job as
    far as the limits of one invocation allow, and returns; the next invocation continues. When a job has
    ended, the next one begins, if all migrations before it are applied.

    Any number of invocations, of the command line and of other runtimes may do so at the same time: every row
    is done once. A job that was cancelled is not begun again: `d1migrate up` does that.

    Args:
        database: as for `run_migrations`. An object may call it in an alarm; its size of a chunk follows from
            the time that storage takes.
        migrations: as for `run_migrations`.
        table: as for `run_migrations`.
        wrangler_table: as for `run_migrations`.
        allow_out_of_order: as for `run_migrations`.
        max_queries: how many batches this may send, 4 or more; reading the history takes up to three.
        max_seconds: after how many seconds it sends no other batch. It does not wait longer, either: if D1 is
            overloaded, the call ends, and the next one begins with a smaller chunk.
        budget: the most rows and index entries that a chunk may write; by default 50,000 on D1, and as many
            as the time allows in an object.
        by: the actor in the log.

    Returns:
        How the last job ended, "stopped" if chunks are left, "none" if there was nothing to run; with its row
        as it was last read.

    Raises:
        ApplyError: a chunk was refused, for example because of a constraint; the job stays open.
        AmbiguousError: the database did not respond, several times; the job stays open.
        ChecksumMismatch: the file was edited since its job began.
        HistoryError, SourceError, UsageError, DriverError: as `run_migrations`.
    """
    if max_queries < _FEWEST:
        raise UsageError(f"max_queries={max_queries}: a chunk takes {_FEWEST}")
    from d1migrate.migrate.jobs.flow import JobSettings
    from d1migrate.migrate.jobs.pace import NO_BUDGET, Pace
    from d1migrate.migrate.plan import plan_up
    from d1migrate.schema.cost import DEFAULT_BUDGET
    from d1migrate.workers import jobs

    found = _load(migrations)
    plan = partial(plan_up, found.migrations, allow_out_of_order=allow_out_of_order, accept_newer=True)
    new_stamp = partial(_stamp, by)
    choice = found.choice(table, wrangler_table)
    pace = Pace(budget=budget or (NO_BUDGET if _is_storage(database) else DEFAULT_BUDGET))
    settings = JobSettings(found.migrations, choice, plan, new_stamp, new_stamp, pace, again=False)
    driver = jobs.Committed(database) if _is_storage(database) else BindingDriver(database)
    return await jobs.run_within(settings, driver, max_queries=max_queries, max_seconds=max_seconds)


def run_migrations_sync(
    storage: Any,
    migrations: Migrations,
    *,
    to: int | str | None = None,
    table: str | None = None,
    allow_out_of_order: bool = False,
    max_migrations: int = 500,
    max_rows_written: int = 500_000,
    accept_newer: bool = True,
    by: str = "worker",
) -> Report:
    """Apply pending migrations in a Durable Object without waiting, for its `__init__`.

    It cannot look at the time, takes no bookmark, and commits nothing: what it applied is committed when the
    event next waits for something, or ends. With nothing to do, it is one query that reads two rows.

    Args:
        storage: the storage of a SQLite-backed object, `ctx.storage`.
        migrations: as for `run_migrations`.
        to: as for `run_migrations`.
        table: as for `run_migrations`.
        allow_out_of_order: as for `run_migrations`.
        max_migrations: how many migrations this may apply: an event has 30 seconds of CPU by default.
        max_rows_written: after how many written rows no other migration begins.
        accept_newer: as for `run_migrations`.
        by: as for `run_migrations`.

    Returns:
        As `run_migrations`.

    Raises:
        Unfinished: a limit was reached between two migrations; call it again in the next event.
        Error: as `run_migrations`.
    """
    from d1migrate.workers import objects

    limited = objects.LimitedStorage(storage, max_migrations, max_rows_written)
    found = _load(migrations)
    flow = partial(
        ensure.ensure,
        found.migrations,
        found.choice(table),
        to=_selector(to),
        allow_out_of_order=allow_out_of_order,
        accept_newer=accept_newer,
    )
    return objects.apply(flow, partial(_stamp, by), limited)


async def get_current(database: Any, *, table: str | None = None) -> str | None:
    """Return the name of the applied migration that comes last in wrangler's order; None if none is applied.

    Args:
        database: the D1 binding, `env.DB`; or the storage of an object, `ctx.storage`.
        table: as for `run_migrations`.

    Raises:
        HistoryError: the migrations table belongs to another tool, or is missing although the log exists.
        DriverError: the database cannot be read.
    """
    current = (await _read_history(database, table)).current
    return current.name if current else None


async def get_current_version(database: Any, *, table: str | None = None) -> int:
    """Return the number of the last applied migration whose name begins with one; 0 if there is none.

    The last one in wrangler's order, in which names without a number come after all others.

    Arguments and errors as `get_current`.
    """
    return (await _read_history(database, table)).current_version or 0


async def get_pending(database: Any, migrations: Migrations, *, table: str | None = None) -> tuple[str, ...]:
    """Return the names of migrations that are not applied; if there are none, the code can run.

    Usually one query. Newer migrations than those given, and edited files, do not matter here.

    Raises:
        PartiallyApplied: a migration began and did not finish.
        HistoryError, DriverError: as `get_current`.
        SourceError, UsageError: as `run_migrations`.
    """
    found = _load(migrations)
    flow = ensure.read_pending(found.migrations, found.choice(table))
    return await arun(flow, _driver(database))


async def get_history(database: Any, *, table: str | None = None) -> tuple[LogEntry, ...]:
    """Return the log, oldest first; arguments and errors as `get_current`."""
    from d1migrate.migrate.flows.read_log import read_log

    return await arun(read_log(_no_files(table)), _driver(database))


async def verify_schema(database: Any, migrations: Migrations, *, table: str | None = None) -> Verification:
    """Compare migrations with history, and the live schema with the digests in a generated index.

    Two queries, three if a history table is missing. Only an index has digests: for other migrations only the
    history is compared, and `not_compared` of the result gives the reason. The same applies if migrations
    were applied in another order than that of the files, and the schemas differ.

    Raises:
        HistoryError, DriverError: as `get_current`.
        SourceError, UsageError: as `run_migrations`.
    """
    from d1migrate.migrate.flows.verify import verify_by_digests

    found = _load(migrations)
    flow = verify_by_digests(found.migrations, found.choice(table), found.schemas)
    return await arun(flow, _driver(database))


async def _read_history(database: Any, table: str | None) -> History:
    from d1migrate.migrate.flows.read import read_history

    return await arun(read_history(_no_files(table)), _driver(database))


def _no_files(table: str | None) -> TableChoice:
    """Return how to choose the migrations table without files that suggest one."""
    return TableChoice(table, files=Suggestion(recording=None))


def _is_storage(database: Any) -> bool:
    """Whether it is the storage of an object, and not a D1 binding."""
    return hasattr(database, "transactionSync")


def _driver(database: Any) -> AsyncDriver:
    if not _is_storage(database):
        return BindingDriver(database)
    from d1migrate.workers.objects import AsyncStorage

    return AsyncStorage(database)


def _selector(to: int | str | None) -> int | str | None:
    if to is not None and not isinstance(to, (int, str)):
        raise UsageError(f"to={to!r} is not a migration", hint="expected a name, or a number")
    return to


def _stamp(by: str) -> Stamp:
    from d1migrate.project.actor import stamp

    return stamp(str(by or "worker"))  # a caller may pass what is not set


class _Loaded(NamedTuple):
    """The migrations, and what else an index has."""

    migrations: tuple[Migration, ...]
    shape: Shape | None = None
    schemas: Mapping[str, Mapping[str, str | None]] = {}

    def choice(self, table: str | None, wrangler_table: str | None = None) -> TableChoice:
        """Return how to choose the migrations table."""
        if self.shape is None:
            return _choose_table(self.migrations, table, wrangler_table)
        if self.shape == "versions":
            return TableChoice(table or VERSIONS, wrangler_table or WRANGLER)
        names = table or wrangler_table or WRANGLER
        return TableChoice(names, names)


@lru_cache(maxsize=8)
def _choose_table(
    migrations: tuple[Migration, ...], table: str | None, wrangler_table: str | None
) -> TableChoice:
    from d1migrate.migrate.file_suggestion import choose_table

    return choose_table(migrations, configured=table, wrangler=wrangler_table)


def _load(migrations: Migrations) -> _Loaded:
    """Return the migrations of the argument, and their digests."""
    if isinstance(migrations, ModuleType):
        if hasattr(migrations, "MIGRATIONS"):
            return _indexed(migrations)
        if not hasattr(migrations, "__path__"):
            raise UsageError(f"the module {migrations.__name__} has no MIGRATIONS", hint=_HINT)
        return _Loaded(_in_folder(next(iter(migrations.__path__))))
    if isinstance(migrations, (list, tuple)):
        if all(isinstance(item, Migration) for item in migrations):
            return _Loaded(source.ordered(migrations))
        return _Loaded(_parse(migrations))
    if not isinstance(migrations, (str, os.PathLike)):
        raise UsageError(f"no migrations: {type(migrations).__name__}", hint=_HINT)
    return _Loaded(_in_folder(migrations))


def _indexed(index: ModuleType) -> _Loaded:
    """Return what an index has."""
    shape = getattr(index, "TABLE", None)
    if shape not in ("versions", "names"):
        raise UsageError(
            f"{index.__name__} has no TABLE: which migrations table it is for is unknown",
            hint="an older d1migrate wrote it: run `d1migrate index`",
        )
    found = _some(_parse(index.MIGRATIONS, getattr(index, "ROLLBACKS", {})), index.__name__)
    return _Loaded(found, shape, getattr(index, "SCHEMAS", {}))


_HINT = "give the module that `d1migrate index` writes, a list of Migration, or a folder of .sql files"


def _in_folder(place: str | os.PathLike[str]) -> tuple[Migration, ...]:
    """Read a folder; equal files are parsed only once."""
    from d1migrate.workers.folder import path_of, read

    folder = path_of(place)
    return _some(_parse(*read(folder)), folder)


def _some(migrations: tuple[Migration, ...], place: str) -> tuple[Migration, ...]:
    """Refuse a place without migrations: a bundle that lost its files looks like one with nothing to do."""
    if not migrations:
        raise UsageError(f"{place} has no migrations", hint="check that the .sql files are in the bundle")
    return migrations


def _parse(files: Sequence[object], rollbacks: Mapping[str, str] | None = None) -> tuple[Migration, ...]:
    """Return migrations, with the rollbacks that are in files of their own, by file name."""
    try:
        return _parsed(tuple(map(tuple, files)), tuple((rollbacks or {}).items()))  # type: ignore[arg-type]
    except TypeError:  # not of pairs, or not of texts
        raise UsageError("MIGRATIONS are not pairs of file name and SQL", hint=_HINT) from None


@lru_cache(maxsize=8)
def _parsed(
    files: tuple[tuple[str, str], ...], rollbacks: tuple[tuple[str, str], ...]
) -> tuple[Migration, ...]:
    if not all(len(file) == 2 and all(isinstance(part, str) for part in file) for file in files):
        raise TypeError
    if not rollbacks:
        return source.load(files)
    from d1migrate.migrate.rollback_file import RollbackFile

    of = {name: RollbackFile(f"{source.ROLLBACKS}/{name}", text) for name, text in rollbacks}
    return tuple(
        migration.with_rollback_file(of[name]) if (name := f"{migration.name}.sql") in of else migration
        for migration in source.load(files)
    )


class _Invocation:
    """A driver that begins no transaction that the limits of a Worker's invocation could interrupt."""

    def __init__(self, driver: AsyncDriver, max_queries: int, max_seconds: float) -> None:
        self.url = driver.url
        self._driver, self._max_queries, self._max_seconds = driver, max_queries, max_seconds
        self._queries, self._slowest = 0, 0.0
        self._started = time.monotonic()

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it if the limits leave room for it and for one query that looks up a lost response."""
        began = time.monotonic()
        if not batch.reads:
            if self._queries + 2 > self._max_queries:
                raise Unfinished(QUERIES_USED.format(used=self._queries, most=self._max_queries))
            if began - self._started + self._slowest > self._max_seconds:
                raise Unfinished(SECONDS_USED.format(used=f"{self._max_seconds:g}"))
        self._queries += 1
        try:
            return await self._driver.batch(batch)
        finally:
            self._slowest = max(self._slowest, time.monotonic() - began)
