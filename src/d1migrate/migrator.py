"""Migrator: the library's face. One method per command that reads or changes a database.

Methods are in the order of the command line's help. Each is a few lines over a flow of the core, or over
the function that the command uses; decisions belong there. Modules that one method needs are imported by it:
a `status` must not pay for what an `up` needs.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Literal, Self

from d1migrate.drivers.connect import connect
from d1migrate.drivers.protocol import Driver, local_file
from d1migrate.drivers.run import run
from d1migrate.migrate.flows import read
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import compare
from d1migrate.project.files import load_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from d1migrate.backup.dump import Dump
    from d1migrate.backup.load import Manifest
    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.backup.restore import RestorePreview, RestoreResult
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.adopt.flow import Adoption, Hints
    from d1migrate.migrate.deploy_phase import Compatibility, Phase
    from d1migrate.migrate.flows.baseline import LiveDatabase
    from d1migrate.migrate.flows.read import LogEntry
    from d1migrate.migrate.flows.steps import Report
    from d1migrate.migrate.flows.up import Check
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrate.history import History, Stamp
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.rehearse import Rehearsal, Rehearsed
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow, T


class Migrator:
    """Migrations and a database. As a context manager, it closes the database at the end.

    Args:
        database: a driver from `connect`, or its url.
        migrations: a folder, or what `load_migrations` returned.
        allow_out_of_order: whether `up` also applies migrations below the newest applied version.
        severities: {code of a lint rule, or its letter: "error", "warning", "info" or "off"}.
        strict: whether lint warnings stop `up` too.
        restore_points: whether `up` and `down` take a restore point before they write: a copy of a local
            file, the bookmark of a remote D1. A string is the folder for the copies; True means `.d1migrate`
            next to the file.
        mirror: wrangler's migrations table, usually `d1_migrations`, to keep in step.
        who: the name to log; by default D1MIGRATE_BY, the actor of the CI job, or the user's name.
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
        mirror: str | None = None,
        who: str | None = None,
    ) -> None:
        self._driver = self._watched = connect(database) if isinstance(database, str) else database
        if isinstance(migrations, (str, os.PathLike)):
            migrations = load_migrations(os.fspath(migrations))
        self.migrations: tuple[Migration, ...] = tuple(migrations)
        self._mirror = _mirror(mirror, self.migrations) if mirror else None
        self._allow_out_of_order, self._severities = allow_out_of_order, severities
        self._strict, self._who = strict, who
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

    def watched(self, watch: Callable[[Driver], Driver]) -> Self:
        """Return this migrator with a driver around its own, e.g. one that reports every batch.

        Args:
            watch: takes the database and returns the driver to send batches to. Backups and restore points
                do not pass through it.
        """
        from copy import copy

        twin = copy(self)
        twin._watched = watch(self._driver)
        return twin

    # --- apply and roll back ---

    def up(
        self,
        *,
        to: int | None = None,
        single_transaction: bool = False,
        phase: Phase | None = None,
        lint: bool = True,
        check: Check | None = None,
    ) -> Report:
        """Apply what is pending, each migration exactly once, whole or not at all.

        Args:
            to: the last version to apply; all without it.
            single_transaction: apply all of them in one transaction.
            phase: apply only migrations for "before", or only those for "after" the deploy of the code.
            lint: whether lint errors stop the run; if not, the log says that it was not linted.
            check: gets the plan before anything runs, and may raise; the mapping it returns is logged as
                JSON. If another run intervenes, `check` gets the new plan too.

        Returns:
            The steps taken, what another run applied meanwhile, and what is wrong with the database now.

        Raises:
            ApplyError: a migration failed. Nothing of it was applied; those before it were.
            HistoryError: files and database disagree; the subclass says how. Nothing was run.
            PlanError: the phase of a migration is unclear, or the other phase has to run first. Nothing was
                run.
            SourceError: a file cannot be parsed. Nothing was run.
            UnsafeMigration: the linter found errors. Nothing was run.
            UsageError: there is no version `to`.
        """
        from d1migrate.lint.replay.replayer import broken_objects
        from d1migrate.migrate.flows import up

        flow = up.up(
            self.migrations,
            self._stamps(),
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            single=single_transaction,
            phase=phase,
            lint=self._refuse_unsafe if lint else None,
            check=check,
            mirror=self._mirror,
            find_broken=broken_objects,
        )
        return self._run(flow)

    def down(
        self,
        *,
        to: int | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
        check: Check | None = None,
    ) -> Report:
        """Roll migrations back, newest first, by their rollback blocks; one transaction each.

        Args:
            to: roll back every version above this one; 0 for all.
            steps: roll back this many; 1 without either.
            rollback_from: which SQL to run if the file's block and the recorded one differ.
            allow_loss: tables that may lose rows, or "all".
            check: as for `up`.

        Raises:
            Irreversible: versions have no rollback; the error names all of them. Nothing was run.
            DataLoss: tables would lose rows; the error has the counts. Nothing was run.
            PlanError: file and log differ. HistoryError, SourceError, UsageError: as `up`.
            ApplyError: a step failed. Nothing of it happened; those before it did.
        """
        from d1migrate.migrate.flows import down

        todo = self.plan_down(to=to, steps=steps, rollback_from=rollback_from, allow_loss=allow_loss)
        notes = check(todo) if check else None
        return self._run(down.down(todo, self._stamps(), notes, self._mirror))

    # --- read ---

    def status(self) -> tuple[Entry, ...]:
        """Compare files and database, one Entry per version. Writes nothing.

        Raises:
            HistoryError: the migrations table is another tool's.
            DriverError: the database cannot be read; it is never taken for an empty one.
        """
        return self._run(read.status(self.migrations))

    def history(self) -> tuple[LogEntry, ...]:
        """Return all that happened to the database, oldest first. Writes nothing; errors as `status`."""
        return self._run(read.read_log())

    def current(self) -> int:
        """Return the highest applied version, or 0. Writes nothing; errors as `status`."""
        return self._run(read.read_current())

    def plan(
        self, *, to: int | None = None, single_transaction: bool = False, phase: Phase | None = None
    ) -> Plan:
        """Plan an `up` without running it; arguments and errors as `up`. Writes nothing."""
        from d1migrate.migrate.flows import up

        flow = up.plan(
            self.migrations,
            to=to,
            allow_out_of_order=self._allow_out_of_order,
            single=single_transaction,
            phase=phase,
        )
        return self._run(flow)

    def plan_down(
        self,
        *,
        to: int | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
    ) -> Plan:
        """Plan a `down` without running it; arguments and errors as `down`. Writes nothing."""
        from d1migrate.migrate.flows import down

        return self._run(
            down.choose(self.migrations, to=to, steps=steps, prefer=rollback_from, allow_loss=allow_loss)
        )

    def verify(self) -> Verification:
        """Compare files with history, and the live schema with what the applied files build.

        Writes nothing; errors as `status`.
        """
        from d1migrate.lint.replay.replayer import broken_objects, schema_of
        from d1migrate.migrate.flows.verify import verify

        return self._run(verify(self.migrations, schema_of, broken_objects, self._mirror))

    def schema(self) -> Schema:
        """Read the live schema, without history tables and what SQLite and D1 keep for themselves."""
        return self._run(read.read_schema())

    def gate(self, code_version: int) -> Compatibility:
        """Return whether code can run on the database. Writes nothing; errors as `status`.

        Args:
            code_version: the newest migration that the code was written with; 0 for code without any.

        Raises:
            UsageError: there is no migration of that version.
            PlanError, SourceError: a file declares the wrong phase, or cannot be parsed.
        """
        from d1migrate.migrate.deploy_phase import compatibility

        return compatibility(self.status(), code_version)

    # --- check before running ---

    def lint(self) -> tuple[Diagnostic, ...]:
        """Check pending migrations against the live schema. Writes nothing; errors as `status`.

        `d1migrate.lint.runner.lint` checks files without a database.

        Returns:
            The findings. Suppressed findings are included, with their reason.
        """
        from d1migrate.lint.runner import lint

        history, schema = self._run(read.read_history_and_schema())
        entries = compare(self.migrations, history)
        todo = [e.migration for e in entries if e.migration and e.state in ("pending", "out_of_order")]
        earlier = [e.migration for e in entries if e.migration and e.applied]
        return lint(todo, schema, earlier=earlier, severities=self._severities)

    def rehearse(
        self,
        *,
        to: int | None = None,
        rows: int = 50,
        data: str | None = None,
        scale: Mapping[str, int] | None = None,
        watch: Callable[[Rehearsed], None] | None = None,
    ) -> Rehearsal:
        """Run pending migrations on a scratch database with rows in every table, and report what happens.

        Reads history and schema of the target, or of `data`; writes nothing.

        Args:
            to: the last version to rehearse; all that is pending without it.
            rows: how many generated rows to give each table; none with `data`.
            data: a SQLite file or a D1 export, used as it is, empty tables included; "" for the target's own
                rows, if it is a local file.
            scale: {table: rows it has in the target}, to estimate the cost there.
            watch: called with the result of every migration.

        Raises:
            UsageError: there is no version `to`, the data cannot be read, or `scale` names an unknown table.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.rehearse import ScratchDatabase, rehearse

        if data is None:
            history, start = self._run(read.read_history_and_schema())
            pending = self._pending(history, to)
            return rehearse(pending, start, rows=rows, scale=scale, severities=self._severities, watch=watch)
        with closing(ScratchDatabase.of(data or local_file(self._driver))) as base:
            with closing(connect(f"sqlite:{base.path}")) as copy:
                pending = self._pending(run(read.read_history(), copy), to)
            return rehearse(pending, base, rows=rows, scale=scale, severities=self._severities, watch=watch)

    # --- record what a database already has ---

    def plan_adopt(self, hints: Hints | None = None) -> Adoption:
        """Find out which files a database has, from its objects and other tools' histories. Writes nothing.

        Args:
            hints: what the user knows in addition.

        Raises:
            UsageError: `hints` decides a version that is not undecided.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.lint.replay.footprints import footprints
        from d1migrate.migrate.adopt import flow

        return self._run(flow.plan(footprints(self.migrations), hints or flow.Hints(), self._mirror))

    def adopt(self, found: Adoption) -> tuple[Migration, ...]:
        """Record what `plan_adopt` found to be applied, running nothing; return what was recorded.

        Raises:
            HistoryError: a file is undecided, or the database changed since. Nothing was recorded.
        """
        from d1migrate.migrate.adopt import flow

        return self._run(flow.adopt(found, self._new_stamp, self._mirror))

    def baseline(self, *, to: int) -> tuple[Migration, ...]:
        """Record every file up to version `to` as applied, running nothing; return what was recorded.

        Raises:
            UsageError: there is no file of that version.
        """
        from d1migrate.migrate.flows import baseline

        return self._run(baseline.baseline(self.migrations, self._new_stamp, self._mirror, to=to))

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

        database = self._run(baseline.read_database(self._mirror))
        migration = first_migration(database.schema, name, description, date=date)
        refuse_differences(database.schema, schema_of([migration]))
        return database, migration

    def record_baseline(self, database: LiveDatabase, migration: Migration) -> None:
        """Record what `plan_baseline` drafted as applied, once it is a file.

        Raises:
            HistoryError: the database changed since. Nothing was recorded.
        """
        from d1migrate.migrate.flows import baseline

        self._run(baseline.record_first(database, migration, self._new_stamp, self._mirror))

    # --- correct the recorded history by hand: `repair` ---

    def accept(self, version: int, *, reason: str) -> Entry:
        """Record the file of a version as it is now: edited, renumbered, or finished by hand.

        Raises:
            UsageError: nothing about that version disagrees with the database.
        """
        from d1migrate.migrate.flows import repair

        return self._run(
            repair.accept(self.migrations, self._new_stamp, self._mirror, version=version, reason=reason)
        )

    def forget(self, version: int, *, reason: str) -> Entry:
        """Remove a version whose file was removed on purpose from the migrations table.

        Raises:
            UsageError: the version is neither missing its file nor partially applied.
        """
        from d1migrate.migrate.flows import repair

        return self._run(
            repair.forget(self.migrations, self._new_stamp, self._mirror, version=version, reason=reason)
        )

    # --- back up and restore ---

    def backup(self, path: str, *, watch: Callable[[int, int], None] | None = None) -> Dump:
        """Write a dump that can be restored, whole or not at all; errors as `backup.dump.write`.

        Args:
            path: the file.
            watch: called from time to time with (rows written, rows in all).
        """
        from d1migrate.backup import dump

        return dump.write(self._driver, path, watch=watch)

    def restore_file(self, path: str) -> Manifest:
        """Load a dump into the database, which must be empty; errors as `backup.load.restore`."""
        from d1migrate.backup import load

        return load.restore(path, self._watched, self._new_stamp)

    def restore_points(self) -> list[RestorePoint]:
        """Return the restore points, oldest first: copies of a local file, or bookmarks of a remote D1."""
        from d1migrate.backup import restore_points

        return restore_points.listed(self._driver, self._folder)

    def plan_restore(self, to: str) -> RestorePreview:
        """Return what a `restore` would change; argument and errors as `restore`. Writes nothing."""
        from d1migrate.backup import restore_points

        return restore_points.preview(self._driver, to, self._folder)

    def plan_restore_before(self, version: int) -> RestorePreview | None:
        """Return what a `restore` to the newest point from before a version would change. Writes nothing.

        Returns:
            None if there is no such point. Errors as `restore`.
        """
        from d1migrate.backup import restore_points

        return restore_points.preview_before(self._driver, version, self._folder)

    def restore(
        self, to: str | RestorePoint, *, began: Callable[[RestorePoint], None] | None = None
    ) -> RestoreResult:
        """Return the database to a restore point. A new point is taken first, to undo the restore.

        Args:
            to: the name of a point, a version for the newest point at which it was the current one, or a
                time; or the point that `plan_restore` found.
            began: called with the point that undoes the restore, before anything is done.

        Raises:
            UsageError: there is no such point.
            UnavailableError: the file is busy, or was written to meanwhile. Nothing was done.
        """
        from d1migrate.backup import restore_points

        return restore_points.restore_to(self._driver, to, self._new_stamp, folder=self._folder, began=began)

    # --- what the methods share ---

    def _run(self, flow: Flow[T]) -> T:
        return run(flow, self._watched)

    def _refuse_unsafe(self, migrations: Sequence[Migration], schema: Schema) -> Schema:
        from d1migrate.lint.runner import refuse_errors

        return refuse_errors(migrations, schema, self._severities, strict=self._strict)

    def _pending(self, history: History, to: int | None) -> list[Migration]:
        """Return what an `up` would apply to a database; errors as `plan`."""
        from d1migrate.migrate.plan import plan_up

        todo = plan_up(self.migrations, history, to=to, allow_out_of_order=self._allow_out_of_order)
        return [step.script for step in todo.steps if isinstance(step.script, Migration)]

    def _new_stamp(self) -> Stamp:
        from d1migrate.project import actor

        return actor.stamp(self._who or actor.current_actor())  # looked up only when something is written

    def _stamps(self) -> Callable[[], Stamp]:
        """Return what makes stamps; with restore points, it takes one before the first stamp."""
        if not self._takes_restore_points:
            return self._new_stamp
        from d1migrate.backup import restore_points

        return restore_points.before_first_stamp(self._driver, self._folder, self._new_stamp)


def _mirror(table: str, migrations: Sequence[Migration]) -> Mirror:
    from d1migrate.migrate.wrangler_table import Mirror  # few have one

    return Mirror.of(table, migrations)
