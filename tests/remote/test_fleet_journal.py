"""The journal of a fleet in a remote D1 that several machines share, on the real engine, with faults in between."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import AmbiguousError, UnavailableError, UsageError
from d1migrate.fleet.journal import Journal, new_owner
from d1migrate.fleet.model import Finished
from tests.crash.journal_runs import begin

if TYPE_CHECKING:
    from tests.remote.conftest import Remote

COUNT = 23
FAULTS: list[dict[str, Any]] = [
    {"do": "lose reply"},
    {"do": "cut reply"},
    {"do": "garbage"},
    {"do": "drop"},
    {"do": "500"},
    {"do": "503", "after": True},
    {"do": "429"},
    {"do": "late"},
]


def open_journal(remote: Remote) -> Journal:
    """The journal, as another machine opens it."""
    return Journal(remote.open(), "tenants")


class Machine:
    """A process on a machine of its own: it claims and finishes in turn with others."""

    def __init__(self, remote: Remote) -> None:
        self.journal, self.owner = open_journal(remote), new_owner()
        self.run = begin(self.journal, COUNT)
        self.migrated = list[str]()

    def turn(self) -> bool:
        """Claim and finish some tenants; False if the run has ended."""
        claim = self.journal.claim(self.run, self.owner, 3, 60)
        self.migrated += [tenant.id for tenant in claim.tenants]
        self.journal.finish(
            self.run, self.owner, [Finished(tenant.id, "done", "003", 1) for tenant in claim.tenants]
        )
        return claim.state == "running"


def check_done(remote: Remote, machines: list[Machine]) -> None:
    """Each tenant was claimed once, and the counters are those of a scan."""
    remote.server.faults()
    status = open_journal(remote).status()
    assert status is not None
    assert (status.run.number, status.run.state) == (1, "done")
    assert status.counts == (COUNT, COUNT, 0)
    assert [(wave.size, wave.done, wave.requests) for wave in status.waves] == [(1, 1, 1), (22, 22, 22)]
    claimed = Counter(tenant for machine in machines for tenant in machine.migrated)
    assert set(claimed.values()) == {1}
    assert claimed.total() == COUNT
    (rows,) = remote.server.sql(remote.id, "SELECT state, count(*) FROM fleet_tenants GROUP BY state")
    assert rows == [["done", COUNT]]


@pytest.mark.parametrize("what", FAULTS, ids=lambda what: f"{what['do']}")
@pytest.mark.parametrize("every", [2, 3])
def test_three_machines_with_faults(remote: Remote, what: dict[str, Any], every: int) -> None:
    """Every second or third request fails, in any way: each tenant is claimed once, nobody waits for a lease."""
    remote.server.faults({"match": {"path": "/raw$", "every": every}, **what})
    machines = [Machine(remote) for _ in range(3)]
    for turn in range(100):
        if not machines[turn % 3].turn():
            break
    if what["do"] == "late":
        remote.server.arrive()
    check_done(remote, machines)


@pytest.mark.parametrize("what", FAULTS, ids=lambda what: f"{what['do']}")
def test_jobs_with_faults(remote: Remote, what: dict[str, Any]) -> None:
    """Every second request fails: each tenant waits once, its job is claimed once, and the counters are right."""
    machine, driving = Machine(remote), new_owner()
    remote.server.faults({"match": {"path": "/raw$", "every": 2}, **what})
    journal, run = machine.journal, machine.run
    while claim := journal.claim(run, machine.owner, 5, 60).tenants:
        found = [Finished(one.id, "waiting", "002", 1, waiting_for="003_fill") for one in claim]
        journal.finish(run, machine.owner, found)
    status = journal.status()
    assert status
    assert (status.total.waiting, status.total.waiting_for) == (COUNT, ("003_fill",))
    driven = Counter[str]()
    while claim := journal.claim(run, driving, 5, 60, jobs=True).tenants:
        driven.update(one.id for one in claim)
        journal.finish(run, driving, [Finished(one.id, "done", "003", 1) for one in claim])
    if what["do"] == "late":
        remote.server.arrive()
    assert (set(driven.values()), driven.total()) == ({1}, COUNT)
    remote.server.faults()
    status = open_journal(remote).status()
    assert status
    assert (status.run.state, status.total.done, status.total.waiting) == ("done", COUNT, 0)


@pytest.mark.parametrize("number", range(1, 8))
def test_late_requests(remote: Remote, number: int) -> None:
    """A request of each kind arrives when the run has ended: it changes nothing."""
    remote.server.faults({"match": {"path": "/raw$", "nth": number}, "do": "late"})
    machine = Machine(remote)
    while machine.turn():
        pass
    assert remote.server.arrive() == [200]
    check_done(remote, [machine])


def test_a_claim_that_gets_no_answer(remote: Remote) -> None:
    """It raises after some attempts; the next claim of the process returns the tenants that it took."""
    machine = Machine(remote)
    machine.turn()
    remote.server.faults({"match": {"path": "/raw$"}, "do": "lose reply"})
    with pytest.raises(AmbiguousError):
        machine.turn()
    remote.server.faults()
    while machine.turn():
        pass
    check_done(remote, [machine])


def test_a_machine_that_dies(remote: Remote) -> None:
    """When its lease has ended, by the clock of the database, others take its tenants."""
    dead, other = Machine(remote), Machine(remote)
    claim = dead.journal.claim(dead.run, dead.owner, 1, 60)
    assert len(claim.tenants) == 1
    assert other.turn()
    assert not other.migrated
    remote.server.sql(remote.id, "UPDATE fleet_processes SET until = until - 61")
    while other.turn():
        pass
    check_done(remote, [other])


def test_an_application_database(remote: Remote) -> None:
    """It is refused before anything is created in it."""
    remote.server.sql(remote.id, "CREATE TABLE users (id)")
    with pytest.raises(UsageError, match="d1:shop is not a journal of fleets: it has users"):
        open_journal(remote).create()
    with pytest.raises(UsageError, match="d1:shop is not a journal of fleets: it has users"):
        open_journal(remote).status()
    (rows,) = remote.server.sql(remote.id, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'fleet%'")
    assert rows == [[0]]


def test_requests(remote: Remote) -> None:
    """Two for each claim, and one for each question and decision."""
    machine = Machine(remote)
    run, journal = machine.run, machine.journal
    remote.server.requests()
    before = len(remote.server.requests())
    claim = journal.claim(run, machine.owner, 50, 60)
    journal.finish(
        run, machine.owner, [Finished(claim.tenants[0].id, "failed", None, 1, "it's broken", "001.sql:1")]
    )
    assert len(remote.server.requests()) == before + 2
    assert [tuple(group) for group in journal.failures(run)] == [
        ("it's broken", "001.sql:1", "", 1, ("tenant-0",))
    ]
    assert [found.id for found in journal.failed_tenants(run)] == ["id-tenant-0"]
    assert list(journal.vanished(run)) == []
    assert len(remote.server.requests()) == before + 6
    assert journal.retry() == 1
    status = journal.status()
    assert status is not None
    assert (status.run.state, status.waves[0].todo) == ("running", 1)


def test_a_journal_that_was_reset(remote: Remote) -> None:
    """By Time Travel to a moment before the run, for example."""
    machine = Machine(remote)
    remote.server.sql(remote.id, "DELETE FROM fleet_runs")
    with pytest.raises(UnavailableError, match="it does not have run 1"):
        machine.turn()
