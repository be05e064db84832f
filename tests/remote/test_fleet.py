"""A fleet of remote D1s: faults, rights and quotas, on the way to every tenant exactly once."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import connect
from d1migrate.drivers import cloudflare as client
from d1migrate.errors import UnavailableError
from d1migrate.fleet.claim_loop import Hooks
from d1migrate.fleet.journal import Journal, open_journal
from d1migrate.fleet.plan import FleetPlan
from d1migrate.fleet.runner import run_fleet
from d1migrate.fleet.tenant import Tenant
from d1migrate.fleet.tenant_drivers import TenantDrivers
from d1migrate.fleet.verify import verify_fleet
from d1migrate.fleet.waves import with_waves
from d1migrate.project.files import load_migrations
from d1migrate.project.fleet import read_fleet
from tests.runtime import tenants

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.fleet.model import FailureGroup
    from d1migrate.fleet.run_values import FleetReport
    from d1migrate.project.fleet import FleetSettings
    from tests.runtime.cloudflare import Cloudflare

COUNT = 12


class Fleet:
    """D1s at the second of three migrations, and a journal."""

    def __init__(self, server: Cloudflare, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.migrations = tenants.write(folder / "migrations", 3)
        original = server.create("original")
        tenants.apply(connect("d1:original"), tenants.write(folder / "two", 2))
        self.ids = server.copies(original, [f"tenant-{number}" for number in range(COUNT)])
        self.listed = [Tenant(id_, f"tenant-{number}", f"d1:{id_}") for number, id_ in enumerate(self.ids)]
        self.section: dict[str, Any] = {"databases": "d1:tenant-*", "inspect": 0, "restore_points": "none"}
        self.journal_url = f"sqlite:{folder / 'journal.sqlite'}"

    @property
    def settings(self) -> FleetSettings:
        """Its settings."""
        return read_fleet("d1migrate.toml", "", "tenants", self.section)

    def journal(self) -> Journal:
        """The journal, as another machine opens it."""
        journal = open_journal(self.journal_url, "tenants")
        journal.create()
        return journal

    def plan(self) -> FleetPlan:
        """The target."""
        return FleetPlan(load_migrations(str(self.migrations)), by="me")

    def up(self) -> FleetReport:
        """Run it, as another process; the numbers of the report add up."""
        server, drivers = self.server, TenantDrivers(reserve=self.settings.reserve)
        hooks = Hooks(now=server.now, sleep=server.sleep)
        with closing(self.journal()) as journal, closing(drivers):
            listed = with_waves(self.listed, self.settings)
            found = run_fleet(journal, self.settings, self.plan(), listed, drivers, hooks=hooks)
        assert found.total == found.done + found.failed + found.left == len(self.listed)
        return found

    def failures(self) -> tuple[FailureGroup, ...]:
        """The failures of the newest run."""
        with closing(self.journal()) as journal:
            status = journal.status()
            assert status
            return journal.failures(status.run)

    def check(self, ids: Sequence[str] | None = None) -> None:
        """Check that each tenant was migrated exactly once."""
        tenants.check([self.server.file(id_) for id_ in ids or self.ids], 3)

    def queries(self) -> Counter[str]:
        """The requests to each tenant."""
        paths = [request["path"].partition("?")[0].split("/") for request in self.server.requests()]
        return Counter(part for path in paths for part in path if part in self.ids)


@pytest.fixture
def fleet(cloudflare: Cloudflare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet whose waits advance the server's clock."""
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    timed = partial(client.Api, sleep=cloudflare.sleep, clock=cloudflare.now)
    monkeypatch.setattr(client, "Api", timed)
    monkeypatch.chdir(tmp_path)
    return Fleet(cloudflare, tmp_path)


def test_one_request_each(fleet: Fleet) -> None:
    """But for those from which the state is learned, at the first use of a journal."""
    before = fleet.queries()
    found = fleet.up()
    assert (found.ended, found.migrated) == ("done", COUNT)
    assert sum((fleet.queries() - before).values()) == found.requests <= COUNT + 3
    fleet.check()
    before = fleet.queries()
    again = fleet.up()
    assert (again.current, again.requests) == (COUNT, COUNT)
    assert set((fleet.queries() - before).values()) == {1}


FAULTS: list[dict[str, Any]] = [
    *({"do": what} for what in ("drop", "lose reply", "cut reply", "garbage", "timeout", "twice")),
    *({"do": what, "after": after} for what in ("500", "503", "7429") for after in (False, True)),
    {"do": "429", "retry_after": 3},
    {"do": "firewall"},
    {"do": "bare"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_every_third_request_fails(fleet: Fleet, fault: dict[str, Any]) -> None:
    """All tenants are migrated exactly once nevertheless, in one run."""
    fleet.section["stop"] = ["3", "9", "9"]
    # Counted for each tenant: of all requests together, one tenant may have the third four times in a row.
    fleet.server.faults(
        *({"match": {"method": "POST", "path": id_, "every": 3}, **fault} for id_ in fleet.ids)
    )
    found = fleet.up()
    assert (found.ended, found.done, found.failed) == ("done", COUNT, 0), fleet.failures()
    fleet.server.faults()
    fleet.check()


def test_a_database_that_is_reset_again_and_again(fleet: Fleet) -> None:
    """Only it waits, and fails in the end; the others are migrated meanwhile."""
    fleet.section["stop"] = ["3", "9", "9"]
    fleet.server.faults({"match": {"path": fleet.ids[4]}, "do": "7429"})
    began = fleet.server.now()
    found = fleet.up()
    assert (found.ended, found.done, found.failed) == ("done", COUNT - 1, 1)
    (group,) = fleet.failures()
    assert "no answer after 4 attempts" in group.error
    assert "exceeded its CPU time limit" in group.error
    assert fleet.server.now() - began < 120
    fleet.check([id_ for id_ in fleet.ids if id_ != fleet.ids[4]])
    fleet.server.faults()
    with closing(fleet.journal()) as journal:
        assert journal.retry() == 1
    assert fleet.up().done == COUNT
    fleet.check()


def test_a_deleted_tenant(fleet: Fleet) -> None:
    """It fails, and stops no other one."""
    fleet.section["stop"] = ["3", "9", "9"]
    gone = "0f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f"
    fleet.listed.append(Tenant(gone, "tenant-gone", f"d1:{gone}"))
    found = fleet.up()
    assert (found.ended, found.done, found.failed) == ("done", COUNT, 1)
    (group,) = fleet.failures()
    assert group.examples == ("tenant-gone",)
    assert gone not in group.error
    fleet.check()


def test_a_token_without_rights(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wave stops the run: nothing was sent to the others."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", fleet.server.read_token)
    found = fleet.up()
    assert (found.ended, found.migrated, found.failed) == ("stopped", 0, 1)
    assert found.reason
    assert found.left == COUNT - 1


def test_no_token(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same; the error names the variable."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    assert fleet.up().ended == "stopped"
    assert "CLOUDFLARE_API_TOKEN" in fleet.failures()[0].error


def test_bookmarks_of_the_first_wave(fleet: Fleet) -> None:
    """One request more for each of these."""
    fleet.section |= {"restore_points": "canary", "waves": ["3", "rest"]}
    assert fleet.up().ended == "done"
    bookmarks = [request for request in fleet.server.requests() if "time_travel" in request["path"]]
    assert len(bookmarks) == 3


def test_a_journal_on_d1_for_two_machines(fleet: Fleet) -> None:
    """Each tenant once; every third answer is lost, also the journal's."""
    fleet.section |= {"stop": ["3", "9", "9"], "at_once": 2}
    fleet.server.create("fleet-journal")
    fleet.journal_url = "d1:fleet-journal"
    fleet.journal().close()
    fleet.server.faults({"match": {"method": "POST", "every": 3}, "do": "lose reply"})
    found: list[FleetReport] = []
    machines = [threading.Thread(target=lambda: found.append(fleet.up())) for _ in range(2)]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    fleet.server.faults()
    assert [report.ended for report in found] == ["done", "done"]
    assert len({report.run for report in found}) == 1
    assert found[0].done == COUNT
    fleet.check()


def test_a_journal_that_cannot_be_reached_any_more(fleet: Fleet) -> None:
    """What is in work is finished; the next run finds it up to date."""
    fleet.server.create("fleet-journal")
    fleet.journal_url = "d1:fleet-journal"
    fleet.journal().close()
    fleet.server.faults({"match": {"body": "INSERT INTO fleet_attempts"}, "do": "500"})
    with pytest.raises(UnavailableError, match="the journal cannot be used"):
        fleet.up()
    fleet.server.faults()
    fleet.server.advance(60)
    assert fleet.up().done == COUNT
    fleet.check()


def test_an_enforced_quota(fleet: Fleet) -> None:
    """No request is refused; a third more time than the quota allows at most; one request each."""
    many, quota = 300, 100
    names = [f"more-{number}" for number in range(many)]
    ids = fleet.server.copies(fleet.server.copies(fleet.ids[0], ["copy"])[0], names)
    fleet.listed = [Tenant(id_, name, f"d1:{id_}") for id_, name in zip(ids, names, strict=True)]
    fleet.server.settings(quota=quota, enforce_quota=True)
    before, began = fleet.server.traffic(), fleet.server.now()
    found = fleet.up()
    assert (found.ended, found.migrated) == ("done", many)
    assert found.requests <= many + 3
    after = fleet.server.traffic()
    assert set(after.statuses) - {"200"} <= {"400"}, after
    assert after.statuses.get("400", 0) - before.statuses.get("400", 0) <= 3
    assert fleet.server.now() - began <= 1.35 * many / quota * 300
    fleet.check(ids)


def test_verify_takes_one_request_each(fleet: Fleet) -> None:
    """And writes nothing."""
    plan = fleet.plan()
    before = fleet.queries()
    with closing(TenantDrivers()) as drivers:
        found = verify_fleet(fleet.settings, plan, fleet.listed, drivers)
    assert (found.total, found.pending) == (COUNT, COUNT)
    assert set((fleet.queries() - before).values()) == {1}
