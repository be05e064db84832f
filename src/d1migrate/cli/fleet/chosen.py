"""The fleet that an action works on: its settings, its project, its journal and its tenants."""

from __future__ import annotations

import os
from contextlib import contextmanager
from shlex import quote

from d1migrate.errors import UsageError
from d1migrate.fleet.objects import cannot_run_here, trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.cli.project import Project
    from d1migrate.drivers.cloudflare import OnWait
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import FailedTenant, FailureGroup, FleetStatus, Run
    from d1migrate.fleet.plan import FleetPlan, StateCheck
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.fleet.verify import CheckGroup
    from d1migrate.project.environment import Environment


class ChosenFleet:
    """A fleet of the configuration.

    Args:
        name: as typed; None if it was left out.
        project: the project.

    Raises:
        UsageError: as `Project.fleet`.
    """

    def __init__(self, name: str | None, project: Project) -> None:
        self.settings = project.fleet(name)
        self.project = project.of_fleet(self.settings)

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    @property
    def described(self) -> str:
        """Its name, and what lists its tenants."""
        settings = self.settings
        listed = (
            settings.databases
            or settings.file
            or settings.objects
            or f"the query of {settings.control or settings.env}"
        )
        return f"{settings.name}: {listed}"

    @property
    def is_remote(self) -> bool:
        """Whether requests are sent to the tenants: they are not known to be files."""
        return self.settings.paths is None

    @property
    def environment(self) -> Environment:
        """The environment whose gates and severities are the fleet's; without one, it has no gates."""
        from d1migrate.project.environment import Environment

        config = self.project.config
        if self.settings.env:
            return config.environment(self.settings.env, None)
        return Environment(None, f"the fleet {self.name}", lint=config.lint)

    def command(self, action: str) -> str:
        """Return the command line of an action, in backticks, with the fleet's name if there are several.

        For objects, what starts their Workflow is `up`.
        """
        if action == "up" and self.settings.objects:
            return f"`{trigger(self.name)}`"
        action, *options = action.split(" ", 1)
        words = [action, *([] if len(self.project.config.fleets) == 1 else [self.name]), *options]
        return f"`d1migrate fleet {' '.join(words)}`"

    def for_tenant(self, text: str, url: str = "URL") -> str:
        """Return the text of a tenant's error, with the options that choose it in each command line.

        Args:
            text: the text.
            url: its url; for several tenants, what replaces it.
        """
        if "`d1migrate " not in text:
            return text
        from d1migrate.cli.command_lines import in_text

        folder = self.settings.migrations
        return in_text(text, {"database": url} | ({"migrations": folder} if folder else {}))

    def failures(self, journal: Journal, run: Run) -> tuple[FailureGroup, ...]:
        """Return the most frequent errors of a run, with command lines for their tenants."""
        return tuple(
            group._replace(error=self.for_tenant(group.error), hint=self.for_tenant(group.hint))
            for group in journal.failures(run)
        )

    def checked(self, groups: Sequence[CheckGroup]) -> tuple[CheckGroup, ...]:
        """Return groups of tenants that were compared, with command lines for them."""
        return tuple(
            group._replace(detail=self.for_tenant(group.detail), hint=self.for_tenant(group.hint))
            for group in groups
        )

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Return a context with the journal; nothing is created yet."""
        from d1migrate.fleet.journal import open_journal

        url = self.settings.journal
        journal = open_journal(url, self.name, permit=self.project.permit(url), on_wait=self.project.on_wait)
        try:
            yield journal
        finally:
            journal.close()

    def status(self, journal: Journal) -> FleetStatus:
        """Return the newest run.

        Raises:
            UsageError: there was none.
        """
        found = journal.status()
        if found is None:
            raise self.no_run()
        return found

    def no_run(self) -> UsageError:
        """Return the error of a fleet that was never migrated."""
        shows = "" if self.settings.objects else f"; {self.command('plan')} shows what it would do"
        return UsageError(
            f"the fleet {self.name} has had no run", hint=f"{self.command('up')} begins one{shows}"
        )

    def tenants(
        self, only: Sequence[str] = (), *, wave: int | None = None, last_wave: int | None = None
    ) -> Iterator[tuple[Tenant, int]]:
        """Yield the tenants of the configured list that were chosen, with their waves, from 0.

        Args:
            only: names, ids or globs of names; all without any.
            wave: its number, from 1, if only one wave is wanted.
            last_wave: the number of the last wave that is wanted.

        Raises:
            UsageError: there is no such wave or tenant; or as `inventory`.
        """
        from d1migrate.fleet.inventory import inventory
        from d1migrate.fleet.selection import select
        from d1migrate.fleet.waves import with_waves

        self.refuse_wave(last_wave if wave is None else wave)
        found = inventory(self.project.config, self.settings, on_wait=self.project.on_wait)
        for tenant, place in select(with_waves(found, self.settings), only):
            if wave in (None, place + 1) and (last_wave is None or place < last_wave):
                yield tenant, place

    def failed(self, journal: Journal, run: Run, only: Sequence[str]) -> list[str]:
        """Return the ids of the failed tenants that were chosen; none if nobody chose.

        Raises:
            UsageError: one of `only` is no such tenant.
        """
        from d1migrate.fleet.selection import select

        if not only:
            return []
        try:
            return [tenant.id for tenant, _ in select(map(_with_wave, journal.failed_tenants(run)), only)]
        except UsageError as error:
            raise UsageError(
                f"{error} that failed", hint=f"{self.command('list --failed')} shows those that did"
            ) from None

    def count(self, journal: Journal, only: Sequence[str]) -> int:
        """Return how many tenants are to be migrated; the list is read if no run has it.

        Args:
            journal: the journal.
            only: ids, if only these are.
        """
        if only:
            return len(only)
        found = journal.status()
        if found and found.run.is_sealed and found.run.state != "done":
            return found.total.todo + found.total.leased
        return sum(1 for _ in self.tenants())

    def plan(self, to: str | None = None, *, check: StateCheck | None = None) -> FleetPlan:
        """Return what the tenants are to become: the migration files, up to one of them.

        Args:
            to: the last migration; all without it.
            check: called once for each state from which something is to be applied.

        Raises:
            UsageError: there is no migration, or not the one that was given.
        """
        from d1migrate.fleet.plan import FleetPlan
        from d1migrate.project.actor import current_actor

        found = self.project.load()
        if not found:
            raise UsageError(
                f"there are no migrations in {self.project.folder}",
                hint=f"`d1migrate new DESCRIPTION --migrations {quote(self.project.folder)}` creates one",
            )
        self.project.warn_of_files()
        return FleetPlan(
            found,
            table=self.project.config.table,
            wrangler_table=self.project.wrangler_table,
            to=to,
            allow_out_of_order=self.environment.out_of_order == "allow",
            create=self.settings.create,
            check=check,
            by=current_actor(),
        )

    def drivers(self, on_wait: OnWait | None = None) -> TenantDrivers:
        """Return what opens the tenants.

        Args:
            on_wait: called, from any thread, before a wait for Cloudflare; by default, it is printed.
        """
        from d1migrate.fleet.tenant_drivers import TenantDrivers

        return TenantDrivers(
            account=self.environment.account,
            on_wait=on_wait or self.project.on_wait,
            permit=self.project.permit(self.settings.databases or ""),
            reserve=self.settings.reserve,
        )

    def refuse_objects(self) -> None:
        """Check that requests reach the tenants.

        Raises:
            UsageError: they are Durable Objects.
        """
        if self.settings.objects:
            raise cannot_run_here(self.settings)

    def refuse_outside(self) -> None:
        """Check that files of a pattern may be written, instead of finding each of them refused.

        Raises:
            UsageError: they are outside the project.
        """
        paths, permit = self.settings.paths, self.project.permit("sqlite:")
        if paths and permit:
            permit(paths, f"[fleet.{self.name}] databases")

    def refuse_journal(self) -> None:
        """Check that an empty file is no tenant, before it is made the journal.

        Raises:
            UsageError: it is one; or as `tenants`.
        """
        path = self.settings.journal.removeprefix("sqlite:")
        if os.path.isfile(path) and not os.path.getsize(path):
            for _ in self.tenants():
                pass  # the list refuses the journal

    def refuse_wave(self, wave: int | None) -> None:
        """Check the number of a wave.

        Raises:
            UsageError: there is no such wave.
        """
        waves = self.settings.waves
        if wave is not None and not 1 <= wave <= len(waves):
            names = ", ".join(f"{number} ({one.name})" for number, one in enumerate(waves, 1))
            raise UsageError(
                f"--wave {wave}: the fleet {self.name} has no such wave", hint=f"it has: {names}"
            )


def _with_wave(found: FailedTenant) -> tuple[Tenant, int]:
    from d1migrate.fleet.tenant import Tenant

    return Tenant(found.id, found.name, ""), found.wave
