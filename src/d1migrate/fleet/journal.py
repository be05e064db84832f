"""The journal of a fleet: the state of each tenant, for any number of processes and machines.

Each operation is one transaction of `journal_sql`, over any driver: a file, or a D1 that machines share. The
journal saves requests. A migration is applied exactly once by the tenant's own assertion, not by the journal:
without it nothing is lost and nothing runs twice; a new journal asks each tenant once.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from itertools import islice
from typing import Any

from d1migrate.errors import UsageError
from d1migrate.fleet import journal_sql as sql
from d1migrate.fleet.journal_database import JournalDatabase
from d1migrate.fleet.model import (
    Claim,
    Claimed,
    FailedTenant,
    FailureGroup,
    Finished,
    FleetStatus,
    InventoryCounts,
    Run,
    RunTenant,
    RunWave,
    SavedState,
)
from d1migrate.fleet.parameters import json_text, json_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeVar

    from d1migrate.drivers.lock_wait import OnWait
    from d1migrate.drivers.protocol import Driver, Permit
    from d1migrate.fleet.journal_sql import Operation
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.project.waves import Wave

    T = TypeVar("T")

CHUNK = 500
"""How many tenants a claim takes at most, and how many outcomes or failures one batch has."""
_LISTED = 2_000  # tenants that one batch lists: 50 ms of CPU; of a million, 500 requests instead of 2,000
_PAGE = 5_000  # tenants that one batch looks at or puts back: 50 ms of CPU
_STATES = 200  # that are kept
_LAST_WAVE = 2**31 - 1
LONGEST_ERROR = 2_000  # characters
_CLAIMS = {
    (False, False): sql.CLAIM,
    (False, True): sql.CLAIM_ONLY,
    (True, False): sql.CLAIM_JOBS,
    (True, True): sql.CLAIM_JOBS_ONLY,
}
"""{(whether of jobs, whether of certain tenants): the operation}."""


def open_journal(
    url: str, fleet: str, *, permit: Permit | None = None, on_wait: OnWait | None = None
) -> Journal:
    """Return the journal at a url. Nothing is opened or created yet; a file's folder is created with it.

    Args:
        url: `sqlite:PATH` or `d1:NAME`.
        fleet: the name of the fleet.
        permit: called before the file is created or written; may raise.
        on_wait: called with the reason and the seconds before each wait.

    Raises:
        UsageError: the url names no driver.
    """
    if url.startswith("sqlite:"):
        from d1migrate.drivers.sqlite import SqliteDriver

        path = url.removeprefix("sqlite:")
        file = SqliteDriver(path, url=url, permit=permit, on_wait=on_wait, makes_folder=True)
        return Journal(file, fleet)
    from d1migrate.drivers.connect import connect

    return Journal(connect(url, permit=permit, on_wait=on_wait), fleet)


def new_owner() -> str:
    """Return a name for a process that claims: no other process may ever have it."""
    return secrets.token_hex(8)


class Journal:
    """The journal of one fleet; its database may have others'. Threads may share it.

    An operation whose response is lost is sent again: each is safe to repeat. Every method may raise
    DriverError; UnavailableError also if the file was deleted or replaced meanwhile, or has no such run.

    Args:
        driver: the journal's database.
        fleet: the name of the fleet.
    """

    def __init__(self, driver: Driver, fleet: str) -> None:
        self.fleet, self._database = fleet, JournalDatabase(driver, fleet)
        self._answered = dict[str, int]()  # the number of the newest claim of each owner that was answered

    # --- a run ---

    def create(self) -> None:
        """Create the tables if the database is empty.

        Raises:
            UsageError: it is another database than a journal, or a journal of another format.
        """
        self._database.create()

    def begin(self, digest: str, target: str, waves: Sequence[Wave], by: str) -> Run:
        """Begin a run, or continue the unfinished one of the same migrations, with today's limits for waves.

        One that `stop` ended is running again. One that was paused, or stopped by its failures, stays so: a
        person decides between `resume` and `retry`.

        Raises:
            UsageError: there is an unfinished run of other migrations, or with other waves.
        """
        limits = [(wave.name, *wave.stop) for wave in waves]
        rows = self._database.send(
            sql.BEGIN,
            run=secrets.token_hex(8),
            fleet=self.fleet,
            digest=digest,
            target=target,
            by=by,
            waves=json_text(limits),
        )
        run = _run(rows[0])
        self._refuse_other(run, digest, target, waves)
        return run

    def unfinished(self, digest: str, target: str, waves: Sequence[Wave]) -> Run | None:
        """Return the newest run; None if there is none. A run that is done may be of other migrations.

        Raises:
            UsageError: it is unfinished, and has other migrations or waves.
        """
        found = self.status()
        if found and found.run.state != "done":
            self._refuse_other(found.run, digest, target, waves)
        return found and found.run

    def _refuse_other(self, run: Run, digest: str, target: str, waves: Sequence[Wave]) -> None:
        named, end = f"run {run.number} of fleet {self.fleet}", f"`d1migrate fleet stop {self.fleet}` ends it"
        if run.digest != digest and run.target == target:
            raise UsageError(
                f"{named} is {run.state}, and its files up to {target} were edited meanwhile",
                hint=f"restore them and run `d1migrate fleet up {self.fleet}` to finish it; {end}",
            )
        if run.digest != digest:
            raise UsageError(
                f"{named} is {run.state}, and has other migrations: up to {run.target}, begun by {run.by}",
                hint=f"`d1migrate fleet up {self.fleet} --to {run.target}` with its files finishes it; {end}",
            )
        if run.waves != tuple(wave.name for wave in waves):
            raise UsageError(
                f"run {run.number} of fleet {self.fleet} is {run.state}, and has other waves:"
                f" {', '.join(run.waves)}",
                hint=f"finish it with its waves, or end it with `d1migrate fleet stop {self.fleet}`; the next"
                " `d1migrate fleet up` begins a run",
            )

    def add(self, run: Run, rows: Iterable[tuple[Tenant, int]]) -> None:
        """List tenants with their waves, in chunks; those that the run has already are not changed.

        A run whose list has ended takes no more: another process has listed them.

        Raises:
            UsageError: an id has two names, or is a tenant of another fleet.
        """
        for chunk in _chunks(rows, _LISTED):
            listed = dict[str, tuple[str, str, str, int]]()
            for (tenant, name, url), wave in chunk:
                if not 0 <= wave < len(run.waves):
                    raise ValueError(f"{name} is in wave {wave} of {len(run.waves)}")
                known = listed.setdefault(tenant, (tenant, name, url, wave))
                if known[1] != name:
                    raise _two_names(tenant, known[1], name)
            if not all(self._add(run, text) for text in json_texts(listed.values())):
                return

    def _add(self, run: Run, rows: str) -> bool:
        """List tenants; return whether the list is still open."""
        found = self._database.send(sql.ADD, run=run.id, fleet=self.fleet, rows=rows)
        state, sealed_at, *_ = self._known(run, found)
        if sealed_at is not None or state not in ("running", "paused"):
            return False
        for *_, tenant, name, other_name, other_fleet in found:
            if tenant is not None:
                raise self._cannot_be_listed(tenant, name, other_name, other_fleet)
        return True

    def _cannot_be_listed(self, tenant: str, name: str, other_name: str, other_fleet: str) -> UsageError:
        if other_fleet == self.fleet:
            return _two_names(tenant, other_name, name)
        return UsageError(
            f"{name} ({tenant}) is a tenant of fleet {other_fleet}, too",
            hint="a database is in one fleet; if it moved, run `d1migrate fleet up"
            f" {other_fleet}` first; if the fleet has a new name, start with a new journal",
        )

    def seal(self, run: Run) -> InventoryCounts:
        """End the list of tenants, so that they can be claimed. Ended already, only return the counts."""
        return InventoryCounts(*self._known(run, self._database.send(sql.SEAL, run=run.id, fleet=self.fleet)))

    def claim(
        self,
        run: Run,
        owner: str,
        count: int,
        seconds: int,
        *,
        last_wave: int | None = None,
        only: Sequence[str] = (),
        jobs: bool = False,
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
            jobs: whether those that wait for a job are taken, instead of those to be done.
        """
        number = self._answered.get(owner, 0) + 1
        arguments = {"only": json_text(list(only))} if only else {}
        rows = self._database.send(
            _CLAIMS[jobs, bool(only)],
            run=run.id,
            owner=owner,
            claim=number,
            count=min(count, CHUNK),
            seconds=seconds,
            last_wave=_LAST_WAVE if last_wave is None else last_wave,
            **arguments,
        )
        state, reason, left, taken, *_ = self._known(run, rows)
        self._answered[owner] = number
        found = [row[4:] for row in rows if row[4] is not None]
        tenants = tuple(
            Claimed(tenant, name, url, wave, taken - len(found) + place, tries)
            for place, (tenant, name, url, wave, tries) in enumerate(found)
        )
        return Claim(tenants, state, reason, left)

    def extend(self, owner: str) -> None:
        """Begin the owner's lease again."""
        self._database.send(sql.EXTEND, owner=owner)

    def finish(self, run: Run, owner: str, outcomes: Iterable[Finished]) -> str:
        """Record outcomes; tenants that another process has taken over are left alone.

        Returns:
            The state of the run.
        """
        state = run.state
        every = {outcome.id: _outcome(outcome) for outcome in outcomes}
        for text in list(json_texts(every.values())) or ["[]"]:
            state, _ = self._known(
                run, self._database.send(sql.FINISH, run=run.id, owner=owner, outcomes=text)
            )
        return state

    def release(self, run: Run, owner: str) -> None:
        """Give back all that the owner has claimed and not finished: others need not wait for its lease."""
        self._database.send(sql.RELEASE, run=run.id, owner=owner)

    # --- what a person decides ---

    def pause(self, by: str) -> Run | None:
        """Pause the newest run if it is running; return it as it is then. None if there is no run."""
        return self._decide(sql.PAUSE, by=by)

    def resume(self, by: str) -> Run | None:
        """Continue the newest run if it is paused or stopped; the failures it has do not stop it again.

        Returns:
            The run as it is then; None if there is no run.
        """
        return self._decide(sql.RESUME, by=by)

    def stop(self, by: str) -> Run | None:
        """End the newest run if it is running or paused, so that other migrations can begin.

        Returns:
            The run as it is then; None if there is no run.
        """
        return self._decide(sql.STOP, by=by)

    def _decide(self, operation: Operation, **arguments: Any) -> Run | None:
        if self.status() is None:  # else it would create a file
            return None
        return _run(self._database.send(operation, fleet=self.fleet, **arguments)[0])

    def retry(self, *, only: Sequence[str] = (), wave: int | None = None) -> int:
        """Put failed tenants of the newest run back to be done, and run it again if it has ended.

        Args:
            only: ids or names; all without it.
            wave: its number, from 0.

        Returns:
            How many.
        """
        if self.status() is None:
            return 0
        text, total, found = json_text(list(only)) if only else None, 0, _PAGE
        while found == _PAGE:
            ((found,),) = self._database.send(sql.RETRY, fleet=self.fleet, only=text, wave=wave, count=_PAGE)
            total += found
        return total

    # --- what a person asks ---

    def status(self, run: Run | None = None) -> FleetStatus | None:
        """Return a run with its counts; None if there is no journal, or no run of the fleet.

        Args:
            run: the run; the newest by default.

        Raises:
            UsageError: it is another database than a journal, or a journal of another format.
        """
        wanted = None if run is None else run.id
        formats, runs, waves = self._database.read(sql.STATUS, fleet=self.fleet, run=wanted)
        for (written,) in formats:
            self._database.check_format(written)
        if not runs:
            return None
        *found, appeared, vanished, now, processes = runs[0]
        counted = tuple(
            RunWave(
                name,
                size,
                size - done - failed - (waiting - driven) - leased,
                leased,
                waiting - driven,
                done,
                failed,
                most_failed,
                requests,
                tuple(json.loads(names)),
            )
            for name, size, done, failed, waiting, most_failed, requests, leased, driven, names in waves
        )
        counts = InventoryCounts(sum(wave.size for wave in counted), appeared, vanished)
        return FleetStatus(_run(found), counted, counts, processes, now)

    def failures(self, run: Run, *, groups: int = 50, examples: int = 3) -> tuple[FailureGroup, ...]:
        """Return the most frequent errors of a run, each with the names of some tenants."""
        (rows,) = self._database.read(sql.FAILURES, run=run.id, count=groups, examples=examples)
        return tuple(
            FailureGroup(text, place, hint, tenants, tuple(json.loads(names)))
            for text, place, hint, tenants, names in rows
        )

    def failed_tenants(self, run: Run) -> Iterator[FailedTenant]:
        """Yield the failed tenants of a run by error and wave; page by page, so that memory is flat."""
        error, wave, after = 0, -1, 0
        while True:
            (rows,) = self._database.read(
                sql.FAILED_TENANTS, run=run.id, error=error, wave=wave, after=after, count=CHUNK
            )
            for *values, _, _ in rows:
                yield FailedTenant(*values)
            if len(rows) < CHUNK:
                return
            wave, (error, after) = rows[-1][2], rows[-1][-2:]

    def vanished(self, run: Run) -> Iterator[tuple[str, str]]:
        """Yield id and name of the tenants that the run before had, and a run does not have.

        It looks at every tenant, page by page: ask only if the counts have some.
        """
        after: int | None = 0
        while after is not None:
            ((after,),), rows = self._database.read(
                sql.VANISHED, run=run.id, fleet=self.fleet, after=after, count=_PAGE
            )
            yield from rows

    def versions(self, run: Run) -> dict[str | None, int]:
        """Return {newest migration: how many tenants of a run have it}, the most frequent first.

        None counts those whose newest migration is not known. It looks at every tenant, page by page.
        """
        after: int | None = 0
        found = Counter[str | None]()
        while after is not None:
            ((after,),), rows = self._database.read(
                sql.VERSIONS, run=run.id, fleet=self.fleet, after=after, count=_PAGE
            )
            found.update(dict(rows))
        return dict(found.most_common())

    def tenants(self, ids: Sequence[str]) -> dict[str, RunTenant]:
        """Return {id: what the newest run has of that tenant}, without those that it does not have."""
        (rows,) = self._database.read(sql.TENANTS, fleet=self.fleet, ids=json_text(list(ids)))
        return {tenant: RunTenant(*values) for tenant, *values in rows}

    def states(self) -> tuple[SavedState, ...]:
        """Return the states that tenants of this fleet were found in, the most frequent first."""
        (rows,) = self._database.read(sql.STATES, fleet=self.fleet, count=_STATES)
        return tuple(SavedState(text, tenants) for text, tenants in rows)

    def save_states(self, found: Iterable[SavedState]) -> None:
        """Save states, and add to the count of those that are saved already."""
        for text in json_texts(found):
            self._database.send(sql.SAVE_STATES, fleet=self.fleet, states=text, count=_STATES)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _known(self, run: Run, rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return the first row of an operation on a run.

        Raises:
            UnavailableError: the journal does not have the run.
        """
        if not rows:
            raise self._database.gone(f"it does not have run {run.number}")
        return rows[0]


def _run(row: Sequence[Any]) -> Run:
    number, run, fleet, digest, target, by, state, reason, sealed_at, began_at, ended_at, waves = row
    names = tuple(json.loads(waves))
    is_sealed = sealed_at is not None
    return Run(run, number, fleet, digest, target, by, state, reason, names, is_sealed, began_at, ended_at)


def _outcome(finished: Finished) -> dict[str, Any]:
    error, hint = finished.error, finished.hint
    if finished.state == "failed" and not error:
        error = "no reason given"
    short = {"error": error and error[:LONGEST_ERROR], "hint": hint and hint[:LONGEST_ERROR]}
    return finished._asdict() | short


def _two_names(tenant: str, one: str, other: str) -> UsageError:
    return UsageError(
        f"{tenant} has two names: {one} and {other}",
        hint="list each database once; if it was renamed meanwhile, run the command again",
    )


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
