"""The state after a batch: a trigger of the user may make it another one than that of all other databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error, HistoryError, UnavailableError
from d1migrate.fleet.one import migrate_one
from d1migrate.fleet.plan import Checked, FleetPlan
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from tests.unit.fleet.test_flow import Tenant, known, plan
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.plan import Plan
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Batch, Result

AFTER_DONE = "AFTER INSERT ON d1migrate_log WHEN new.event = 'done'"
REFUSED = {
    f"{AFTER_DONE} BEGIN UPDATE d1migrate_log SET checksum = 'v1:other', file_digest = 'x'"
    " WHERE id = new.id; END": "003_c, 004_d: edited after being applied",
    f"{AFTER_DONE} BEGIN UPDATE d1migrate_log SET checksum = 'v1:other', file_digest = 'x'"
    " WHERE version = 1; END": "001_a: edited after being applied",
    "BEFORE INSERT ON d1migrate_log WHEN new.event = 'done' BEGIN SELECT raise(ignore); END": (
        "003_c, 004_d: began and did not finish"
    ),
}
ACCEPTED = {
    "AFTER INSERT ON d1migrate_log BEGIN DELETE FROM d1migrate_log WHERE id < new.id; END": "004_d",
    "AFTER INSERT ON schema_migrations BEGIN UPDATE schema_migrations SET name = 'x'"
    " WHERE version = new.version; END": "x",
}
STILL_ONE_BY_ONE = "CREATE TRIGGER own AFTER INSERT ON b BEGIN INSERT INTO b VALUES ('\n'); END;\n"


@pytest.mark.parametrize(("trigger", "message"), REFUSED.items())
def test_a_history_that_is_refused_afterwards(trigger: str, message: str) -> None:
    """It is not done: the next call, and `up`, refuse it."""
    fleet = known(plan(), "1a 2b")
    tenant = Tenant("1a 2b")
    tenant.run(f"CREATE TRIGGER t {trigger}")
    with pytest.raises(HistoryError, match=f"refused after the migrations were applied: {message}"):
        migrate_one(tenant, fleet)
    with pytest.raises(Error, match=message):
        migrate_one(tenant, fleet)
    assert migrate_one(Tenant("1a 2b"), fleet)[:3] == (("003_c", "004_d"), "004_d", 1), "others are as before"


@pytest.mark.parametrize(("trigger", "current"), ACCEPTED.items())
def test_another_state_that_is_at_the_target_too(trigger: str, current: str) -> None:
    """What is reported is what this database has."""
    fleet = known(plan(), "1a 2b")
    tenant = Tenant("1a 2b")
    tenant.run(f"CREATE TRIGGER t {trigger}")
    assert migrate_one(tenant, fleet)[:3] == (("003_c", "004_d"), current, 1)
    assert migrate_one(tenant, fleet)[:3] == ((), current, 1)
    assert migrate_one(Tenant("1a 2b"), fleet)[:3] == (("003_c", "004_d"), "004_d", 1)


def test_one_by_one() -> None:
    """After the steps, each a batch of its own, the history is read, and may be refused."""
    fleet = FleetPlan([*files("1a 2b 3c"), Migration(4, "004_d", STILL_ONE_BY_ONE)], by="ada")
    tenant = Tenant("1a 2b 3c")
    tenant.run(f"CREATE TRIGGER t {next(iter(REFUSED))}")
    with pytest.raises(HistoryError, match="refused after the migrations were applied: 004_d: edited"):
        migrate_one(tenant, fleet)


def test_the_new_state_is_sent_back_only_if_it_is_another_one() -> None:
    """NULL, else: an answer with the whole history of each tenant would be most of the traffic."""
    fleet = known(plan(), "1a 2b")
    tenant = Tenant("1a 2b")
    answers: list[Sequence[Result]] = []

    def kept(batch: Batch) -> Sequence[Result]:
        answers.append(SqliteDriver.batch(tenant, batch))
        return answers[-1]

    tenant.trouble = kept
    assert migrate_one(tenant, fleet).current == "004_d"
    assert [list(result.rows) for result in answers[0]] == [[(None,)]]


def test_another_state_than_the_checked_one_is_not_migrated_one_by_one() -> None:
    """Somebody rolls back between the check of a state and its first migration: that one was not checked."""
    checked: list[list[str]] = []

    def check(todo: Plan, _: Schema) -> Checked:
        checked.append([step.name for step in todo.steps])
        return Checked()

    migrations = [*files("1a 2b 3c"), Migration(4, "004_d", STILL_ONE_BY_ONE)]
    fleet, tenant = FleetPlan(migrations, by="ada", check=check), Tenant("1a 2b 3c")
    migrate_one(Tenant("1a 2b 3c"), fleet)

    def roll_back(batch: Batch) -> Sequence[Result]:
        found = SqliteDriver.batch(tenant, batch)
        Migrator(tenant, migrations).down(steps=1)
        return found

    tenant.trouble = roll_back
    with pytest.raises(UnavailableError, match="changed"):
        migrate_one(tenant, fleet)
    assert [version for (version,) in tenant.rows("SELECT version FROM schema_migrations")] == [1, 2]
    assert migrate_one(tenant, fleet).applied == ("003_c", "004_d")
    assert checked == [["004_d"], ["003_c", "004_d"]]
