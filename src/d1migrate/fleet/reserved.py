"""The databases that must not be tenants: those of environments, the journals and the control databases.

A pattern such as `d1:*` matches them by accident, and they would get the tables of a tenant.
"""

from __future__ import annotations

from contextlib import closing, suppress

from d1migrate.drivers.connect import connect
from d1migrate.errors import UsageError
from d1migrate.project.environment import Environment
from d1migrate.project.identity import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.cloudflare import OnWait
    from d1migrate.fleet.tenant import Listed
    from d1migrate.project.config import Config


class Reserved:
    """Those of a configuration.

    Args:
        config: the configuration.
        on_wait: called with the reason and the seconds before each wait for Cloudflare.
    """

    def __init__(self, config: Config, on_wait: OnWait | None = None) -> None:
        self._config, self._on_wait = config, on_wait
        self._labels: dict[str, str] = {}
        """{the identity of a database: what it is}."""
        self._names: dict[str, tuple[str, Environment]] = {}
        """{the name of a D1 whose id is not known: what it is, and where}."""
        for label, environment in _named(config):
            found = identify(environment, config.wrangler)
            if key := found.file or found.id:
                self._labels.setdefault(key, label)
            elif found.name:
                self._names.setdefault(found.name, (label, environment))

    def label(self, listed: Listed) -> str | None:
        """Return what a database is, such as `[env.production]`; None if it can be a tenant.

        Raises:
            DriverError: Cloudflare did not answer.
        """
        if listed.is_named and (found := self._names.get(listed.tenant.name)):
            return found[0]
        if not listed.is_named and listed.tenant.url.startswith("d1:"):
            self._look_up()
        return self._labels.get(listed.identity)

    def _look_up(self) -> None:
        """Find the ids of those that only have names."""
        while self._names:
            _, (label, environment) = self._names.popitem()
            driver = connect(
                environment.database,
                config=self._config.wrangler,
                account=environment.account,
                on_wait=self._on_wait,
            )
            with closing(driver), suppress(UsageError):  # a database that does not exist is no tenant
                if remote := driver.capabilities.time_travel:
                    self._labels.setdefault(remote.api_path.rpartition("/")[2], label)


def _named(config: Config) -> Iterator[tuple[str, Environment]]:
    """Yield what each database is, and its url."""
    for environment in config.listed():
        yield f"[env.{environment.name}]", environment
    for fleet in config.fleets:
        yield f"the journal of [fleet.{fleet.name}]", Environment(None, fleet.journal)
        if url := fleet.control_url:
            yield f"the control database of [fleet.{fleet.name}]", Environment(None, url)
