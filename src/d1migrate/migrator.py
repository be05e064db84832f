"""Migrator: the library's face. One method per command that reads or changes a database.

Methods are in the order of the command line's help. Each is a few lines over a flow of the core, or over
the function that the command uses; decisions belong there. Modules that one method needs are imported by it:
a `status` must not pay for what an `up` needs.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from functools import partial

from d1migrate.drivers.connect import connect
from d1migrate.drivers.protocol import Driver, local_file, unwatched
from d1migrate.drivers.run import run, run_paced
from d1migrate.errors import ApplyError
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.flows import read
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import compare
from d1migrate.migrate.table import VERSIONS
from d1migrate.project.files import load_migrations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Literal, Self

    from d1migrate.backup.dump import Dump
    from d1migrate.backup.load import Manifest
    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.backup.restore import RestorePreview, RestoreResult
    from d1migrate.drivers.protocol import Working
    from d1migrate.lint.check import Diagnostic
    from d1migrate.lint.platform import PlatformName, Target
    from d1migrate.migrate.adopt.flow import Adoption, Hints
    from d1migrate.migrate.deploy_phase import Compatibility, Phase
    from d1migrate.migrate.flows.baseline import LiveDatabase
    from d1migrate.migrate.flows.read_log import LogEntry
    from d1migrate.migrate.flows.repair import Correction
    from d1migrate.migrate.flows.report import Report
    from d1migrate.migrate.flows.tables import HistoryMove, TableSync
    from d1migrate.migrate.flows.up import Check
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.history import AppliedMigration, History
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.pace import Pace
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.migrate.log import Stamp
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.rehearse import Rehearsal, Rehearsed
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow, T


class Migrator:
    """Migrations and a database. As a context manager, it closes the database at the end.

    Args:
        database: a driver from `connect`, or its url.
        migrations: a folder, or what `load_migrations` returned.
        allow_out_of_order: whether `up` also applies migrations that come before an applied one.
        severities: {code of a lint rule, or its letter: "error", "warning", "info" or "off"}.
        strict: whether lint warnings stop `up` too.
        restore_points: whether `up` and `down` take a restore point before they write: a copy of a local
            file, the bookmark of a remote D1. A string is the folder for the copies; True means `.d1migrate`
            next to the file.
        table: the name of the migrations table; without it, that of the database is found.
        wrangler_table: the name of wrangler's table, if wrangler's configuration has the database: without a
            history, that table is used unless the files record themselves.
        accept_newer: whether `up` has nothing to do if the database is newer than the migrations: all of them
            are applied, unedited, and what is applied besides comes after the last one.
        budget: the most entries (rows and index entries) that one batch may write; by default 50,000 on D1,
            and any number in a file.
        by: the name to log; by default D1MIGRATE_BY, the actor of the CI job, or the user's name.
    """

    def __init__(
        self,
        database: Driver | str,
        migrations: str | os.PathLike[str] | Sequence[Migration] = "migrations",
        *,
        allow_out_of_order: bool = False,
        severities: Mapping[str, str] | None = None,
        strict: bool = False,
        restore_points: bool | str = False,
        table: str | None = None,
        wrangler_table: str | None = None,
        accept_newer: bool = False,
        budget: int | None = None,
        by: str | None = None,
    ) -> None:
        self._driver = self._watched = connect(database) if isinstance(database, str) else database
        if isinstance(migrations, (str, os.PathLike)):
            migrations = load_migrations(os.fspath(migrations))
        self.migrations: tuple[Migration, ...] = tuple(migrations)
        self.choice = choose_table(self.migrations, configured=table, wrangler=wrangler_table)
        self._allow_out_of_order, self._accept_newer = allow_out_of_order, accept_newer
        self._severities, self._strict, self._by = severities, strict, by
        self._budget = budget
        self._working: Working = unwatched
        self._takes_restore_points = bool(restore_points)
        self._folder = restore_points if isinstance(restore_points, str) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._driver.close()

    @property
    def driver(self) -> Driver:
        """The database."""
        return self._driver

    @property
    def entries_per_batch(self) -> int | None:
        """The most entries that one batch may write; None for any number, in a file."""
        if self._budget is not None or self._driver.capabilities.file is not None:
            return self._budget
        from d1migrate.schema.cost import DEFAULT_BUDGET

        return DEFAULT_BUDGET

    def watched(self, watch: Callable[[Driver], Driver], working: Working = unwatched) -> Self:
        """Return this migrator with a driver around its own, e.g. one that reports every batch.

        Args:
            watch: takes the database and returns the driver to send batches to. Backups and restore points
                do not pass through it.
            working: takes what is being done besides, and returns the context to do it in.
        """
        from copy import copy

        twin = copy(self)
        twin._watched, twin._working = watch(self._driver), working
        return twin

    # --- apply and roll back ---

    def up(
        self,
        *,
        to: Selector | None = None,
        single_transaction: bool = False,
        phase: Phase | None = None,
        lint: bool = True,
        warn: Callable[[Sequence[Diagnostic]], None] | None = None,
        check: Check | None = None,
        wait: bool = True,
        run_job: Callable[[Mapping[str, object]], JobReport] | None = None,
    ) -> Report:
        """Apply what is pending, each migration exactly once, whole or not at all.

        Args:
            to: the last migration to apply; all without it.
            single_transaction: apply all of them in one transaction.
            phase: apply only migrations for "before", or only those for "after" the deploy of the code.
            lint: whether lint errors stop the run; if not, the log says that it was not linted.
            warn: gets the linter's warnings, if there are any, before anything runs.
            check: gets the plan before anything runs, and may raise; the mapping it returns is logged as
                JSON. If another run intervenes, `check` gets the new plan too, and `warn` its warnings.
            wait: whether to run the jobs of migrations whose tables are too large for one batch. Otherwise
                the run ends before the first of them.
            run_job: runs such a job, with the notes that `run_job` logs; by default `self.run_job` does,
                without limits. If it returns before the job has ended, so does the run.

        Returns:
            The steps taken, what another run applied meanwhile, and what is wrong with the database now.

        Raises:
            ApplyError: a migration failed. Nothing of it was applied; those before it were.
            HistoryError: files and database disagree; the subclass says how. Nothing was run.
            PlanError: the phase of a migration is unclear, or the other phase has to run first. Nothing was
                run.
            SourceError: a file cannot be parsed. Nothing was run.
            UnsafeMigration: the linter found errors. Nothing was run.
            UsageError: there is no migration `to`, or there are several.
        """
        notes: Mapping[str, object] = {}

        def noting(plan: Plan) -> Mapping[str, object]:
            nonlocal notes
            found = check(plan) if check else {}
            notes = found if lint else {"lint": False, **found}
            return found

        run = partial(self._up, to=to, single=single_transaction, phase=phase, lint=lint, warn=warn)
        report = run(check=noting)
        while wait and report.waiting_for:
            try:
                job = run_job(notes) if run_job else self.run_job(notes=notes)
            except ApplyError as error:
                error.applied = (*(step.name for step in report.steps), *error.applied)
                raise
            if job.end not in ("done", "elsewhere"):
                return report._replace(job=job)
            report = report.followed_by(job, run(check=noting))
        return report

    def _up(
        self,
        *,
        to: Selector | None,
        single: bool,
        phase: Phase | None,
        lint: bool,
        warn: Callable[[Sequence[Diagnostic]], None] | None,
        check: Check | None,
    ) -> Report:
        """Apply what is pending, up to a migration that needs a job."""
        from d1migrate.migrate.flows import up

        flow = up.up(
            self.migrations,
            self.choice,
            self._stamps(),
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            single=single,
            phase=phase,
            accept_newer=self._accept_newer,
            lint=partial(self._refuse_unsafe, warn) if lint else None,
            check=check,
            find_broken=_broken_objects,
        )
        return self._run(flow)

    def down(
        self,
        *,
        to: Selector | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
        check: Check | None = None,
    ) -> Report:
        """Roll migrations back, newest first, by their rollback blocks; one transaction each.

        Args:
            to: roll back every migration after this one; all for "none", and for 0 if no migration has it.
            steps: roll back this many, which must be applied; 1 without either.
            rollback_from: which SQL to run if the file's block and the recorded one differ.
            allow_loss: tables that may lose rows, columns (`table.column`) that may lose values, or "all".
            check: as for `up`.

        Raises:
            Irreversible: migrations have no rollback; the error names all of them. Nothing was run.
            DataLoss: rows or values would be lost; the error has the counts. Nothing was run.
            PlanError: file and log differ, or wrangler applied the file, and `rollback_from` is not given.
            HistoryError, SourceError, UsageError: as `up`.
            ApplyError: a step failed. Nothing of it happened; those before it did.
        """
        from d1migrate.migrate.flows import down

        todo = self.plan_down(to=to, steps=steps, rollback_from=rollback_from, allow_loss=allow_loss)
        notes = check(todo) if check else None
        return self._run(down.down(todo, self._stamps(), notes))

    # --- jobs ---

    def run_job(
        self,
        *,
        may_continue: Callable[[int], bool] | None = None,
        watch: Callable[[Job], None] | None = None,
        again: bool = True,
        notes: Mapping[str, object] = {},
        sleep: Callable[[float], None] = time.sleep,
    ) -> JobReport:
        """Continue the open job, or begin that of the next pending migration, until it has ended.

        Args:
            may_continue: asked before every chunk with the number of batches sent so far; if it returns
                False, the run stops between two chunks, and an error that it raises ends the run.
            watch: gets the job when it was read, and after every chunk.
            again: whether to begin a job that was cancelled.
            notes: what to log at the start of a job, such as why a gate was overridden.
            sleep: waits for a number of seconds, between chunks.

        Raises:
            ApplyError: a chunk was refused, for example because of a constraint. The job stays open.
            AmbiguousError: the database did not respond for too long. The job stays open.
            ChecksumMismatch: the file was edited since the job began.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.migrate.jobs.flow import JobSettings, run_job

        settings = JobSettings(
            self.migrations,
            self.choice,
            self._plan_from,
            self._new_stamp,
            self._stamps(),
            self._pace(),
            again,
            notes,
        )
        return run_paced(run_job(settings, may_continue=may_continue, watch=watch), self._watched, sleep)

    def pause_job(self, *, reason: str | None = None) -> Job:
        """Pause the open job, so that no runner sends a chunk; return it.

        Raises:
            HistoryError: no job is open.
        """
        from d1migrate.migrate.jobs.flow import set_paused

        return self._run(set_paused(self.choice, self._new_stamp, paused=True, reason=reason))

    def resume_job(self, *, reason: str | None = None) -> Job:
        """Let the open job continue; return it. The next `up` or `run_job` does so.

        Raises:
            HistoryError: no job is open.
        """
        from d1migrate.migrate.jobs.flow import set_paused

        return self._run(set_paused(self.choice, self._new_stamp, paused=False, reason=reason))

    def cancel_job(self, *, reason: str | None = None) -> Job:
        """Cancel the open job; return it as it was.

        What a batch has done stays. An online rebuild leaves its table as it was.

        Raises:
            HistoryError: no job is open, or an online rebuild has replaced its table already.
        """
        from d1migrate.migrate.jobs.flow import cancel_job

        return self._run(cancel_job(self.choice, self._new_stamp, reason=reason))

    # --- read ---

    def status(self) -> tuple[Entry, ...]:
        """Compare files and database, one Entry per migration. Writes nothing.

        Raises:
            HistoryError: the migrations table is another tool's.
            DriverError: the database cannot be read; it is never taken for an empty one.
        """
        return self._run(read.status(self.migrations, self.choice))

    def history(self) -> tuple[LogEntry, ...]:
        """Return all that happened to the database, oldest first. Writes nothing; errors as `status`."""
        from d1migrate.migrate.flows.read_log import read_log

        return self._run(read_log(self.choice))

    def current(self) -> AppliedMigration | None:
        """Return the applied migration that comes last in wrangler's order; None if none is applied.

        Writes nothing; errors as `status`.
        """
        return self._run(read.read_current(self.choice))

    def plan(
        self, *, to: Selector | None = None, single_transaction: bool = False, phase: Phase | None = None
    ) -> Plan:
        """Plan an `up` without running it; arguments and errors as `up`. Writes nothing."""
        from d1migrate.migrate.flows import up

        flow = up.plan(
            self.migrations,
            self.choice,
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            single=single_transaction,
            phase=phase,
            accept_newer=self._accept_newer,
        )
        return self._run(flow)

    def plan_down(
        self,
        *,
        to: Selector | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
    ) -> Plan:
        """Plan a `down` without running it; arguments and errors as `down`. Writes nothing."""
        from d1migrate.migrate.flows import down

        return self._run(
            down.choose(
                self.migrations,
                self.choice,
                to=to,
                steps=steps,
                prefer=rollback_from,
                allow_loss=allow_loss,
            )
        )

    def verify(self) -> Verification:
        """Compare files with history, and the live schema with what the applied files build.

        Writes nothing; errors as `status`.
        """
        from d1migrate.lint.replay.replayer import schema_of
        from d1migrate.migrate.flows.verify import verify

        return self._run(verify(self.migrations, self.choice, schema_of, _broken_objects))

    def schema(self) -> Schema:
        """Read the live schema, without history tables and what SQLite and D1 keep for themselves."""
        return self._run(read.read_schema(self.choice))

    def gate(self, newest: Selector) -> Compatibility:
        """Return whether code can run on the database. Writes nothing; errors as `status`.

        Args:
            newest: the newest migration that the code was written with; "none" for code without any, or 0
                if no migration has it.

        Raises:
            UsageError: there is no such migration, or there are several.
        """
        from d1migrate.migrate.deploy_phase import compatibility

        return compatibility(self.status(), newest)

    # --- check before running ---

    def lint(self, *, platform: PlatformName = "d1", target: Target | None = None) -> tuple[Diagnostic, ...]:
        """Check pending migrations against the live schema. Writes nothing; errors as `status`.

        `d1migrate.lint.runner.lint` checks files without a database.

        Args:
            platform: where they are to run: "d1", or "durable-object".
            target: how many rows the tables have, and what one batch may write; by default, a D1 is asked.

        Returns:
            The findings. Suppressed findings are included, with their reason.
        """
        from d1migrate.lint.platform import PLATFORMS
        from d1migrate.lint.runner import lint

        history, schema = self._run(read.read_history_and_schema(self.choice))
        entries = compare(self.migrations, history)
        todo = [e.migration for e in entries if e.migration and e.is_pending]
        earlier = [e.migration for e in entries if e.migration and e.applied]
        return lint(
            todo,
            schema,
            earlier=earlier,
            severities=self._severities,
            table=history.table,
            platform=PLATFORMS[platform],
            target=target or self.target(todo, schema),
        )

    def target(self, pending: Sequence[Migration], schema: Schema) -> Target | None:
        """Return how many rows a D1 has in the tables of pending migrations; None for a file.

        It is one request, and none if the files go through no table. Rows are counted up to four times the
        budget, as a count costs time, too.

        Args:
            pending: the migrations.
            schema: the schema before them.
        """
        if (budget := self.entries_per_batch) is None:
            return None
        from d1migrate.lint.platform import Target
        from d1migrate.migrate.flows.row_counts import count_rows

        most = 4 * budget
        return Target(self._run(count_rows(pending, schema, most)), budget, most)

    def rehearse(
        self,
        *,
        to: Selector | None = None,
        rows: int = 50,
        data: str | None = None,
        scale: Mapping[str, int] | None = None,
        platform: PlatformName = "d1",
        budget: int | None = None,
        watch: Callable[[Rehearsed], None] | None = None,
    ) -> Rehearsal:
        """Run pending migrations on a scratch database with rows in every table, and report what happens.

        Reads history and schema of the target, or of `data`; writes nothing.

        Args:
            to: the last migration to rehearse; all that is pending without it.
            rows: how many generated rows to give each table; none with `data`.
            data: a SQLite file or a D1 export, used as it is, empty tables included; "" for the target's own
                rows, if it is a local file.
            scale: {table: rows it has in production}, to estimate the cost there.
            platform: where they are to run, as for `lint`.
            budget: the most entries that one batch may write in production; by default, in this database.
            watch: called with the result of every migration.

        Raises:
            UsageError: there is no migration `to`, the data cannot be read, or `scale` names no table.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.drivers.sqlite import SqliteDriver
        from d1migrate.lint.platform import PLATFORMS
        from d1migrate.migrate.jobs.flow import cancel_job
        from d1migrate.rehearse import ScratchDatabase, rehearse

        def run_on(start: Schema | ScratchDatabase, history: History) -> Rehearsal:
            # As if no job were open: its migration is rehearsed first.
            pending, severities = self._pending(history._replace(job=None), to), self._severities
            return rehearse(
                pending,
                start,
                rows=rows,
                scale=scale,
                severities=severities,
                table=history.table,
                platform=PLATFORMS[platform],
                budget=self.entries_per_batch if budget is None else budget,
                watch=watch,
            )

        if data is None:
            history, start = self._run(read.read_history_and_schema(self.choice))
            return run_on(start, history)
        with closing(ScratchDatabase.of(data or local_file(self._driver))) as base:
            with closing(SqliteDriver(base.path, url=f"sqlite:{base.path}")) as copy:
                history = run(read.read_history(self.choice), copy)
                if history.job and not history.job.is_recorded:
                    run(cancel_job(self.choice, self._new_stamp), copy)
            return run_on(base, history)

    # --- record what a database already has ---

    def plan_adopt(self, hints: Hints | None = None) -> Adoption:
        """Find out which files a database has, from its objects and other tools' histories. Writes nothing.

        Args:
            hints: what the user knows in addition.

        Raises:
            UsageError: `hints` decides a migration that is not undecided.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.lint.replay.footprints import footprints
        from d1migrate.lint.replay.replayer import schema_of
        from d1migrate.migrate.adopt import flow

        found = footprints(self.migrations, self.choice.guess)
        return self._run(flow.plan(found, hints or flow.Hints(), self.choice, schema_of))

    def adopt(self, found: Adoption) -> tuple[Migration, ...]:
        """Record what `plan_adopt` found to be applied, running nothing; return what was recorded.

        Raises:
            HistoryError: a file is undecided; there are only checksums to record, and the schema is not what
                the files build; or the database changed since. Nothing was recorded.
            SourceError: the migrations table holds versions, and a file has none, or that of another file.
        """
        from d1migrate.migrate.adopt import flow

        return self._run(flow.adopt(found, self._new_stamp))

    def baseline(self, *, to: Selector) -> tuple[Migration, ...]:
        """Record every file up to `to` as applied, running nothing; return what was recorded.

        Raises:
            UsageError: there is no such file, or there are several.
            SourceError: the table of versions cannot hold a file.
            HistoryError: another run changed the history meanwhile, or a file is applied under another name.
                Nothing was recorded.
        """
        from d1migrate.migrate.flows import baseline

        return self._run(baseline.baseline(self.migrations, self.choice, self._new_stamp, to=to))

    def plan_baseline(self, name: str, description: str, *, date: str) -> tuple[LiveDatabase, Migration]:
        """Draft the file that builds what a database holds, and prove that it does. Writes nothing.

        Args:
            name: the name of the file, with .sql; its number is below that of every other file.
            description: a few words.
            date: today's, as YYYY-MM-DD.

        Returns:
            The database as it was read, and the migration, for `record_baseline`.

        Raises:
            HistoryError: migrations are already recorded, or D1 does not build the same schema from that
                file.
        """
        from d1migrate.lint.replay.replayer import schema_of
        from d1migrate.migrate.adopt.initial import first_migration, refuse_differences
        from d1migrate.migrate.flows import baseline

        database = self._run(baseline.read_empty_history(self.choice))
        migration = first_migration(
            database.schema,
            name,
            description,
            date=date,
            records=database.history.table.name == VERSIONS,
        )
        refuse_differences(database.schema, schema_of([migration], database.history.table))
        return database, migration

    def record_baseline(self, database: LiveDatabase, migration: Migration) -> None:
        """Record what `plan_baseline` drafted as applied, once it is a file.

        Args:
            database: the database as it was read.
            migration: a file that was written for it.

        Raises:
            HistoryError: the database changed since. Nothing was recorded.
        """
        from d1migrate.migrate.flows import baseline

        self._run(baseline.record_written(database, migration, self._new_stamp))

    # --- correct the recorded history by hand: `repair` ---

    def plan_accept(self, migration: Selector) -> Correction:
        """Decide to record a file as it is now: edited since it was applied, or finished by hand.

        Writes nothing, as `plan_rename` and `plan_forget`; `correct` records what they decide.

        Raises:
            UsageError: there is no such migration, or nothing about it disagrees with the database.
            SourceError: it cannot be read, or the table of versions cannot hold it.
        """
        from d1migrate.migrate.flows import repair

        return self._run(repair.plan_accept(self.migrations, self.choice, migration))

    def plan_rename(self, old: Selector, new: Selector) -> Correction:
        """Decide to record an applied migration under the name that its file has now.

        Raises:
            UsageError: no applied migration without a file is `old`, or no other file is `new`.
            HistoryError: the file has another content than was applied.
            SourceError: the table of versions cannot hold the new name.
        """
        from d1migrate.migrate.flows import repair

        return self._run(repair.plan_rename(self.migrations, self.choice, old, new))

    def plan_forget(self, migration: Selector) -> Correction:
        """Decide to remove the record of a migration whose file was removed on purpose.

        Raises:
            UsageError: it is neither missing its file nor partially applied.
        """
        from d1migrate.migrate.flows import repair

        return self._run(repair.plan_forget(self.migrations, self.choice, migration))

    def correct(self, found: Correction, *, reason: str) -> Entry:
        """Record what `plan_accept`, `plan_rename` or `plan_forget` decided; return the migration.

        Raises:
            HistoryError: another run changed the history since. Nothing was recorded.
        """
        from d1migrate.migrate.flows import repair

        return self._run(repair.correct(found, self._new_stamp, reason=reason))

    def accept(self, migration: Selector, *, reason: str) -> Entry:
        """Record a file as it is now; errors as `plan_accept` and `correct`."""
        return self.correct(self.plan_accept(migration), reason=reason)

    def rename(self, old: Selector, new: Selector, *, reason: str) -> Entry:
        """Record a migration under its new name; errors as `plan_rename` and `correct`."""
        return self.correct(self.plan_rename(old, new), reason=reason)

    def forget(self, migration: Selector, *, reason: str) -> Entry:
        """Remove the record of a migration; errors as `plan_forget` and `correct`."""
        return self.correct(self.plan_forget(migration), reason=reason)

    def plan_sync_tables(self) -> TableSync:
        """Find out what only one of two migrations tables records. Writes nothing.

        Raises:
            UsageError: there is one table only.
            HistoryError: a migration cannot be recorded in the other table; or as `status`.
        """
        from d1migrate.migrate.flows import tables

        return self._run(tables.plan_sync(self.migrations, self.choice))

    def sync_tables(self, found: TableSync, *, reason: str) -> None:
        """Record in each of two migrations tables what only the other one does.

        Raises:
            HistoryError: the history changed since `plan_sync_tables`. Nothing was recorded.
        """
        from d1migrate.migrate.flows import tables

        self._run(tables.sync(found, self._new_stamp, reason=reason))

    def plan_move_history(self) -> HistoryMove:
        """Find out how to move the history to the table to use. Writes nothing.

        Raises:
            UsageError: the other table has no rows.
            HistoryError: the files record themselves in the other table; a migration cannot be recorded in
                the table to use, or it is unclear as what; or as `status`.
        """
        from d1migrate.migrate.flows import tables

        return self._run(tables.plan_move(self.migrations, self.choice))

    def move_history(self, found: HistoryMove, *, reason: str) -> None:
        """Move the history to the table to use.

        Raises:
            HistoryError: the history changed since `plan_move_history`. Nothing was moved.
        """
        from d1migrate.migrate.flows import tables

        self._run(tables.move(found, self._new_stamp, reason=reason))

    # --- back up and restore ---

    def backup(self, path: str, *, watch: Callable[[int, int], None] | None = None) -> Dump:
        """Write a dump that can be restored, whole or not at all; errors as `backup.dump.write`.

        Args:
            path: the file.
            watch: called from time to time with (rows written, rows in all).
        """
        from d1migrate.backup import dump

        return dump.write(self._driver, path, choice=self.choice, watch=watch)

    def restore_file(self, path: str) -> Manifest:
        """Load a dump into the database, which must be empty; errors as `backup.load.restore`."""
        from d1migrate.backup import load

        return load.restore(path, self._watched, self.choice, self._new_stamp)

    def restore_points(self) -> list[RestorePoint]:
        """Return the restore points, oldest first: copies of a local file, or bookmarks of a remote D1."""
        from d1migrate.backup import restore_points

        return restore_points.listed(self._driver, self.choice, self._folder)

    def plan_restore(self, to: str) -> RestorePreview:
        """Return what a `restore` would change; argument and errors as `restore`. Writes nothing."""
        from d1migrate.backup import restore_points

        return restore_points.preview(self._driver, self.choice, to, self._folder)

    def plan_restore_before(self, name: str) -> RestorePreview | None:
        """Return what a `restore` to the newest point from before a migration would change. Writes nothing.

        Returns:
            None if there is no such point. Errors as `restore`.
        """
        from d1migrate.backup import restore_points

        return restore_points.preview_before(self._driver, self.choice, name, self._folder)

    def restore(
        self, to: str | RestorePoint, *, began: Callable[[RestorePoint], None] | None = None
    ) -> RestoreResult:
        """Return the database to a restore point. A new point is taken first, to undo the restore.

        Args:
            to: the name of a point, a migration for the newest point at which it was the last one, or a
                time; or the point that `plan_restore` found.
            began: called with the point that undoes the restore, before anything is done.

        Raises:
            UsageError: there is no such point.
            UnavailableError: the file is busy, or was written to meanwhile. Nothing was done.
        """
        from d1migrate.backup import restore_points

        return restore_points.restore_to(
            self._driver, self.choice, to, self._new_stamp, folder=self._folder, began=began
        )

    # --- what the methods share ---

    def _run(self, flow: Flow[T]) -> T:
        return run(flow, self._watched)

    def _refuse_unsafe(
        self,
        warn: Callable[[Sequence[Diagnostic]], None] | None,
        migrations: Sequence[Migration],
        schema: Schema,
        table: MigrationsTable,
    ) -> Schema:
        from d1migrate.lint.runner import refuse_errors

        with self._working("checking the pending migrations"):
            built, warnings = refuse_errors(migrations, schema, table, self._severities, strict=self._strict)
        if warn and warnings:
            warn(warnings)
        return built

    def _pending(self, history: History, to: Selector | None) -> list[Migration]:
        """Return what an `up` would apply to a database; errors as `plan`."""
        steps = self._plan_from(history, to).steps
        return [step.script for step in steps if isinstance(step.script, Migration)]

    def _plan_from(self, history: History, to: Selector | None = None) -> Plan:
        """Return what an `up` would do to a database; errors as `plan`."""
        from d1migrate.migrate.plan import plan_up

        return plan_up(
            self.migrations,
            history,
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            accept_newer=self._accept_newer,
        )

    def _pace(self) -> Pace:
        from d1migrate.migrate.jobs.pace import Pace

        return Pace.of(self._budget, is_file=self._driver.capabilities.file is not None)

    def _new_stamp(self) -> Stamp:
        from d1migrate.project import actor

        # Looked up only when something is written, and once: it costs 0.05 ms of each of many migrations.
        self._by = self._by or actor.current_actor()
        return actor.stamp(self._by)

    def _stamps(self) -> Callable[[], Stamp]:
        """Return what makes stamps; with restore points, it takes one before the first stamp."""
        if not self._takes_restore_points:
            return self._new_stamp
        from d1migrate.backup.before_run import before_first_stamp

        return before_first_stamp(self._driver, self.choice, self._folder, self._new_stamp, self._working)


def _broken_objects(schema: Schema, table: MigrationsTable) -> Sequence[tuple[str, str, str]]:
    """Return what does not compile; the replay is imported only by a run that has something to do."""
    from d1migrate.lint.replay.replayer import broken_objects

    return broken_objects(schema, table)
