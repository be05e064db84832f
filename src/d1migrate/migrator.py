"""Migrator: the library's face. One method a command, each a line over a flow.

Flows are imported by the methods that run them: a `status` need not load what an `up` needs.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Literal

from d1migrate.drivers.connect import connect
from d1migrate.drivers.protocol import Driver, local_file
from d1migrate.drivers.run import run
from d1migrate.migrate.flows import read
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import compare
from d1migrate.project import actor
from d1migrate.project.files import load_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from d1migrate.backup.dump import Dump
    from d1migrate.backup.load import Facts
    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.backup.restore import Restored, RestorePreview
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.adopt.flow import Adoption, Known
    from d1migrate.migrate.deploy_phase import Phase
    from d1migrate.migrate.flows.baseline import Found
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


class Migrator:
    """Migrations and a database.

    Args:
        database: a driver from `connect`, or its url.
        migrations: a folder, or what `load_migrations` returned.
        allow_out_of_order: whether `up` also applies what lies below the newest applied version.
        severities: {code of a lint rule, or its letter: "error", "warning", "info" or "off"}.
        strict: whether `up` also refuses what the linter finds warnings in.
        restore_points: whether `up` and `down` keep a copy of a local file before they write to it, or the
            folder for these; `.d1migrate` beside the file for True. Of a remote D1 the bookmark is kept.
        mirror: wrangler's migrations table, `d1_migrations` as a rule, to be kept in step.
        who: the name that goes to the log; D1MIGRATE_BY, the CI's actor or the user's name without it.
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
        self.driver = connect(database) if isinstance(database, str) else database
        if isinstance(migrations, (str, os.PathLike)):
            migrations = load_migrations(os.fspath(migrations))
        self.migrations: tuple[Migration, ...] = tuple(migrations)
        self._mirror = _mirror(mirror, self.migrations) if mirror else None
        self._allow_out_of_order, self._severities = allow_out_of_order, severities
        self._strict, self._who = strict, who
        self._file, self._points = self.driver, restore_points  # `driver` may be one that watches it
        self._folder = restore_points if isinstance(restore_points, str) else None

    def status(self) -> tuple[Entry, ...]:
        """Lay files and database side by side, one Entry a version. Writes nothing.

        Raises:
            HistoryError: the migrations table is another tool's.
            DriverError: the database cannot be read; it is never taken for an empty one.
        """
        return run(read.status(self.migrations), self.driver)

    def current(self) -> int:
        """Return the highest applied version, 0 where none is. Errors as `status`."""
        return run(read.read_current(), self.driver)

    def history(self) -> tuple[LogEntry, ...]:
        """Return all that happened to the database, oldest first. Writes nothing; errors as `status`."""
        return run(read.read_log(), self.driver)

    def plan(
        self, *, to: int | None = None, single_transaction: bool = False, phase: Phase | None = None
    ) -> Plan:
        """Plan an `up` without running it; arguments and errors as `up`. Writes nothing."""
        from d1migrate.migrate.flows import up

        return run(
            up.plan(
                self.migrations,
                to=to,
                allow_out_of_order=self._allow_out_of_order,
                single=single_transaction,
                phase=phase,
            ),
            self.driver,
        )

    def lint(self) -> tuple[Diagnostic, ...]:
        """Judge what is pending against the live schema; what its file allows is among it, with the reason.

        Writes nothing; errors as `status`. `d1migrate.lint.runner.lint` judges files without a database.
        """
        from d1migrate.lint.runner import lint

        history, schema = run(read.read_history_and_schema(), self.driver)
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
        """Run what is pending on a scratch database with rows in every table; see what becomes of them.

        Reads the target's history and schema, and with `data` instead those of a file; writes nothing.

        Args:
            to: the last version to rehearse; all that is pending without it.
            rows: how many made-up rows a table gets; none with `data`.
            data: a SQLite file or a D1 export, taken as it is with its empty tables; "" for the target's own
                rows, if it is a local file.
            scale: {table: rows it has in the target}, to estimate the cost there.
            watch: is shown every migration when it is done.

        Raises:
            UsageError: there is no version `to`, the data cannot be read, or `scale` names no table.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.rehearse import ScratchDatabase, rehearse

        if data is None:
            history, start = run(read.read_history_and_schema(), self.driver)
            pending = self._pending(history, to)
            return rehearse(pending, start, rows=rows, scale=scale, severities=self._severities, watch=watch)
        with closing(ScratchDatabase.of(data or local_file(self.driver))) as ground:
            with closing(connect(f"sqlite:{ground.path}")) as copy:
                pending = self._pending(run(read.read_history(), copy), to)
            return rehearse(pending, ground, rows=rows, scale=scale, severities=self._severities, watch=watch)

    def _pending(self, history: History, to: int | None) -> list[Migration]:
        """Return what an `up` would apply to a database; errors as `plan`."""
        from d1migrate.migrate.plan import plan_up

        todo = plan_up(self.migrations, history, to=to, allow_out_of_order=self._allow_out_of_order)
        return [step.script for step in todo.steps if isinstance(step.script, Migration)]

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
            single_transaction: all of them as one transaction.
            phase: only what comes "before", or only what comes "after" the deploy of the code.
            lint: whether to refuse what the linter finds errors in; where it is not, the log says so.
            check: is shown the plan before anything is run, and may raise; the mapping it returns goes to the
                log, as JSON. Where another run comes between, it is shown the new plan too.

        Returns:
            The steps taken, what another run applied meanwhile, and what is wrong with the database now.

        Raises:
            ApplyError: a migration failed. Nothing of it is there; those before it are.
            HistoryError: files and database disagree; a subclass says how. Nothing was run.
            PlanError: the phase of a migration cannot be told, or another one comes first. Nothing was run.
            SourceError: a file cannot be parsed. Nothing was run.
            UnsafeMigration: the linter found errors. Nothing was run.
            UsageError: there is no version `to`.
        """
        from d1migrate.lint.replay.replayer import dangling
        from d1migrate.migrate.flows import up

        return run(
            up.up(
                self.migrations,
                self._stamps(),
                to=to,
                allow_out_of_order=self._allow_out_of_order,
                single=single_transaction,
                phase=phase,
                judge=self._judge if lint else None,
                check=check,
                mirror=self._mirror,
                broken=dangling,
            ),
            self.driver,
        )

    def _judge(self, migrations: Sequence[Migration], schema: Schema) -> Schema:
        from d1migrate.lint.runner import refuse_errors

        return refuse_errors(migrations, schema, self._severities, strict=self._strict)

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

        return run(
            down.choose(self.migrations, to=to, steps=steps, prefer=rollback_from, allow_loss=allow_loss),
            self.driver,
        )

    def down(
        self,
        *,
        to: int | None = None,
        steps: int | None = None,
        rollback_from: Literal["file", "history"] | None = None,
        allow_loss: Collection[str] = (),
        check: Check | None = None,
    ) -> Report:
        """Take migrations back, newest first, by their rollback blocks; one transaction each.

        Args:
            to: take back every version above this one; 0 for all.
            steps: take back this many; 1 without either.
            rollback_from: which SQL to take where the file's block and the recorded one differ.
            allow_loss: tables that may lose rows, or "all".
            check: as for `up`.

        Raises:
            Irreversible: versions without a way back, all of them named. Nothing was run.
            DataLoss: tables that hold rows would lose them; it has the counts. Nothing was run.
            PlanError: file and log differ. HistoryError, SourceError, UsageError: as `up`.
            ApplyError: a step failed. Nothing of it happened; those before it did.
        """
        from d1migrate.migrate.flows import down

        todo = self.plan_down(to=to, steps=steps, rollback_from=rollback_from, allow_loss=allow_loss)
        notes = check(todo) if check else None
        return run(down.down(todo, self._stamps(), notes, self._mirror), self.driver)

    def schema(self) -> Schema:
        """Read the live schema, without history tables and what SQLite and D1 keep for themselves."""
        return run(read.read_schema(), self.driver)

    def verify(self) -> Verification:
        """Compare files with history, the live schema with what applied files build; errors as `status`."""
        from d1migrate.lint.replay.replayer import dangling, schema_of
        from d1migrate.migrate.flows.verify import verify

        return run(verify(self.migrations, schema_of, dangling, self._mirror), self.driver)

    def plan_adopt(self, known: Known | None = None) -> Adoption:
        """Find out which files a database has, from its objects and other tools' histories. Writes nothing.

        Args:
            known: what the user knows beside it.

        Raises:
            UsageError: nothing about a version is undecided that the user knows of.
            HistoryError, SourceError: as `plan`.
        """
        from d1migrate.lint.replay.replayer import replay
        from d1migrate.migrate.adopt import flow
        from d1migrate.migrate.adopt.footprints import footprints

        found = footprints(replay(self.migrations, proofs=False))
        return run(flow.look(found, known or flow.Known(), self._mirror), self.driver)

    def adopt(self, found: Adoption) -> tuple[Migration, ...]:
        """Record what `plan_adopt` found to be applied, running nothing; returns what was recorded.

        Raises:
            HistoryError: a file is undecided, or the database changed since. Nothing was recorded.
        """
        from d1migrate.migrate.adopt import flow

        return run(flow.adopt(found, self._new_stamp, self._mirror), self.driver)

    def baseline(self, *, to: int) -> tuple[Migration, ...]:
        """Record every file up to version `to` as applied, running nothing; returns what was recorded.

        Raises:
            UsageError: there is no file of that version.
        """
        from d1migrate.migrate.flows import repair

        return run(repair.baseline(self.migrations, self._new_stamp, self._mirror, to=to), self.driver)

    def plan_baseline(self, name: str, description: str, *, date: str) -> tuple[Found, Migration]:
        """Draft the file that builds what a database holds, and prove that it does. Writes nothing.

        Args:
            name: of the file, with .sql; its number is below that of every other file.
            description: a few words.
            date: today's, as YYYY-MM-DD.

        Returns:
            What was found, and the migration, for `start`.

        Raises:
            HistoryError: migrations are recorded already, or D1 does not build the same from that file.
        """
        from d1migrate.lint.replay.replayer import schema_of
        from d1migrate.migrate.adopt.initial import first_migration, refuse_differences
        from d1migrate.migrate.flows import baseline

        found = run(baseline.find(self._mirror), self.driver)
        migration = first_migration(found.schema, name, description, date=date)
        refuse_differences(found.schema, schema_of([migration]))
        return found, migration

    def start(self, found: Found, migration: Migration) -> None:
        """Record what `plan_baseline` drafted as applied, once it is a file.

        Raises:
            HistoryError: the database changed since. Nothing was recorded.
        """
        from d1migrate.migrate.flows import baseline

        run(baseline.start(found, migration, self._new_stamp, self._mirror), self.driver)

    def accept(self, version: int, *, reason: str) -> Entry:
        """Record the file of a version as it is now: edited, renumbered, or finished by hand.

        Raises:
            UsageError: nothing about that version disagrees with the database.
        """
        from d1migrate.migrate.flows import repair

        return run(
            repair.accept(self.migrations, self._new_stamp, self._mirror, version=version, reason=reason),
            self.driver,
        )

    def forget(self, version: int, *, reason: str) -> Entry:
        """Take a version whose file was removed on purpose out of the migrations table.

        Raises:
            UsageError: the version is neither missing its file nor partial.
        """
        from d1migrate.migrate.flows import repair

        return run(
            repair.forget(self.migrations, self._new_stamp, self._mirror, version=version, reason=reason),
            self.driver,
        )

    def backup(self, path: str, *, watch: Callable[[int, int], None] | None = None) -> Dump:
        """Write a dump that restores to a file, whole or not at all; errors as `backup.dump.write`.

        Args:
            path: the file.
            watch: is told (rows written, rows there are) now and then.
        """
        from d1migrate.backup import dump

        return dump.write(self._file, path, watch=watch)

    def restore_file(self, path: str) -> Facts:
        """Load a dump into the database, which must be empty; errors as `backup.load.restore`."""
        from d1migrate.backup import load

        return load.restore(path, self.driver, self._new_stamp)

    def restore_points(self) -> list[RestorePoint]:
        """Return the restore points, oldest first: copies of a local file, or bookmarks of a remote D1."""
        from d1migrate.backup import restore_points

        return restore_points.listed(self._file, self._folder)

    def plan_restore(self, to: str) -> RestorePreview:
        """Say what going back to a restore point would change; argument and errors as `restore`."""
        from d1migrate.backup import restore_points

        return restore_points.outlook(self._file, to, self._folder)

    def way_back(self, version: int) -> RestorePreview | None:
        """Say what going back to the newest restore point from before a version would change.

        Returns:
            None where there is no such point. Errors as `restore`.
        """
        from d1migrate.backup import restore_points

        return restore_points.before(self._file, version, self._folder)

    def restore(
        self, to: str | RestorePoint, *, began: Callable[[RestorePoint], None] | None = None
    ) -> Restored:
        """Make a database what it was at a restore point; one is taken first, so that this can be undone.

        Args:
            to: a point's name, a version for the newest point at which it was the current one, or a time;
                or the point that `plan_restore` found.
            began: is told the point that undoes it, before anything is done.

        Raises:
            UsageError: there is no such point.
            UnavailableError: the file is busy, or was written to meanwhile. Nothing was done.
        """
        from d1migrate.backup import restore_points

        return restore_points.go_back(self._file, to, self._new_stamp, folder=self._folder, began=began)

    def close(self) -> None:
        """Let go of the database."""
        self.driver.close()

    def _stamps(self) -> Callable[[], Stamp]:
        """Return what makes stamps; with restore points, it takes one before the first stamp."""
        if not self._points:
            return self._new_stamp
        from d1migrate.backup import restore_points

        return restore_points.before_first_stamp(self._file, self._folder, self._new_stamp)

    def _new_stamp(self) -> Stamp:
        return actor.stamp(self._who or actor.current_actor())  # looked up only when something is written


def _mirror(table: str, migrations: Sequence[Migration]) -> Mirror:
    from d1migrate.migrate.wrangler_table import Mirror  # few have one

    return Mirror.of(table, migrations)
