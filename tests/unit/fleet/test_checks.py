"""What is checked before tenants are migrated: the linter and the gates, once for each state."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import Migrator, connect
from d1migrate.errors import Gate, UnavailableError, UnsafeMigration
from d1migrate.fleet.checks import StateChecks
from d1migrate.fleet.one import migrate_one
from d1migrate.fleet.plan import FleetPlan
from d1migrate.project.environment import Environment
from d1migrate.project.files import load_migrations
from d1migrate.project.fleet import read_fleet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.rehearse import Rehearsal
    from d1migrate.schema.model import Schema

FIRST = "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT);\n-- Rollback:\n--   DROP TABLE a;\n"
GOOD = "CREATE TABLE b (id INTEGER PRIMARY KEY);\n-- Rollback:\n--   DROP TABLE b;\n"
NO_ROLLBACK = "CREATE TABLE b (id INTEGER PRIMARY KEY);\n"
BAD = "ALTER TABLE a ADD COLUMN m TEXT NOT NULL;\n-- Rollback:\n--   ALTER TABLE a DROP COLUMN m;\n"
PRODUCTION = Environment("production", "d1:control")
STRICT = PRODUCTION._replace(lint={"F101": "error"})


class Tenants:
    """Files at the first migration, that the second one is to be applied to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("001_a", FIRST)

    def write(self, name: str, text: str) -> None:
        """Write a migration."""
        (self.folder / "migrations").mkdir(exist_ok=True)
        (self.folder / "migrations" / f"{name}.sql").write_text(text)

    def new(self, name: str) -> str:
        """Make a tenant at the first migration; its url."""
        url = f"sqlite:{self.folder / name}"
        with Migrator(url, str(self.folder / "migrations")) as migrator:
            migrator.up(to="001", lint=False)
        return url

    def plan(self, check: StateChecks) -> FleetPlan:
        """The target, with a check."""
        return FleetPlan(load_migrations(str(self.folder / "migrations")), check=check, by="me")

    def log(self, url: str) -> str:
        """The notes in the newest row of a tenant's log."""
        with Migrator(url, str(self.folder / "migrations")) as migrator:
            return str(migrator.history()[-1])


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    """A folder of tenants."""
    return Tenants(tmp_path)


def fleet(**section: object) -> FleetSettings:
    """The settings of a fleet of D1 databases."""
    return read_fleet("d1migrate.toml", "", "tenants", {"databases": "d1:tenant-*", **section})


def checks(environment: Environment = PRODUCTION, **options: object) -> StateChecks:
    """The checks of a fleet."""
    return StateChecks(environment, fleet(), **options)  # type: ignore[arg-type]


def test_lint_errors_refuse_every_tenant_in_a_state(tenants: Tenants) -> None:
    """The linter runs once."""
    tenants.write("002_b", BAD)
    plan = tenants.plan(checks(STRICT))
    for name in ("one.db", "two.db"):
        url = tenants.new(name)
        with pytest.raises(UnsafeMigration, match="002_b"):
            migrate_one(url, plan)


def test_without_lint_each_tenant_logs_it(tenants: Tenants) -> None:
    """As `up --no-lint` does."""
    tenants.write("002_b", BAD)
    url = tenants.new("one.db")
    migrate_one(url, tenants.plan(checks(STRICT, lint=False, reasons={"lint": "empty tables"})))
    assert "empty tables" in tenants.log(url)
    assert "'lint': False" in tenants.log(url) or '"lint": false' in tenants.log(url)


def test_warnings_are_passed_on_once(tenants: Tenants) -> None:
    """Not for each tenant."""
    tenants.write("002_b", NO_ROLLBACK + "DROP TABLE a;\n")
    warned: list[str] = []
    check = checks(lint=True, warn=lambda found: warned.extend(one.code for one in found))
    plan = tenants.plan(check)
    for name in ("one.db", "two.db"):
        migrate_one(tenants.new(name), plan)
    assert warned
    assert len(warned) == len(set(warned))


def test_gates_of_the_environment(tenants: Tenants) -> None:
    """A missing rollback, and a reason that each tenant logs."""
    tenants.write("002_b", NO_ROLLBACK)
    environment = PRODUCTION._replace(require_rollback=True)
    url = tenants.new("one.db")
    with pytest.raises(Gate, match=r"production refuses \(require_rollback\): 002_b"):
        migrate_one(url, tenants.plan(checks(environment)))
    reasons = {"require_rollback": "it only adds a table", "window": "a hotfix"}
    environment = environment._replace(window="Sun 02:00-04:00 UTC", protected=True)
    migrate_one(url, tenants.plan(checks(environment, reasons=reasons)))
    assert "it only adds a table" in tenants.log(url)
    assert "a hotfix" in tenants.log(url)


def test_the_environment_before_is_read_once(tenants: Tenants) -> None:
    """And compared with what is pending in each state."""
    tenants.write("002_b", GOOD)
    staging, reads = tenants.new("staging.db"), list[str]()
    environment = PRODUCTION._replace(after="staging")

    def read() -> Sequence[Entry]:
        reads.append("staging")
        with Migrator(staging, str(tenants.folder / "migrations")) as migrator:
            return migrator.status()

    url = tenants.new("one.db")
    plan = tenants.plan(checks(environment, read_first=read))
    with pytest.raises(Gate, match="002_b is not applied in staging"):
        migrate_one(url, plan)
    with pytest.raises(Gate, match="002_b is not applied in staging"):
        migrate_one(tenants.new("two.db"), plan)
    assert reads == ["staging"]
    with Migrator(staging, str(tenants.folder / "migrations")) as migrator:
        migrator.up()
    migrate_one(url, tenants.plan(checks(environment, read_first=read)))


def test_an_environment_that_cannot_be_read_refuses(tenants: Tenants) -> None:
    """With the error as the reason."""
    tenants.write("002_b", GOOD)

    def read() -> Sequence[Entry]:
        raise UnavailableError("no network")

    environment = PRODUCTION._replace(after="staging")
    with pytest.raises(Gate, match="staging cannot be read: no network"):
        migrate_one(tenants.new("one.db"), tenants.plan(checks(environment, read_first=read)))


def test_restore_points(tenants: Tenants) -> None:
    """An environment that demands them refuses a fleet that takes none; by default a D1 demands none of it."""
    tenants.write("002_b", GOOD)
    strict, none = PRODUCTION._replace(restore_point=True), fleet(restore_points="none")
    url = tenants.new("one.db")
    with pytest.raises(Gate, match="no restore point is taken of the tenants of tenants"):
        migrate_one(url, tenants.plan(StateChecks(strict, none)))
    migrate_one(url, tenants.plan(StateChecks(PRODUCTION, none)))
    migrate_one(tenants.new("two.db"), tenants.plan(StateChecks(strict, fleet())))


def test_a_rehearsal_once_for_eight_threads(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven wait for the one that rehearses."""
    import d1migrate.rehearse as module

    tenants.write("002_b", GOOD)
    rehearsed, original = list[object](), module.rehearse

    def rehearse(*found: Any, **options: Any) -> Rehearsal:
        rehearsed.append(found)
        return original(*found, **options)

    monkeypatch.setattr(module, "rehearse", rehearse)
    check = checks(PRODUCTION._replace(rehearse="error"))
    plan = tenants.plan(check)
    urls = [tenants.new(f"{number}.db") for number in range(8)]
    threads = [threading.Thread(target=migrate_one, args=(url, plan)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rehearsed) == 1
    for url in urls:
        with Migrator(url, str(tenants.folder / "migrations")) as migrator:
            assert all(entry.applied for entry in migrator.status())


def test_states_with_one_schema_are_checked_once(tenants: Tenants) -> None:
    """For example tenants whose logs have different numbers of rows."""
    seen: list[tuple[Plan, Schema]] = []

    class Counting(StateChecks):
        def _check(self, plan: Plan, schema: Schema) -> object:  # type: ignore[override]
            seen.append((plan, schema))
            return super()._check(plan, schema)

    tenants.write("002_b", GOOD)
    plan = tenants.plan(Counting(PRODUCTION, fleet()))
    one, two = tenants.new("one.db"), tenants.new("two.db")
    with Migrator(two, str(tenants.folder / "migrations")) as migrator:
        migrator.up(lint=False)
        migrator.down()
    migrate_one(one, plan)
    migrate_one(two, plan)
    assert len(plan.states) == 2
    assert len(seen) == 1


def test_nothing_to_do_is_not_checked(tenants: Tenants) -> None:
    """An environment with gates does not refuse a tenant that is up to date."""
    url = tenants.new("one.db")
    environment = PRODUCTION._replace(require_rollback=True, after="staging")
    assert migrate_one(connect(url), tenants.plan(checks(environment))).applied == ()
