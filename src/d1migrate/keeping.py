"""What a Migrator tells the history: what is there already, and where it is wrong. None of it runs a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.drivers.run import run
from d1migrate.project import actor

if TYPE_CHECKING:
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.adopt.flow import Adoption, Known
    from d1migrate.migrate.flows.baseline import Found
    from d1migrate.migrate.history import Stamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.wrangler_table import Mirror


class HistoryKeeper:
    """The part of Migrator that keeps the history in agreement with files and database."""

    driver: Driver
    migrations: tuple[Migration, ...]
    _mirror: Mirror | None
    _who: str | None

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

        return run(flow.adopt(found, self._sign, self._mirror), self.driver)

    def baseline(self, *, to: int) -> tuple[Migration, ...]:
        """Record every file up to version `to` as applied, running nothing; returns what was recorded.

        Raises:
            UsageError: there is no file of that version.
        """
        from d1migrate.migrate.flows import repair

        return run(repair.baseline(self.migrations, self._sign, self._mirror, to=to), self.driver)

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

        run(baseline.start(found, migration, self._sign, self._mirror), self.driver)

    def accept(self, version: int, *, reason: str) -> Entry:
        """Record the file of a version as it is now: edited, renumbered, or finished by hand.

        Raises:
            UsageError: nothing about that version disagrees with the database.
        """
        from d1migrate.migrate.flows import repair

        return run(
            repair.accept(self.migrations, self._sign, self._mirror, version=version, reason=reason),
            self.driver,
        )

    def forget(self, version: int, *, reason: str) -> Entry:
        """Take a version whose file was removed on purpose out of the migrations table.

        Raises:
            UsageError: the version is neither missing its file nor partial.
        """
        from d1migrate.migrate.flows import repair

        return run(
            repair.forget(self.migrations, self._sign, self._mirror, version=version, reason=reason),
            self.driver,
        )

    def _sign(self) -> Stamp:
        return actor.signature(self._who or actor.user())  # who it is, is asked when it matters
