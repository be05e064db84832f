"""The tenants of a fleet: each of them once, and none that is another database."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from fnmatch import fnmatchcase

from d1migrate.errors import Error, UnavailableError, UsageError
from d1migrate.fleet.objects import cannot_run_here
from d1migrate.fleet.reserved import Reserved
from d1migrate.fleet.seen import Seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.cloudflare import OnWait
    from d1migrate.fleet.seen import Earlier
    from d1migrate.fleet.tenant import Listed, Tenant
    from d1migrate.project.config import Config
    from d1migrate.project.environment import Environment
    from d1migrate.project.fleet import FleetSettings

_TWICE = "each tenant has a single name, and is in a single fleet"


def inventory(config: Config, fleet: FleetSettings, *, on_wait: OnWait | None = None) -> Iterator[Tenant]:
    """Yield the tenants of a fleet, in the order of its source. An error may follow after tenants.

    Memory does not grow with the fleet, except for the result of a `query` and the paths of files.

    Args:
        config: the configuration with the fleet.
        fleet: its settings.
        on_wait: called with the reason and the seconds before each wait for Cloudflare.

    Raises:
        UsageError: the source cannot be read, has no tenants, one of them twice, or a database that must not
            be a tenant.
        DriverError: Cloudflare or the control database did not answer.
    """
    if fleet.objects:
        raise cannot_run_here(fleet)
    where, is_empty = f"{config.path}: [fleet.{fleet.name}] ", True
    try:
        with closing(_Inventory(config, fleet, on_wait)) as checked:
            for tenant in checked.tenants():
                is_empty = False
                yield tenant
    except UsageError as error:
        raise UsageError(f"{where}{error}", hint=error.hint) from error
    if is_empty:
        raise UsageError(
            f"{where}{fleet.source} lists no tenants",
            hint=f"check `{fleet.source} = …`: it has to list one at least",
        )


class _Inventory:
    """One reading of a fleet's source."""

    def __init__(self, config: Config, fleet: FleetSettings, on_wait: OnWait | None) -> None:
        self._config, self._fleet, self._on_wait = config, fleet, on_wait
        self._reserved, self._seen = Reserved(config, on_wait), Seen()
        self._patterns: dict[str, str] = {}
        """{another fleet: which databases of the account are its tenants}."""

    def close(self) -> None:
        self._seen.close()

    def tenants(self) -> Iterator[Tenant]:
        self._note_others()
        if pattern := self._fleet.names:
            listed = self._of_account(pattern)
        else:
            listed = filter(self._is_new, self._of(self._fleet))
        for one in listed:
            if label := self._reserved.label(one):
                raise UsageError(
                    f"{self._fleet.source} has {one.tenant.url} ({one.place}), which is {label}",
                    hint="a tenant gets the tables of the fleet: narrow the list",
                )
            yield one.tenant

    def _of_account(self, pattern: str) -> Iterator[Listed]:
        from d1migrate.drivers import cloudflare
        from d1migrate.fleet.sources.account import list_account

        with closing(cloudflare.from_environment(self._on_wait)) as api:
            account, environment = api.account(), self._environment(self._fleet.env)
            if environment and environment.account not in (None, account):
                raise UsageError(
                    f"[env.{environment.name}] is in the account {environment.account}, but the account is"
                    f" {account}",
                    hint="set CLOUDFLARE_ACCOUNT_ID, or use that account's token",
                )
            yield from list_account(api, account, pattern, self._is_new_in_account)

    def _of(self, fleet: FleetSettings) -> Iterator[Listed]:
        """Yield the databases of a source that is not the account."""
        if fleet.paths:
            from d1migrate.fleet.sources.files import list_files

            yield from list_files(fleet.paths)
        elif fleet.file:
            from d1migrate.fleet.sources.csv_file import list_csv

            yield from list_csv(fleet.file)
        elif fleet.query:
            yield from self._of_query(fleet.query, fleet)

    def _of_query(self, query: str, fleet: FleetSettings) -> Iterator[Listed]:
        from d1migrate.drivers.connect import connect
        from d1migrate.fleet.sources.control import list_control

        control = self._config.control(fleet)
        driver = connect(
            control.database, config=self._config.wrangler, account=control.account, on_wait=self._on_wait
        )
        with closing(driver):
            file = driver.capabilities.file
            if file and not os.path.exists(file.path):  # it would be read as an empty database
                raise UsageError(
                    f"there is no control database {file.path}",
                    hint="correct `control = …`, or `env = …` without it",
                )
            yield from list_control(driver, query, os.path.dirname(self._config.path or ""))

    def _environment(self, name: str | None) -> Environment | None:
        return self._config.environment(name, None) if name else None

    def _note_others(self) -> None:
        """Note the tenants of all other fleets, as far as that takes no list of the account."""
        for other in self._config.fleets:
            if other.name == self._fleet.name or other.objects:
                continue
            if pattern := other.names:
                self._patterns[other.name] = pattern
                continue
            # If the other list cannot be read, the other fleet cannot run, and its next run notices.
            with suppress(Error):
                for one in self._of(other):
                    self._seen.add(one.identity, one.tenant.name, one.place, other.name)

    def _is_new(self, listed: Listed) -> bool:
        if earlier := self._add(listed):
            raise self._twice(listed, earlier)
        return True

    def _is_new_in_account(self, listed: Listed) -> bool:
        """Whether a database was not listed before; the account may be listed several times."""
        name = listed.tenant.name
        for other, pattern in self._patterns.items():
            if fnmatchcase(name, pattern):
                raise UsageError(
                    f"{listed.tenant.url} ({name}) is in [fleet.{other}], too",
                    hint=f"narrow a pattern: {_TWICE}",
                )
        earlier = self._add(listed)
        if earlier and earlier.fleet is None:
            if earlier.identity != listed.identity:
                raise UnavailableError(
                    f"the database {name} was replaced by another while the account was listed",
                    hint="run the command again",
                )
            return False
        if earlier:
            raise self._twice(listed, earlier)
        return True

    def _add(self, listed: Listed) -> Earlier | None:
        return self._seen.add(listed.identity, listed.tenant.name, listed.place)

    def _twice(self, listed: Listed, earlier: Earlier) -> UsageError:
        tenant, place = listed.tenant, earlier.place
        if earlier.fleet:
            what = f"{tenant.url} ({listed.place}) is in [fleet.{earlier.fleet}], too: {place}"
        elif earlier.identity == listed.identity:
            what = f"{tenant.url} is listed twice: {place}, and {listed.place}"
        else:
            what = f"two tenants are called {tenant.name!r}: {place}, and {listed.place}"
        return UsageError(what, hint=_TWICE)
