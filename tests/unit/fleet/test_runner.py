"""A fleet of SQLite files: what a run does to each of them, and a report whose numbers add up."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import connect
from d1migrate.errors import Gate, UsageError
from d1migrate.fleet.claim_loop import Hooks
from d1migrate.fleet.inventory import inventory
from d1migrate.fleet.journal import Journal, open_journal
from d1migrate.fleet.plan import FleetPlan
from d1migrate.fleet.preview import SAMPLE, plan_fleet
from d1migrate.fleet.runner import run_fleet
from d1migrate.fleet.tenant_drivers import TenantDrivers
from d1migrate.fleet.verify import verify_fleet
from d1migrate.fleet.waves import with_waves
from d1migrate.lint.replay import replayer
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.project.config import load
from d1migrate.project.files import load_migrations
from tests.runtime import tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d1migrate.fleet.claim_loop import TenantResult
    from d1migrate.fleet.model import Claimed
    from d1migrate.fleet.plan import StateCheck
    from d1migrate.fleet.run_values import FleetReport
    from d1migrate.migrate.selector import Selector
    from d1migrate.project.fleet import FleetSettings


class Fleet:
    """A project with a fleet of files, at the second of three migrations."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.migrations = tenants.write(folder / "migrations", 3)
        original = tenants.template(folder / "original.db", tenants.write(folder / "two", 2))
        self.files = tenants.copies(original, folder / "data", count)
        self.results: dict[str, TenantResult] = {}
        self.configure()

    def configure(self, *lines: str) -> None:
        """Write the section of the fleet."""
        text = '[fleet.tenants]\ndatabases = "sqlite:data/**/*.db"\n' + "\n".join(lines)
        (self.folder / "d1migrate.toml").write_text(text)

    @property
    def settings(self) -> FleetSettings:
        """The fleet."""
        (found,) = load(str(self.folder), {}, {}).fleets
        return found

    def journal(self) -> Journal:
        """The journal."""
        return open_journal(self.settings.journal, "tenants")

    def plan(self, check: StateCheck | None = None, to: Selector | None = None) -> FleetPlan:
        """The target."""
        migrations = load_migrations(str(self.migrations))
        return FleetPlan(migrations, create=self.settings.create, check=check, to=to, by="me")

    def up(
        self,
        hooks: Hooks = Hooks(),  # noqa: B008
        *,
        check: StateCheck | None = None,
        to: Selector | None = None,
        last_wave: int | None = None,
        only: Sequence[str] = (),
    ) -> FleetReport:
        """Run it, as another process; the numbers of the report add up to the inventory."""
        config, settings = load(str(self.folder), {}, {}), self.settings
        hooks = hooks._replace(on_result=self._note)
        with closing(self.journal()) as journal:
            journal.create()
            listed = with_waves(inventory(config, settings), settings)
            found = run_fleet(
                journal,
                settings,
                self.plan(check, to),
                listed,
                TenantDrivers(),
                last_wave=last_wave,
                only=only,
                hooks=hooks,
            )
        assert found.total == found.done + found.failed + found.waiting + found.left
        assert found.total == len(list(inventory(config, settings)))
        return found

    def _note(self, tenant: Claimed, result: TenantResult) -> None:
        self.results[tenant.name] = result

    def sql(self, number: int, sql: str) -> None:
        """Run SQL on a tenant, past d1migrate."""
        with closing(sqlite3.connect(self.files[number])) as connection:
            connection.executescript(sql)
            connection.commit()

    def damage(self, number: int) -> None:
        """Damage the file of a tenant, after the header."""
        data = self.files[number].read_bytes()
        self.files[number].write_bytes(data[:100] + b"damaged!" * ((len(data) - 100) // 8))


@pytest.fixture
def new_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Fleet]:
    """Makes a fleet of so many files."""
    monkeypatch.chdir(tmp_path)
    return lambda count: Fleet(tmp_path, count)


def test_every_tenant_is_migrated_once(new_fleet: Callable[[int], Fleet]) -> None:
    """With one request each; a second run finds all of them up to date."""
    fleet = new_fleet(130)
    found = fleet.up()
    assert (found.ended, found.migrated, found.current, found.failures) == ("done", 130, 0, 0)
    assert found.total == found.done == 130
    assert found.target == "003_add_t3"
    tenants.check(fleet.files, 3)
    again = fleet.up()
    assert (again.ended, again.migrated, again.current) == ("done", 0, 130)
    assert again.run != found.run
    tenants.check(fleet.files, 3)


def test_requests(new_fleet: Callable[[int], Fleet]) -> None:
    """One for each, but for the first, from which the state is learned; the next process knows it."""
    fleet = new_fleet(60)
    fleet.configure("inspect = 0")
    assert fleet.up().requests <= 60 + 2
    assert fleet.up().requests == 60


def test_requests_of_the_next_migrations(new_fleet: Callable[[int], Fleet]) -> None:
    """The states that a run leads to are known to the next one, and old counts do not outweigh new ones."""
    fleet = new_fleet(60)
    fleet.configure("inspect = 0")
    fleet.up()
    for count in (4, 5):
        tenants.write(fleet.migrations, count)
        found = fleet.up()
        assert found.migrated == 60
        assert found.requests <= 60 + 3
    with closing(fleet.journal()) as journal:
        assert max(state.tenants for state in journal.states()) <= 60


def test_tenants_that_fail_are_counted_and_stop_nobody(new_fleet: Callable[[int], Fleet]) -> None:
    """A table that is in the way, a damaged file, an edited history, and an empty database."""
    fleet = new_fleet(40)
    fleet.configure('waves = ["1", "rest"]', 'stop = ["40", "40"]')
    fleet.sql(5, "CREATE VIEW t3 AS SELECT 1 AS a")
    fleet.damage(6)
    fleet.sql(7, "UPDATE d1migrate_log SET checksum = 'v1:other', file_digest = 'f' WHERE version = 2")
    fleet.files[8].write_bytes(b"")
    found = fleet.up()
    assert (found.ended, found.total, found.done, found.failed, found.left) == ("done", 40, 36, 4, 0)
    assert (found.migrated, found.failures) == (36, 4)
    good = [file for number, file in enumerate(fleet.files) if number not in (5, 6, 7, 8)]
    tenants.check(good, 3)
    with closing(fleet.journal()) as journal:
        status = journal.status()
        assert status
        groups = journal.failures(status.run)
    assert len(groups) == 4
    assert not any(str(fleet.folder / "data") in group.error for group in groups)
    assert any("003_add_t3.sql" in group.place for group in groups)


def test_retry(new_fleet: Callable[[int], Fleet]) -> None:
    """What has failed is done again after a person has looked."""
    fleet = new_fleet(5)
    fleet.sql(3, "CREATE VIEW t3 AS SELECT 1 AS a")
    assert fleet.up().failed == 1
    fleet.sql(3, "DROP VIEW t3")
    with closing(fleet.journal()) as journal:
        assert journal.retry() == 1
    found = fleet.up()
    assert (found.ended, found.done) == ("done", 5)
    tenants.check(fleet.files, 3)


def test_a_list_that_cannot_be_read_is_no_unfinished_run(new_fleet: Callable[[int], Fleet]) -> None:
    """The next run may have other waves and migrations: nothing has been migrated."""
    fleet = new_fleet(3)
    (fleet.folder / "data" / "notes.db").write_text("none")
    with pytest.raises(UsageError, match=r"notes.db is not a SQLite database"):
        fleet.up()
    (fleet.folder / "data" / "notes.db").unlink()
    fleet.configure('waves = ["2", "rest"]')
    assert fleet.up().done == 3
    tenants.check(fleet.files, 3)


def test_a_file_that_is_deleted_during_a_run(new_fleet: Callable[[int], Fleet]) -> None:
    """It fails, and is not made again as an empty database; the next run does not list it."""
    fleet = new_fleet(4)
    fleet.configure('waves = ["1", "rest"]', "create = true", 'stop = "9"')
    with closing(fleet.journal()) as journal:
        assert fleet.up(last_wave=0).done == 1
        fleet.files[3].unlink()
        found = run_fleet(journal, fleet.settings, fleet.plan(None, None), [], TenantDrivers())
        assert (found.ended, found.done, found.failed) == ("done", 3, 1)
        (group,) = journal.failures(journal.status().run)  # type: ignore[union-attr]
    assert group.error == "there is no such file"
    assert "was deleted" in group.hint
    assert not fleet.files[3].exists()
    assert fleet.up().done == 3


def test_an_interrupted_run_goes_on(new_fleet: Callable[[int], Fleet]) -> None:
    """Nothing is done twice, and nothing is left out."""
    fleet = new_fleet(120)
    found = fleet.up(Hooks(interrupted=lambda: len(fleet.results) >= 70))
    assert found.ended == "interrupted"
    assert found.migrated == found.done < 120
    rest = fleet.up()
    assert (rest.ended, rest.run, rest.migrated) == ("done", found.run, 120 - found.migrated)
    tenants.check(fleet.files, 3)


def test_an_interrupt_while_the_tenants_are_listed(new_fleet: Callable[[int], Fleet]) -> None:
    """Nothing is migrated before all are known; the next process lists them again."""
    fleet = new_fleet(5)
    looks = iter([False, False, True])
    with pytest.raises(KeyboardInterrupt):
        fleet.up(Hooks(interrupted=lambda: next(looks)))
    tenants.check(fleet.files, 2)
    found = fleet.up()
    assert (found.ended, found.total, found.done) == ("done", 5, 5)
    tenants.check(fleet.files, 3)


def test_a_list_with_a_mistake_does_not_hold_up_other_migrations(new_fleet: Callable[[int], Fleet]) -> None:
    """The run that could not be begun is over; it begins again if nothing else changes."""
    fleet = new_fleet(3)
    content = fleet.files[1].read_bytes()
    fleet.files[1].write_bytes(b"not a database")
    with pytest.raises(UsageError, match="not a SQLite database"):
        fleet.up()
    fleet.files[1].write_bytes(content)
    tenants.write(fleet.migrations, 4)
    found = fleet.up()
    assert (found.ended, found.target, found.done) == ("done", "004_add_t4", 3)
    tenants.check(fleet.files, 4)


def test_tenants_appear_and_vanish_between_runs(new_fleet: Callable[[int], Fleet]) -> None:
    """They are told apart; one that vanishes during a run has failed."""
    fleet = new_fleet(6)
    fleet.up()
    fleet.files[5].unlink()
    tenants.template(fleet.folder / "data" / "new.db", fleet.folder / "two")
    found = fleet.up()
    assert (found.appeared, found.vanished, found.total, found.migrated) == (1, 1, 6, 1)


def test_empty_databases_are_created_only_if_configured(new_fleet: Callable[[int], Fleet]) -> None:
    """Otherwise they have failed: the list may be wrong."""
    fleet = new_fleet(3)
    fleet.configure("create = true")
    fleet.files[1].write_bytes(b"")
    found = fleet.up()
    assert (found.done, found.created) == (3, 1)
    tenants.check(fleet.files, 3)


def test_stragglers_and_an_earlier_target(new_fleet: Callable[[int], Fleet]) -> None:
    """A run with --to does not end one with all migrations, and is another run."""
    fleet = new_fleet(4)
    tenants.write(fleet.migrations, 4)
    assert fleet.up(Hooks(interrupted=lambda: len(fleet.results) >= 2), to="003").migrated == 2
    with pytest.raises(UsageError, match="other migrations"):
        fleet.up()
    assert fleet.up(to="003").migrated == 2
    found = fleet.up()
    assert (found.target, found.migrated) == ("004_add_t4", 4)
    tenants.check(fleet.files, 4)


def test_no_migrations(new_fleet: Callable[[int], Fleet]) -> None:
    """Nothing is begun."""
    fleet = new_fleet(1)
    for file in fleet.migrations.iterdir():
        file.unlink()
    with pytest.raises(UsageError, match="no migrations"):
        fleet.up()


def test_a_closed_window(new_fleet: Callable[[int], Fleet]) -> None:
    """Nothing is begun; later, it ends the run between two claims."""

    def refuse() -> None:
        raise Gate("production refuses (window): closed", gates=["window"])

    fleet = new_fleet(120)
    with pytest.raises(Gate):
        fleet.up(Hooks(refuse_closed=refuse))
    with closing(fleet.journal()) as journal:
        assert journal.status() is None
    found = fleet.up(Hooks(refuse_closed=lambda: refuse() if fleet.results else None))
    assert (found.ended, found.reason) == ("closed", "production refuses (window): closed")
    assert 0 < found.done == found.migrated < 120
    assert fleet.up().done == 120
    tenants.check(fleet.files, 3)


def test_the_first_tenants_of_a_wave_are_inspected(new_fleet: Callable[[int], Fleet]) -> None:
    """A broken view that a migration leaves is a problem of the report, not a failure."""
    fleet = new_fleet(8)
    fleet.configure('waves = ["2", "rest"]', "inspect = 1")
    (fleet.migrations / "003_add_t3.sql").write_text("DROP TABLE t2;\n")
    for number in range(8):
        fleet.sql(number, "CREATE VIEW v AS SELECT a FROM t2")
    found = fleet.up()
    assert found.done == 8
    assert len({name for name, _ in found.problems}) == 2


def test_verify(new_fleet: Callable[[int], Fleet]) -> None:
    """Counts add up, equal results are one group, and nothing is written."""
    fleet = new_fleet(12)
    fleet.sql(3, "UPDATE d1migrate_log SET checksum = 'v1:other', file_digest = 'f' WHERE version = 2")
    fleet.damage(4)
    tenants.apply(connect(f"sqlite:{fleet.files[5]}"), fleet.migrations)
    before = {file: file.read_bytes() for file in fleet.files}
    config = load(str(fleet.folder), {}, {})
    found = verify_fleet(fleet.settings, fleet.plan(), inventory(config, fleet.settings), TenantDrivers())
    assert found.is_complete
    assert (found.total, found.current, found.pending, found.different, found.unread) == (12, 1, 9, 1, 1)
    first = found.groups[0]
    assert (first.state, first.detail, first.size, len(first.examples)) == ("pending", "003_add_t3", 9, 3)
    assert {file: file.read_bytes() for file in fleet.files} == before
    assert not (fleet.folder / ".d1migrate").exists()


def test_verify_finds_what_was_changed_past_the_migrations(new_fleet: Callable[[int], Fleet]) -> None:
    """Tenants whose schemas differ alike are one group; what Cloudflare keeps is no difference."""
    fleet = new_fleet(8)
    fleet.up()
    for number in (1, 2):
        fleet.sql(number, "CREATE TABLE extra (a); ALTER TABLE t1 ADD COLUMN extra TEXT")
    fleet.sql(3, "DROP TABLE t3")
    fleet.sql(4, "CREATE TABLE _cf_KV (k)")
    config = load(str(fleet.folder), {}, {})
    found = verify_fleet(fleet.settings, fleet.plan(), inventory(config, fleet.settings), TenantDrivers())
    assert (found.total, found.current, found.different) == (8, 5, 3)
    assert [(group.detail, group.size) for group in found.groups] == [
        ("schema: column t1.extra is extra, table extra is extra", 2),
        ("schema: table t3 is missing", 1),
    ]
    assert all("d1migrate verify" in group.hint for group in found.groups)


def test_verify_in_threads(new_fleet: Callable[[int], Fleet], monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait while one of them builds the schema of the state that all are in."""
    fleet = new_fleet(8)
    fleet.up()
    for number in range(8):
        fleet.sql(number, "DROP TABLE t3")

    def slow(*arguments: Any) -> Any:
        time.sleep(0.2)
        return schema_of(*arguments)

    monkeypatch.setattr(replayer, "schema_of", slow)
    settings = fleet.settings._replace(databases=None, file="tenants.csv", at_once=8)
    listed = inventory(load(str(fleet.folder), {}, {}), fleet.settings)
    found = verify_fleet(settings, fleet.plan(), listed, TenantDrivers())
    assert (found.total, found.different) == (8, 8)


def test_preview(new_fleet: Callable[[int], Fleet]) -> None:
    """Sizes of waves, and what a few tenants of each have."""
    fleet = new_fleet(20)
    fleet.configure('waves = ["2", "50%", "rest"]')
    config, settings = load(str(fleet.folder), {}, {}), fleet.settings
    listed = with_waves(inventory(config, settings), settings)
    found = plan_fleet(settings, fleet.plan(), listed, TenantDrivers())
    assert (found.total, found.seconds, found.target) == (20, None, "003_add_t3")
    assert sum(wave.size for wave in found.waves) == 20
    assert [wave.name for wave in found.waves] == ["2", "50%", "rest"]
    (pending,) = found.sample
    asked = sum(min(wave.size, SAMPLE) for wave in found.waves)
    assert (pending.state, pending.size, len(pending.examples)) == ("pending", asked, 3)
