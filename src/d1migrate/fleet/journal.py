"""The journal of a fleet: which tenant is where, over any number of processes and machines.

Each operation is one transaction of `journal_sql`, over any driver: a file, or a D1 that machines share. The
journal saves requests. A migration is applied exactly once by the tenant's own assertion, not by the journal:
nothing is lost with one and nothing runs twice, and a new one asks each tenant once.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.drivers.protocol import Driver, Permit
    from d1migrate.fleet.model import (
        Claim,
        Counts,
        FailedTenant,
        FailureGroup,
        Finished,
        FleetStatus,
        Run,
        SavedState,
    )
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.project.waves import Wave

CHUNK = 500
"""How many tenants `Journal.add` takes at most, and how many a claim."""


def open_journal(url: str, fleet: str, *, permit: Permit | None = None) -> Journal:
    """Return the journal at a url. Nothing is opened or created yet; a file's folder is created with it.

    Args:
        url: `sqlite:PATH` or `d1:NAME`.
        fleet: the name of the fleet.
        permit: called before the file is created or written; may raise.

    Raises:
        UsageError: the url names no driver.
    """
    raise NotImplementedError


def new_owner() -> str:
    """Return a name for a process that claims: no other process may ever have it."""
    raise NotImplementedError


class Journal:
    """The journal of one fleet; its database may have others'.

    An operation whose response is lost is sent again: each is safe to repeat. Every method may raise
    DriverError; UnavailableError also if the file was deleted or replaced meanwhile, or has no such run.

    Args:
        driver: the journal's database.
        fleet: the name of the fleet.
    """

    def __init__(self, driver: Driver, fleet: str) -> None:
        self._driver, self.fleet = driver, fleet

    def create(self) -> None:
        """Create the tables if the database is empty.

        Raises:
            UsageError: it is another database than a journal, or a journal of another format.
        """
        raise NotImplementedError

    def begin(self, digest: str, target: str, waves: Sequence[Wave], by: str) -> Run:
        """Begin a run, or go on with the unfinished one of the same migrations, and its waves' new limits.

        One that `stop` ended is running again. One that was paused, or stopped by its failures, stays so: a
        person decides between `resume` and `retry`.

        Raises:
            UsageError: there is an unfinished run of other migrations, or with other waves.
        """
        raise NotImplementedError

    def add(self, run: Run, rows: Iterable[tuple[Tenant, int]]) -> None:
        """List tenants with their waves, in chunks; those that the run has already are not changed.

        A run that is sealed takes no more: another process has listed them.

        Raises:
            UsageError: an id has two names, or is a tenant of another fleet.
        """
        raise NotImplementedError

    def seal(self, run: Run) -> Counts:
        """End the list of tenants, so that they can be claimed. Ended already, only return the counts."""
        raise NotImplementedError

    def claim(
        self,
        run: Run,
        owner: str,
        count: int,
        seconds: int,
        *,
        last_wave: int | None = None,
        only: Sequence[str] = (),
    ) -> Claim:
        """Take tenants of the first wave that is not finished, also those whose lease has ended.

        If it raises, the next claim of the owner returns the tenants that this one may have taken.

        Args:
            run: the run.
            owner: the process, from `new_owner`.
            count: how many at most.
            seconds: how long all that the owner has claimed is its own; each claim, `finish` and `extend` of
                the owner begins this time again.
            last_wave: the number of the last wave that is wanted, from 0.
            only: ids; only these are taken, from any wave.
        """
        raise NotImplementedError

    def extend(self, owner: str) -> None:
        """Begin the owner's lease again."""
        raise NotImplementedError

    def finish(self, run: Run, owner: str, outcomes: Iterable[Finished]) -> str:
        """Record what became of tenants; those that another process has taken over are left alone.

        Returns:
            The state of the run.
        """
        raise NotImplementedError

    def release(self, run: Run, owner: str) -> None:
        """Give back all that the owner has claimed and not finished: others need not wait for its lease."""
        raise NotImplementedError

    def pause(self, by: str) -> Run | None:
        """Pause the newest run; None if it is not running."""
        raise NotImplementedError

    def resume(self, by: str) -> Run | None:
        """Go on with the newest run, paused or stopped, and accept its failures; None if it is neither."""
        raise NotImplementedError

    def stop(self, by: str) -> Run | None:
        """End the newest run, so that other migrations can begin; None if it is not running or paused."""
        raise NotImplementedError

    def retry(self, *, only: Sequence[str] = (), wave: int | None = None) -> int:
        """Put failed tenants of the newest run back to be done, and run it again if it has ended.

        Args:
            only: ids or names; all without it.
            wave: its number, from 0.

        Returns:
            How many.
        """
        raise NotImplementedError

    def status(self) -> FleetStatus | None:
        """Return the newest run with its counts; None if there is no journal, or no run of the fleet.

        Raises:
            UsageError: it is another database than a journal, or a journal of another format.
        """
        raise NotImplementedError

    def failures(self, run: Run, *, examples: int = 3) -> tuple[FailureGroup, ...]:
        """Return the failures of a run, grouped by error, the most frequent first."""
        raise NotImplementedError

    def failed_tenants(
        self, run: Run, *, after: FailedTenant | None = None, count: int = CHUNK
    ) -> tuple[FailedTenant, ...]:
        """Return a page of the failed tenants, by wave and id, after one of them."""
        raise NotImplementedError

    def states(self) -> tuple[SavedState, ...]:
        """Return the states that tenants of this fleet were found in, the most frequent first."""
        raise NotImplementedError

    def save_states(self, found: Iterable[SavedState]) -> None:
        """Record states, and add to the count of those that are recorded."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database."""
        self._driver.close()
