"""The journal of a fleet: runs, claims, outcomes and counters, with lost answers, late requests and dead processes."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import AmbiguousError, DamagedError, UnavailableError, UsageError
from d1migrate.fleet.journal import Journal, new_owner, open_journal
from d1migrate.fleet.model import Finished, InventoryCounts, SavedState
from d1migrate.fleet.tenant import Tenant
from d1migrate.project.waves import read_waves
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from d1migrate.fleet.model import Claim, Run
    from d1migrate.sql.batch import Result

WAVES = read_waves(("2", "10%", "rest"), ("0", "1", "10%"))
SIZES = (2, 3, 10)


class Fragile:
    """A driver whose answers can be lost: `faults` has, for the next batches, "lose", "drop" or ""."""

    def __init__(self, driver: SqliteDriver) -> None:
        self._driver, self.url, self.capabilities = driver, driver.url, driver.capabilities
        self.faults = list[str]()
        self.sent = list[Batch]()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch, unless it is to be dropped; raise if it is, or if its answer is to be lost."""
        self.sent.append(batch)
        fault = self.faults.pop(0) if self.faults and not batch.reads else ""
        if fault == "drop":
            raise AmbiguousError("no response")
        results = self._driver.batch(batch)
        if fault == "lose":
            raise AmbiguousError("no response")
        return results

    def close(self) -> None:
        """Close the file."""
        self._driver.close()


class Clocked(Journal):
    """A journal in a file, whose clock can be advanced: what is recorded is moved to the past."""

    def __init__(self, path: Path, fleet: str = "tenants") -> None:
        self.fragile = Fragile(SqliteDriver(str(path), url=f"sqlite:{path}"))
        super().__init__(self.fragile, fleet)
        self.waits = list[float]()
        self._database._wait = self.note_wait

    def note_wait(self, seconds: float, reason: str) -> None:
        """Do not wait."""
        assert reason == "the journal did not answer: no response"
        self.waits.append(seconds)

    def sql(self, text: str, *params: Any) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        (result,) = self.fragile.batch(Batch([Query(text, params)], last_rows=True))
        return list(result.rows)

    def pass_time(self, seconds: int) -> None:
        """Let leases end."""
        self.sql(f"UPDATE fleet_processes SET until = until - {seconds}")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Clocked]:
    """A new journal."""
    with closing(Clocked(tmp_path / "journal.sqlite")) as made:
        made.create()
        yield made


def tenant(number: int) -> Tenant:
    """A tenant."""
    return Tenant(f"id-{number:04}", f"tenant-{number}", f"d1:id-{number:04}")


def listed(sizes: Sequence[int] = SIZES) -> list[tuple[Tenant, int]]:
    """Tenants with their waves."""
    waves = [wave for wave, size in enumerate(sizes) for _ in range(size)]
    return [(tenant(number), wave) for number, wave in enumerate(waves)]


def begin(journal: Journal, digest: str = "digest", waves: Any = WAVES) -> Run:
    """Begin a run."""
    return journal.begin(digest, "003_notes", waves, "anna")


def sealed(journal: Journal, rows: Sequence[tuple[Tenant, int]] | None = None, digest: str = "digest") -> Run:
    """Begin a run with its tenants."""
    run = begin(journal, digest)
    journal.add(run, listed() if rows is None else rows)
    journal.seal(run)
    return run


def done(claim: Claim, requests: int = 1) -> list[Finished]:
    """The outcomes of tenants that are all migrated."""
    return [Finished(found.id, "done", "003_notes", requests) for found in claim.tenants]


def failed(
    claim: Claim, error: str = "no such table: users", place: str = "003_notes.sql:2"
) -> list[Finished]:
    """The outcomes of tenants that all failed."""
    return [Finished(found.id, "failed", None, 1, error, place) for found in claim.tenants]


def waiting(claim: Claim, migration: str = "002_fill") -> list[Finished]:
    """The outcomes of tenants that all wait for a job."""
    return [Finished(found.id, "waiting", "001_users", 1, waiting_for=migration) for found in claim.tenants]


def work(journal: Journal, run: Run, count: int = 4, owner: str | None = None) -> list[str]:
    """Migrate what can be claimed; return the ids."""
    owner, found = owner or new_owner(), list[str]()
    while (claim := journal.claim(run, owner, count, 60)).tenants:
        found += [one.id for one in claim.tenants]
        journal.finish(run, owner, done(claim))
    return found


def check(journal: Clocked) -> None:
    """The counters of the newest run are those of a scan."""
    status = journal.status()
    assert status is not None
    for number, wave in enumerate(status.waves):
        counted = dict(
            journal.sql(
                "SELECT state, count(*) FROM fleet_tenants WHERE run = ?1 AND wave = ?2 GROUP BY state",
                status.run.number,
                number,
            )
        )
        assert counted == {
            state: count
            for state, count in zip(
                ("todo", "leased", "waiting", "done", "failed"),
                (wave.todo, wave.leased, wave.waiting, wave.done, wave.failed),
                strict=True,
            )
            if count
        }
        assert sum(counted.values()) == wave.size


def test_a_run_takes_one_wave_after_the_other(journal: Clocked) -> None:
    """Nothing of the next wave is claimed before the last tenant of this one is finished."""
    run, owner = sealed(journal), new_owner()
    first = journal.claim(run, owner, 50, 60)
    assert [(found.id, found.wave, found.place, found.tries) for found in first.tenants] == [
        ("id-0000", 0, 0, 1),
        ("id-0001", 0, 1, 1),
    ]
    assert (first.state, first.left) == ("running", 15)
    assert journal.claim(run, new_owner(), 50, 60) == ((), "running", None, 15)
    journal.finish(run, owner, done(first)[:1])
    assert journal.claim(run, owner, 50, 60).tenants == ()
    journal.finish(run, owner, done(first)[1:])
    assert [found.wave for found in journal.claim(run, owner, 50, 60).tenants] == [1, 1, 1]
    check(journal)


def test_a_run_ends_with_its_last_tenant(journal: Clocked) -> None:
    """The state is `done` with the last outcome; the status adds up to the inventory."""
    run = sealed(journal)
    assert sorted(work(journal, run)) == [found.id for found, _ in listed()]
    status = journal.status()
    assert status is not None
    assert status.run.state == "done"
    assert status.run.ended_at is not None
    assert [(wave.size, wave.done, wave.requests) for wave in status.waves] == [
        (2, 2, 2),
        (3, 3, 3),
        (10, 10, 10),
    ]
    assert status.counts == (15, 15, 0)
    assert journal.claim(run, new_owner(), 5, 60) == ((), "done", None, 0)


def test_nothing_is_claimed_before_the_list_is_complete(journal: Clocked) -> None:
    """Otherwise the first wave could end, and the run with it, while tenants are listed."""
    run = begin(journal)
    journal.add(run, listed()[:2])
    assert journal.claim(run, new_owner(), 5, 60).tenants == ()
    journal.add(run, listed())
    assert journal.seal(run).total == 15
    journal.add(run, [(tenant(99), 2)])  # too late
    assert journal.seal(run).total == 15


def test_an_empty_fleet_is_done(journal: Clocked) -> None:
    """There is nothing to do."""
    run = sealed(journal, [])
    assert journal.claim(run, new_owner(), 5, 60).state == "done"


def test_without_a_journal_there_is_no_status(tmp_path: Path) -> None:
    """Reading creates no file and no folder, and neither does a decision about no run."""
    journal = open_journal(f"sqlite:{tmp_path}/new/journal.sqlite", "tenants")
    assert journal.status() is None
    assert journal.pause("anna") is journal.resume("anna") is journal.stop("anna") is None
    assert journal.retry() == 0
    assert not (tmp_path / "new").exists()
    journal.create()
    assert journal.status() is None
    journal.close()
    assert (tmp_path / "new/journal.sqlite").exists()


def test_a_damaged_file(tmp_path: Path) -> None:
    """It is not restored: a new one asks each tenant once."""
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, and longer than a header" * 9)
    with closing(open_journal(f"sqlite:{path}", "tenants")) as journal:
        for use in (journal.create, journal.status):
            with pytest.raises(DamagedError, match="file is not a database") as caught:
                use()
            assert "move it away" in str(caught.value.hint)
            assert "asks each tenant once" in str(caught.value.hint)


# --- jobs ---


def test_waiting_tenants_are_neither_done_nor_failed(journal: Clocked) -> None:
    """The waves go on without them, the run does not end, and the status has what they wait for."""
    run, owner = sealed(journal), new_owner()
    journal.finish(run, owner, waiting(journal.claim(run, owner, 50, 60)))
    claim = journal.claim(run, owner, 2, 60)
    assert [found.wave for found in claim.tenants] == [1, 1]
    journal.finish(run, owner, waiting(claim, "003_more"))
    check(journal)
    assert len(work(journal, run)) == 11
    check(journal)
    assert journal.claim(run, owner, 50, 60) == ((), "running", None, 0)
    status = journal.status()
    assert status is not None
    assert (status.run.state, status.is_done) == ("running", False)
    assert [(wave.waiting, wave.waiting_for) for wave in status.waves] == [
        (2, ("002_fill",)),
        (2, ("003_more",)),
        (0, ()),
    ]
    assert (status.total.waiting, status.total.waiting_for) == (4, ("002_fill", "003_more"))


def test_jobs_are_claimed_wave_after_wave(journal: Clocked) -> None:
    """Also if all waves wait: a canary whose job fails stops the others."""
    run, owner = sealed(journal), new_owner()
    while (claim := journal.claim(run, owner, 50, 60)).tenants:
        journal.finish(run, owner, waiting(claim))
    first = journal.claim(run, owner, 1, 60, jobs=True)
    other = new_owner()
    second = journal.claim(run, other, 50, 60, jobs=True)
    assert [found.id for found in (*first.tenants, *second.tenants)] == ["id-0000", "id-0001"]
    assert (first.left, second.left) == (15, 15)
    check(journal)
    assert journal.claim(run, owner, 50, 60, jobs=True) == ((), "running", None, 15)
    journal.finish(run, owner, done(first))
    assert journal.claim(run, owner, 50, 60, jobs=True).tenants == ()
    journal.finish(run, other, waiting(second, "003_more"))
    check(journal)
    again = journal.claim(run, owner, 50, 60, jobs=True)
    assert [(found.id, found.tries) for found in again.tenants] == [("id-0001", 3)]
    assert journal.finish(run, owner, failed(again)) == "stopped"
    check(journal)


def test_jobs_that_are_given_back_wait_again(journal: Clocked) -> None:
    """And those of a process that died are taken by another one that drives jobs, not by `up`."""
    run, owner = sealed(journal, listed((0, 0, 3))), new_owner()
    journal.finish(run, owner, waiting(journal.claim(run, owner, 2, 60)))
    claim = journal.claim(run, owner, 1, 60, jobs=True)
    journal.release(run, owner)
    check(journal)
    other = new_owner()
    assert journal.claim(run, other, 1, 60, jobs=True).tenants[0].id == claim.tenants[0].id
    journal.pass_time(61)
    assert [found.id for found in journal.claim(run, owner, 5, 60).tenants] == ["id-0002"]
    taken = journal.claim(run, owner, 5, 60, jobs=True)
    assert {found.id for found in taken.tenants} == {"id-0000", "id-0001"}
    assert taken.left == 2
    journal.finish(run, other, done(claim))  # too late
    check(journal)


def test_certain_jobs(journal: Clocked) -> None:
    """Of any wave; those that do not wait are not taken."""
    run, owner = sealed(journal), new_owner()
    journal.finish(run, owner, waiting(journal.claim(run, owner, 50, 60)))
    claim = journal.claim(run, owner, 5, 60, only=["id-0001", "id-0009"], jobs=True)
    assert ([found.id for found in claim.tenants], claim.left) == (["id-0001"], 1)
    journal.finish(run, owner, done(claim))
    assert journal.claim(run, owner, 5, 60, only=["id-0001", "id-0009"], jobs=True).left == 0
    assert journal.claim(run, owner, 5, 60, only=["id-0000", "id-0009"]).left == 1
    check(journal)


def test_a_wave_that_up_has_not_finished_has_no_jobs_to_claim(journal: Clocked) -> None:
    """Nothing is left to drive before: a process would wait for what nobody works on."""
    run, owner = sealed(journal, listed((2, 0, 1))), new_owner()
    journal.finish(run, owner, done(journal.claim(run, owner, 1, 60)))
    last = journal.claim(run, owner, 1, 60, only=["id-0002"])
    journal.finish(run, owner, waiting(last))
    assert journal.claim(run, owner, 5, 60, jobs=True) == ((), "running", None, 0)
    work(journal, run)
    assert journal.claim(run, owner, 5, 60, jobs=True).left == 1


def test_a_claim_of_jobs_that_arrives_again(journal: Clocked) -> None:
    """It returns the same tenants, and the counters stay."""
    run, owner = sealed(journal, listed((0, 0, 3))), new_owner()
    journal.finish(run, owner, waiting(journal.claim(run, owner, 3, 60)))
    journal.fragile.faults = ["lose"]
    assert len(journal.claim(run, owner, 2, 60, jobs=True).tenants) == 2
    check(journal)
    journal.fragile.faults = ["lose"]
    claim = journal.claim(run, owner, 2, 60, jobs=True)
    journal.fragile.faults = ["lose"]
    journal.finish(run, owner, done(claim))
    check(journal)


def test_the_next_run_lists_tenants_that_waited(journal: Clocked) -> None:
    """They are to be done again."""
    run, owner = sealed(journal, listed((0, 0, 3))), new_owner()
    journal.finish(run, owner, waiting(journal.claim(run, owner, 3, 60)))
    journal.claim(run, owner, 1, 60, jobs=True)
    journal.stop("anna")
    check(journal)
    run = sealed(journal, listed((0, 0, 3)), "other")
    check(journal)
    assert len(work(journal, run)) == 3
    status = journal.status()
    assert status is not None
    assert status.is_done


# --- failures ---


def test_a_failure_stops_the_canary(journal: Clocked) -> None:
    """Its limit is 0: the run stops with the first failure, and says why."""
    run, owner = sealed(journal), new_owner()
    claim = journal.claim(run, owner, 1, 60)
    assert journal.finish(run, owner, failed(claim)) == "stopped"
    again = journal.claim(run, owner, 5, 60)
    assert again == ((), "stopped", "1 of 2 tenants of wave 1 (2) failed; at most 0 may fail", 14)
    check(journal)


def test_failures_within_the_limit_stop_nobody(journal: Clocked) -> None:
    """10 % of a wave of 10 is one failure; the second one stops the run."""
    run, owner = sealed(journal, listed((0, 0, 10))), new_owner()
    for expected in ("running", "stopped"):
        assert journal.finish(run, owner, failed(journal.claim(run, owner, 1, 60))) == expected


@pytest.mark.parametrize("share", ["0%", "0.29%", "2%", "33.3%", "100%"])
def test_a_share_is_what_a_plan_shows(journal: Clocked, share: str) -> None:
    """The journal and `fleet plan` round it in the same way."""
    waves = read_waves(("1", "rest"), (share, share))
    begin(journal, waves=waves)
    for size in (0, 1, 3, 49, 50, 51, 10_000, 1_000_000):
        journal.sql(f"UPDATE fleet_waves SET size = {size}")
        status = journal.status()
        assert status is not None
        assert {wave.most_failed for wave in status.waves} == {waves[1].stop.of(size)}


def test_retry_puts_failed_tenants_back(journal: Clocked) -> None:
    """The run goes on where it stopped, and the failures that are left are counted."""
    run, owner = sealed(journal, listed((0, 3, 10))), new_owner()
    assert journal.finish(run, owner, failed(journal.claim(run, owner, 3, 60))) == "stopped"
    assert journal.retry(only=["tenant-1", "id-0002", "no-such-tenant"]) == 2
    check(journal)
    claim = journal.claim(run, owner, 5, 60)
    assert [(found.id, found.tries) for found in claim.tenants] == [("id-0001", 2), ("id-0002", 2)]
    journal.finish(run, owner, done(claim))
    work(journal, run)
    status = journal.status()
    assert status is not None
    assert (status.run.state, status.waves[1].failed) == ("done", 1)
    assert journal.retry(wave=2) == 0
    assert journal.retry(wave=1) == 1
    assert work(journal, run) == ["id-0000"]
    check(journal)


def test_resume_accepts_the_failures(journal: Clocked) -> None:
    """A canary that is broken for good does not block the fleet; one more failure does."""
    run, owner = sealed(journal), new_owner()
    journal.finish(run, owner, failed(journal.claim(run, owner, 1, 60)))
    resumed = journal.resume("anna")
    assert resumed is not None
    assert (resumed.state, resumed.reason) == ("running", "resumed by anna")
    assert journal.finish(run, owner, failed(journal.claim(run, owner, 1, 60))) == "stopped"
    journal.resume("anna")
    assert len(work(journal, run)) == 13
    status = journal.status()
    assert status is not None
    assert status.run.state == "done"


def test_a_run_that_was_resumed_is_done_without_a_reason(journal: Clocked) -> None:
    """Who resumed it is of interest while it is running."""
    run = sealed(journal, listed((0, 0, 1)))
    journal.pause("anna")
    resumed = journal.resume("ben")
    assert resumed is not None
    assert resumed.reason == "resumed by ben"
    work(journal, run)
    status = journal.status()
    assert status is not None
    assert (status.run.state, status.run.reason) == ("done", None)


def test_only_a_stopped_run_has_its_failures_accepted(journal: Clocked) -> None:
    """Not a paused one, and not those after the decision, if its request arrives again."""
    run, owner = sealed(journal, listed((0, 0, 20))), new_owner()  # 2 may fail

    def fail(count: int) -> str:
        return journal.finish(run, owner, failed(journal.claim(run, owner, count, 60)))

    assert fail(2) == "running"
    journal.pause("anna")
    journal.resume("anna")
    assert fail(1) == "stopped"
    journal.resume("anna")
    resumed = journal.fragile.sent[-1]
    assert fail(1) == "running"
    journal.pause("anna")
    journal.stop("anna")
    journal.fragile.batch(resumed)
    journal.sql("UPDATE fleet_runs SET state = 'running'")
    assert fail(2) == "stopped"


def test_failures_are_grouped_by_error(journal: Clocked) -> None:
    """The most frequent error first, with names and place; texts are stored once."""
    run, owner = sealed(journal, listed((0, 0, 1_200))), new_owner()
    while (claim := journal.claim(run, owner, 400, 60)).tenants:
        journal.finish(run, owner, failed(claim._replace(tenants=claim.tenants[1:])))
        journal.finish(run, owner, failed(claim, "UNIQUE constraint failed: ünïque.x", ""))
        journal.resume("anna")
    groups = journal.failures(run)
    assert [tuple(group) for group in groups] == [
        ("no such table: users", "003_notes.sql:2", "", 1_197, ("tenant-1", "tenant-2", "tenant-3")),
        ("UNIQUE constraint failed: ünïque.x", "", "", 3, ("tenant-0", "tenant-400", "tenant-800")),
    ]
    every = list(journal.failed_tenants(run))
    assert len({found.id for found in every}) == len(every) == 1_200
    assert [found.name for found in every if "UNIQUE" in found.error] == [
        "tenant-0",
        "tenant-400",
        "tenant-800",
    ]
    assert journal.sql("SELECT count(*) FROM fleet_errors") == [(2,)]
    assert journal.sql("SELECT count(*), min(try) FROM fleet_attempts") == [(1_200, 1)]


def test_tenants_are_counted_by_their_newest_migration(journal: Clocked) -> None:
    """Page by page; one that was never migrated has none."""
    run, owner = sealed(journal, listed((0, 0, 9))), new_owner()
    claimed = journal.claim(run, owner, 5, 60).tenants
    names = ["003_c", "003_c", "002_b", "003_c", "002_b"]
    journal.finish(
        run, owner, [Finished(one.id, "done", name) for one, name in zip(claimed, names, strict=True)]
    )
    assert journal.versions(run) == {None: 4, "003_c": 3, "002_b": 2}


def test_the_hint_of_an_error_is_kept(journal: Clocked) -> None:
    """Once for each text; an outcome of a sender without hints has none."""
    run, owner = sealed(journal, listed((0, 0, 3))), new_owner()
    first, second, third = journal.claim(run, owner, 3, 60).tenants
    error = Finished(first.id, "failed", None, 1, "it has no tables", None, "create them")
    journal.finish(run, owner, [error, error._replace(id=second.id, hint="an older one")])
    journal.resume("anna")
    journal.finish(run, owner, [Finished(third.id, "failed", None, 1, "no such table: users")])
    assert [(group.error, group.hint, group.tenants) for group in journal.failures(run)] == [
        ("it has no tables", "create them", 2),
        ("no such table: users", "", 1),
    ]
    assert [found.hint for found in journal.failed_tenants(run)] == ["create them", "create them", ""]
    assert journal.tenants([first.id])[first.id].hint == "create them"


def test_tenants_are_looked_up_by_id(journal: Clocked) -> None:
    """Those of the newest run, with their errors; one that the run does not have is left out."""
    run, owner = sealed(journal, listed((0, 0, 3))), new_owner()
    first, second, _ = journal.claim(run, owner, 3, 60).tenants
    error = "no such table: users"
    journal.finish(
        run, owner, [Finished(first.id, "done", "003_c"), Finished(second.id, "failed", None, 1, error, "3")]
    )
    found = journal.tenants(["id-0002", "id-0001", "id-0000", "no-such-id"])
    assert found == {
        "id-0000": ("done", "003_c", None, None, None),
        "id-0001": ("failed", None, error, "3", ""),
        "id-0002": ("leased", None, None, None, None),
    }
    journal.stop("anna")
    journal.begin("another", "004_d", WAVES, "anna")
    assert journal.tenants(["id-0000"]) == {}


def test_a_failure_without_a_reason_is_listed_too(journal: Clocked) -> None:
    """A group of failures never lacks some of them."""
    run, owner = sealed(journal), new_owner()
    claim = journal.claim(run, owner, 1, 60)
    journal.finish(run, owner, [Finished(claim.tenants[0].id, "failed")])
    assert [group.error for group in journal.failures(run)] == ["no reason given"]


def test_a_tenant_without_an_answer_is_tried_again(journal: Clocked) -> None:
    """It is neither done nor failed; its requests count."""
    run, owner = sealed(journal), new_owner()
    claim = journal.claim(run, owner, 1, 60)
    journal.finish(run, owner, [Finished(claim.tenants[0].id, "todo", None, 3, "no response")])
    (again,) = journal.claim(run, owner, 1, 60).tenants
    assert (again.id, again.tries) == ("id-0000", 2)
    status = journal.status()
    assert status is not None
    assert status.waves[0][:7] == ("2", 2, 1, 1, 0, 0, 0)
    assert status.waves[0].requests == 3


# --- leases ---


def test_an_ended_lease_is_taken_over_once(journal: Clocked) -> None:
    """What its first owner then says is not recorded: the second one works on it."""
    run, slow, fast = sealed(journal), new_owner(), new_owner()
    lost = journal.claim(run, slow, 2, 60)
    assert journal.claim(run, fast, 2, 60).tenants == ()
    journal.pass_time(61)
    taken = journal.claim(run, fast, 2, 60)
    assert [(found.id, found.tries) for found in taken.tenants] == [("id-0000", 2), ("id-0001", 2)]
    journal.finish(run, slow, failed(lost))
    journal.finish(run, fast, done(taken))
    journal.finish(run, slow, failed(lost))
    status = journal.status()
    assert status is not None
    assert status.waves[0][:7] == ("2", 2, 0, 0, 0, 2, 0)
    assert list(journal.failed_tenants(run)) == []
    check(journal)


def test_a_late_outcome_counts_if_nobody_took_over(journal: Clocked) -> None:
    """The request was sent; sending another one would tell nothing new."""
    run, owner = sealed(journal), new_owner()
    claim = journal.claim(run, owner, 2, 60)
    journal.pass_time(600)
    journal.finish(run, owner, done(claim))
    assert journal.claim(run, owner, 5, 60).tenants[0].wave == 1


def test_a_slow_process_does_not_take_over_from_itself(journal: Clocked) -> None:
    """It works on what it has, though its lease has ended."""
    run, owner = sealed(journal, listed((0, 0, 10))), new_owner()
    first = journal.claim(run, owner, 4, 60)
    journal.pass_time(61)
    second = journal.claim(run, owner, 4, 60)
    assert not {found.id for found in first.tenants} & {found.id for found in second.tenants}


def test_a_lease_that_began_in_the_future_has_ended(journal: Clocked) -> None:
    """The clock was a day ahead when a process was killed: nobody waits a day for it. A second is no day."""
    run, dead, other = sealed(journal), new_owner(), new_owner()
    journal.claim(run, dead, 2, 60)
    journal.pass_time(-10)
    assert journal.claim(run, other, 2, 60).tenants == ()
    journal.pass_time(-86_400)
    status = journal.status()
    assert status is not None
    assert status.processes == 0
    assert [found.tries for found in journal.claim(run, other, 2, 60).tenants] == [2, 2]
    check(journal)


def test_outcomes_and_extensions_begin_the_lease_again(journal: Clocked) -> None:
    """A process that works is not overtaken, however long one tenant takes."""
    run, owner, other = sealed(journal), new_owner(), new_owner()
    claim = journal.claim(run, owner, 2, 60)
    for again in (lambda: journal.extend(owner), lambda: journal.finish(run, owner, done(claim)[:1])):
        journal.pass_time(50)
        again()
        journal.pass_time(50)
        assert journal.claim(run, other, 2, 60).tenants == ()


def test_release_gives_back_what_is_not_finished(journal: Clocked) -> None:
    """Others need not wait, and the try does not count; what was finished stays finished."""
    run, owner, other = sealed(journal), new_owner(), new_owner()
    claim = journal.claim(run, owner, 2, 60)
    journal.finish(run, owner, done(claim)[:1])
    journal.release(run, owner)
    (again,) = journal.claim(run, other, 5, 60).tenants
    assert (again.id, again.tries) == ("id-0001", 1)


def test_only_certain_tenants(journal: Clocked) -> None:
    """Of any wave, also those of a dead process; the last wave limits what is claimed."""
    run, owner, dead = sealed(journal), new_owner(), new_owner()
    journal.claim(run, dead, 1, 60)
    assert journal.claim(run, owner, 5, 60, only=["id-0000"]) == ((), "running", None, 1)
    journal.pass_time(61)
    claim = journal.claim(run, owner, 5, 60, only=["id-0000", "id-0014", "no-such-id"])
    assert [found.id for found in claim.tenants] == ["id-0000", "id-0014"]
    assert claim.left == 2
    (next_one,) = journal.claim(run, owner, 1, 60).tenants
    assert (next_one.id, next_one.place) == ("id-0001", 1)
    journal.finish(run, owner, [Finished("id-0001", "todo")])
    assert journal.claim(run, owner, 5, 60, only=["id-0014"]) == ((), "running", None, 1)
    journal.finish(run, owner, done(claim))
    assert journal.claim(run, owner, 5, 60, only=["id-0014"]) == ((), "running", None, 0)
    assert [found.id for found in journal.claim(run, owner, 5, 60, last_wave=0).tenants] == ["id-0001"]
    journal.finish(run, owner, [Finished("id-0001", "done")])
    assert journal.claim(run, owner, 5, 60, last_wave=0) == ((), "running", None, 0)
    check(journal)


# --- answers that are lost, and requests that are late ---


@pytest.mark.parametrize("fault", ["lose", "drop"])
def test_every_operation_may_lose_its_answer(journal: Clocked, fault: str) -> None:
    """Each is sent again, and is the same as once: nothing is leased twice, counted twice or left."""

    def troubled() -> None:
        journal.fragile.faults = [fault, fault]

    troubled()
    journal.create()
    troubled()
    run = begin(journal)
    assert run.number == 1
    troubled()
    journal.add(run, listed())
    troubled()
    assert journal.seal(run) == InventoryCounts(15, 15, 0)
    owner = new_owner()
    for count in (2, 3, 10):
        troubled()
        claim = journal.claim(run, owner, count, 60)
        assert len(claim.tenants) == count
        assert journal.sql("SELECT count(*) FROM fleet_tenants WHERE state = 'leased'") == [(count,)]
        troubled()
        journal.finish(run, owner, [*done(claim)[1:], *failed(claim)[:1]])
        troubled()
        journal.resume("anna")
        check(journal)
    troubled()
    journal.retry()
    claim = journal.claim(run, owner, 5, 60)
    troubled()
    journal.release(run, owner)
    (again,) = journal.claim(run, owner, 5, 60).tenants
    assert again.tries == claim.tenants[0].tries == 2
    check(journal)
    assert journal.waits


def test_a_claim_that_gave_up_is_answered_by_the_next(journal: Clocked) -> None:
    """Five answers are lost: the tenants that it took are not left until the lease ends."""
    run, owner = sealed(journal, listed((0, 0, 10))), new_owner()
    journal.fragile.faults = ["lose"] * 5
    with pytest.raises(AmbiguousError):
        journal.claim(run, owner, 4, 60)
    assert len(journal.claim(run, owner, 4, 60).tenants) == 4
    assert journal.sql("SELECT count(*) FROM fleet_tenants WHERE state = 'leased'") == [(4,)]


def test_a_late_claim_takes_nothing(journal: Clocked) -> None:
    """It was sent, its answer lost, and sent again; the first request arrives when all that is over."""
    run, owner = sealed(journal, listed((0, 0, 10))), new_owner()
    claim = journal.claim(run, owner, 4, 60)
    late = [journal.fragile.sent[-1]]
    journal.finish(run, owner, done(claim))
    journal.finish(run, owner, done(journal.claim(run, owner, 4, 60)))
    late.append(journal.fragile.sent[-2])
    for batch in (*late, *late):
        journal.fragile.batch(batch)
    assert journal.sql("SELECT count(*) FROM fleet_tenants WHERE state = 'leased'") == [(0,)]


@pytest.mark.parametrize("late_by", [1, 2, 3, 8])
def test_late_requests_change_nothing(journal: Clocked, late_by: int) -> None:
    """Every request of a run arrives a second time, some requests later: each tenant is still finished once."""
    original, queue = journal.fragile.batch, list[Batch]()

    def batch(sent: Batch) -> Sequence[Result]:
        results = original(sent)
        if not sent.reads:
            queue.append(sent)
        if len(queue) > late_by:
            original(queue.pop(0))
        return results

    journal.fragile.batch = batch  # type: ignore[method-assign, assignment]
    run, owners, finished = sealed(journal), [new_owner(), new_owner()], list[str]()
    for turn in range(200):
        owner = owners[turn % 2]
        claim = journal.claim(run, owner, 3, 60)
        finished += [found.id for found in claim.tenants]
        journal.finish(run, owner, done(claim))
        if claim.state == "done":
            break
    journal.fragile.batch = original  # type: ignore[method-assign]
    assert sorted(finished) == [found.id for found, _ in listed()]
    check(journal)
    second = begin(journal, "other digest")
    for late in queue:
        original(late)
    assert begin(journal, "other digest") == second


def test_late_decisions_change_nothing(journal: Clocked) -> None:
    """Each arrives again after the decision that followed it."""
    run, owner = sealed(journal, listed((0, 0, 10))), new_owner()
    sent = journal.fragile.sent

    def late(label: str) -> Batch:
        return next(batch for batch in reversed(sent) if batch.label == label)

    journal.finish(run, owner, failed(journal.claim(run, owner, 2, 60)))
    journal.resume("anna")
    journal.pause("anna")
    journal.fragile.batch(late("resume"))
    assert begin(journal).state == "paused"
    journal.resume("anna")
    journal.fragile.batch(late("pause"))
    assert begin(journal).state == "running"
    assert journal.retry() == 2
    again = journal.claim(run, owner, 2, 60)
    journal.finish(run, owner, failed(again))
    journal.fragile.batch(late("put failed tenants back"))
    assert journal.finish(run, owner, []) == "stopped"
    journal.resume("anna")
    journal.claim(run, owner, 2, 60)
    journal.release(run, owner)
    held = journal.claim(run, owner, 2, 60)
    journal.fragile.batch(late("give tenants back"))
    journal.finish(run, owner, done(held))
    check(journal)
    journal.stop("anna")
    check(journal)
    journal.fragile.batch(late("begin a run"))
    status = journal.status()
    assert status is not None
    assert status.run.state == "stopped"
    second = sealed(journal, digest="other digest")
    for label in ("stop", "pause", "resume", "begin a run", "end the list of tenants", "list tenants"):
        journal.fragile.batch(late(label))
    status = journal.status()
    assert status is not None
    assert status.run == second._replace(is_sealed=True)
    assert [wave.failed for wave in status.waves] == [0, 0, 0]
    check(journal)


@pytest.mark.parametrize("fault", ["lose", "drop", ""])
def test_retry_of_many(journal: Clocked, fault: str) -> None:
    """Page by page; a page whose answer is lost is counted all the same."""
    run, owner = sealed(journal, listed((0, 0, 5_100))), new_owner()
    journal.sql("UPDATE fleet_tenants SET state = 'failed'")
    journal.sql("UPDATE fleet_waves SET failed = size")
    journal.fragile.faults = [fault, fault, "", fault]
    assert journal.retry() == 5_100
    assert len(journal.claim(run, owner, 1_000, 60).tenants) == 500
    check(journal)


# --- runs ---


def test_an_unfinished_run_goes_on(journal: Clocked) -> None:
    """In another process, with the same migrations: it is the same run, with today's limits."""
    run, owner = sealed(journal), new_owner()
    journal.finish(run, owner, done(journal.claim(run, owner, 2, 60)))
    again = begin(journal, waves=read_waves(("2", "10%", "rest"), ("0", "3", "10%")))
    assert again == run._replace(is_sealed=True)
    status = journal.status()
    assert status is not None
    assert [wave.most_failed for wave in status.waves] == [0, 3, 1]
    assert len(work(journal, again)) == 13


def test_an_unfinished_run_of_other_migrations(journal: Clocked) -> None:
    """It is finished with them, or ended: never two at once."""
    run = sealed(journal)
    with pytest.raises(
        UsageError, match="run 1 of fleet tenants is running, and has other migrations"
    ) as caught:
        journal.begin("other digest", "004_other", WAVES, "anna")
    assert "fleet stop tenants" in str(caught.value.hint)
    journal.pause("anna")
    with pytest.raises(UsageError, match="is paused, and has other migrations"):
        journal.begin("other digest", "004_other", WAVES, "anna")
    stopped = journal.stop("anna")
    assert stopped is not None
    assert (stopped.state, stopped.reason) == ("stopped", "stopped by anna")
    other = sealed(journal, digest="other digest")
    assert other.number == 2
    assert journal.claim(run, new_owner(), 5, 60).state == "stopped"
    assert len(work(journal, other)) == 15


def test_a_run_with_other_waves(journal: Clocked) -> None:
    """Its tenants are in the waves of its beginning; ended, it gives way to a run with the new ones."""
    sealed(journal)
    waves = read_waves(("5", "rest"), ("1",))
    with pytest.raises(UsageError, match="has other waves: 2, 10%, rest") as caught:
        begin(journal, waves=waves)
    assert "fleet stop tenants" in str(caught.value.hint)
    journal.stop("anna")
    assert begin(journal, waves=waves).number == 2


def test_a_stopped_run_of_the_same_migrations_goes_on(journal: Clocked) -> None:
    """Those that are done are not asked again; one that failures stopped stays stopped."""
    run = sealed(journal)
    owner = new_owner()
    journal.finish(run, owner, done(journal.claim(run, owner, 2, 60)))
    journal.stop("anna")
    assert begin(journal).state == "running"
    journal.finish(run, owner, failed(journal.claim(run, owner, 3, 60)))
    assert begin(journal)[:7] == (run.id, 1, "tenants", "digest", "003_notes", "anna", "stopped")


def test_pause_and_resume(journal: Clocked) -> None:
    """What is claimed is finished; nothing more is claimed, also not by `up` from a schedule."""
    run, owner = sealed(journal), new_owner()
    claim = journal.claim(run, owner, 1, 60)
    paused = journal.pause("anna")
    assert paused is not None
    assert (paused.state, paused.reason) == ("paused", "paused by anna")
    assert begin(journal).state == "paused"
    assert journal.finish(run, owner, done(claim)) == "paused"
    assert journal.claim(run, owner, 5, 60) == ((), "paused", "paused by anna", 14)
    journal.resume("anna")
    assert len(work(journal, run)) == 14
    ended = journal.pause("anna")
    assert ended is not None
    assert ended.state == "done"


def test_the_next_run_tells_who_appeared_and_vanished(journal: Clocked) -> None:
    """Also after a run that was stopped while its tenants were listed."""
    work(journal, sealed(journal))
    partial = begin(journal, "second")
    journal.add(partial, listed()[:7])
    journal.stop("anna")
    journal.add(begin(journal, "another partial one"), listed()[:6])
    journal.stop("anna")
    run = begin(journal, "third")
    journal.add(run, [*listed()[5:], (tenant(20), 2), (tenant(21), 2)])
    assert journal.seal(run) == InventoryCounts(12, 2, 5)
    assert list(journal.vanished(run)) == [(tenant(number).id, tenant(number).name) for number in range(5)]
    assert len(work(journal, run)) == 12
    run = sealed(journal, digest="fourth")
    status = journal.status()
    assert status is not None
    assert status.counts == (15, 5, 2)
    assert [name for _, name in journal.vanished(run)] == ["tenant-20", "tenant-21"]


def test_a_renamed_tenant_is_known(journal: Clocked) -> None:
    """Its id is what counts; in one run, one id has one name."""
    work(journal, sealed(journal))
    renamed = [(found._replace(name=f"new-{found.name}"), wave) for found, wave in listed()]
    run = begin(journal)
    journal.add(run, renamed)
    assert journal.seal(run) == InventoryCounts(15, 0, 0)


@pytest.mark.parametrize("apart", [False, True])
def test_one_id_with_two_names(journal: Clocked, apart: bool) -> None:
    """In one chunk, or in two."""
    run = begin(journal)
    rows = [(tenant(1), 0), (tenant(1)._replace(name="other"), 1)]
    if apart:
        journal.add(run, [rows.pop(0)])
    with pytest.raises(UsageError, match="id-0001 has two names: tenant-1 and other"):
        journal.add(run, rows)


def test_a_tenant_of_another_fleet(journal: Clocked, tmp_path: Path) -> None:
    """Two fleets may share a journal, not a tenant; one that left the other fleet may be added."""
    sealed(journal)
    with closing(Clocked(tmp_path / "journal.sqlite", "others")) as others:
        others.create()
        run = begin(others)
        with pytest.raises(
            UsageError, match=r"tenant-0 \(id-0000\) is a tenant of fleet tenants, too"
        ) as caught:
            others.add(run, [(tenant(100), 0), (tenant(0), 0)])
        assert "fleet up tenants" in str(caught.value.hint)
        work(journal, begin(journal))
        sealed(journal, listed()[1:])
        others.add(run, [(tenant(100), 0), (tenant(0), 0)])
        assert others.seal(run) == InventoryCounts(2, 2, 0)
        assert work(others, run) == ["id-0000", "id-0100"]
        status = journal.status()
        assert status is not None
        assert (status.run.fleet, status.counts.total) == ("tenants", 14)
        check(journal)


def test_a_wave_that_the_run_does_not_have(journal: Clocked) -> None:
    """Its tenants would never be claimed."""
    with pytest.raises(ValueError, match="tenant-1 is in wave 3 of 3"):
        journal.add(begin(journal), [(tenant(1), 3)])


# --- databases that are no journal ---


def test_another_database(tmp_path: Path) -> None:
    """An application's database never becomes a journal by a mistake."""
    path = tmp_path / "app.db"
    with closing(SqliteDriver(str(path), url="sqlite:app.db")) as app:
        app.batch(Batch([Query("CREATE TABLE users (id)"), Query("CREATE TABLE notes (id)")]))
        journal = Journal(app, "tenants")
        for refused in (journal.create, journal.status):
            with pytest.raises(
                UsageError, match=r"sqlite:app\.db is not a journal of fleets: it has notes, users"
            ):
                refused()
        (tables,) = app.batch(Batch([Query("SELECT count(*) FROM sqlite_schema")], reads=True))
        assert tables.rows == ((2,),)


def test_a_table_of_the_same_name(tmp_path: Path) -> None:
    """It is not ours."""
    with closing(SqliteDriver(str(tmp_path / "app.db"), url="sqlite:app.db")) as app:
        app.batch(Batch([Query("CREATE TABLE fleet_journal (ships)")]))
        with pytest.raises(UsageError, match="is not a journal of fleets"):
            Journal(app, "tenants").create()


def test_a_journal_of_another_format(journal: Clocked) -> None:
    """It is left as it is."""
    journal.sql("UPDATE fleet_journal SET format = 7")
    for refused in (journal.create, journal.status):
        with pytest.raises(UsageError, match="a journal of format 7; this d1migrate reads format 1"):
            refused()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A typed error, and the file stays."""
    path = tmp_path / "journal.sqlite"
    path.write_text("not a database, but long enough to be read as the header of one" * 20)
    before = path.read_bytes()
    journal = open_journal(f"sqlite:{path}", "tenants")
    with pytest.raises(UnavailableError):
        journal.create()
    assert path.read_bytes() == before


def delete(path: Path) -> None:
    """Remove the journal, as `git clean` does."""
    path.unlink()


def replace(path: Path) -> None:
    """Put another journal in its place."""
    other = path.with_name("other.sqlite")
    with closing(open_journal(f"sqlite:{other}", "tenants")) as made:
        made.create()
        sealed(made)
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    os.replace(other, path)


@pytest.mark.parametrize("harm", [delete, replace])
def test_a_journal_that_is_deleted_or_replaced(
    journal: Clocked, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    """The run notices it with the next operation, instead of writing to a file that nobody will find."""
    run, owner = sealed(journal), new_owner()
    claim = journal.claim(run, owner, 2, 60)
    harm(tmp_path / "journal.sqlite")
    with pytest.raises(UnavailableError, match="is no longer the journal of this run: it was") as caught:
        journal.finish(run, owner, done(claim))
    assert "fleet up" in str(caught.value.hint)


def test_a_journal_that_was_emptied(journal: Clocked) -> None:
    """A D1 that was restored to its beginning, for example."""
    run = sealed(journal)
    journal.sql("DELETE FROM fleet_runs")
    with pytest.raises(UnavailableError, match="it does not have run 1"):
        journal.claim(run, new_owner(), 2, 60)
    journal.sql("DROP TABLE fleet_tenants")
    with pytest.raises(UnavailableError, match="its tables are gone"):
        journal.claim(run, new_owner(), 2, 60)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "file").write_text("")
    journal = open_journal(f"sqlite:{tmp_path}/file/journal.sqlite", "tenants")
    with pytest.raises(UnavailableError, match=r"journal\.sqlite"):
        journal.create()


def test_a_journal_that_is_busy(journal: Clocked, tmp_path: Path) -> None:
    """Another process holds a transaction: nothing was done, and the same claim can be made when it has ended."""
    run, owner = sealed(journal), new_owner()
    file = SqliteDriver(str(tmp_path / "journal.sqlite"), url="sqlite:journal.sqlite", busy_timeout=0.05)
    with closing(Journal(file, "tenants")) as other, closing(apsw.Connection(file.path)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match=r"journal\.sqlite: database is locked"):
            other.claim(run, owner, 2, 60)
        assert other.status() == journal.status()  # readers do not wait
        busy.execute("COMMIT")
        assert len(other.claim(run, owner, 2, 60).tenants) == 2


def test_a_journal_that_may_only_be_read(unprivileged_folder: Path) -> None:
    """Its status is shown; nothing else is done."""
    path = unprivileged_folder / "journal.sqlite"
    with closing(Clocked(path)) as made:
        made.create()
        run, expected = sealed(made), made.status()
    path.chmod(stat.S_IRUSR)
    unprivileged_folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with closing(Clocked(path)) as journal:
        status = journal.status()
        assert status is not None
        assert expected is not None
        assert status == expected._replace(now=status.now)
        for refused in (
            journal.create,
            lambda: begin(journal),
            lambda: journal.claim(run, new_owner(), 2, 60),
            lambda: journal.pause("anna"),
        ):
            with pytest.raises(UnavailableError, match="attempt to write a readonly database"):
                refused()


def test_a_name_that_is_no_text(journal: Clocked) -> None:
    """Like that of a file in another encoding."""
    with pytest.raises(UsageError, match="not valid UTF-8"):
        journal.add(begin(journal), [(Tenant("/data/\udcff.db", "\udcff.db", "sqlite:x"), 0)])


def test_parameters_are_bounded(journal: Clocked) -> None:
    """D1 takes 2,000,000 bytes: long paths and long errors are sent in several batches."""
    rows = [(Tenant(f"{number}{'é' * 2_000}", f"{number}", "x" * 4_000), 2) for number in range(600)]
    run, owner = sealed(journal, rows), new_owner()
    claim = journal.claim(run, owner, 500, 60)
    journal.finish(
        run,
        owner,
        [Finished(found.id, "failed", error=f"{found.name} {'ü' * 9_000}") for found in claim.tenants],
    )
    check(journal)
    params = [param for batch in journal.fragile.sent for query in batch.queries for param in query.params]
    assert 500_000 < max(len(str(param).encode()) for param in params) < 1_100_000
    assert {len(group.error) for group in journal.failures(run)} == {2_000}


def test_states_are_ranked(journal: Clocked) -> None:
    """The text of a state is kept whole, and its tenants add up."""
    long = "1 v1:abc\n" * 100_000
    journal.save_states([SavedState("a|0", 3), SavedState(long, 10)])
    journal.fragile.faults = ["lose"]
    journal.save_states([SavedState("a|0", 9), SavedState("ü'\0|0", 1)])
    assert journal.states() == (("a|0", 12), (long, 10), ("ü'\0|0", 1))
    journal.save_states(SavedState(f"{number}", 5) for number in range(300))
    assert len(journal.states()) == 200
    assert journal.states()[0] == ("a|0", 12)


def test_a_run_has_its_own_counts_also_after_the_next_one_began(journal: Clocked) -> None:
    """The process that ended it reports them; another one may have begun the next run by then."""
    first, owner = sealed(journal, listed((3,))), new_owner()
    journal.finish(first, owner, done(journal.claim(first, owner, 3, 60)))
    journal.claim(first, owner, 3, 60)
    second = sealed(journal, listed((3,)), "another")
    own, newest = journal.status(first), journal.status()
    assert own is not None
    assert newest is not None
    assert (own.run.id, own.total.done) == (first.id, 3)
    assert (newest.run.id, newest.total.done) == (second.id, 0)
