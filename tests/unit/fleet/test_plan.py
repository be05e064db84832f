"""What is known of the databases of a fleet."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError, SourceError, UsageError
from d1migrate.fleet import migrate_one, plan
from d1migrate.fleet.plan import _MOST_STATES, Checked, FleetPlan, KnownState, _Check
from d1migrate.migrate.history_queries import EMPTY
from d1migrate.migrate.migration import Migration
from d1migrate.schema.model import Schema, Table
from tests.unit.fleet.test_flow import Tenant
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_digest_is_that_of_what_is_to_be_applied() -> None:
    """Not of files after `to`."""
    assert FleetPlan(files("1a 2b 3c"), to="2").digest == FleetPlan(files("1a 2b")).digest
    assert FleetPlan(files("1a 2b")).digest != FleetPlan(files("1a 2c")).digest
    assert (FleetPlan(files("1a 2b 3c"), to="2").target, FleetPlan([]).target) == ("002_b", None)


def test_files_that_fit_no_database_are_refused_at_once() -> None:
    """Before any tenant is asked."""
    with pytest.raises(SourceError):
        FleetPlan([Migration(1, "001_a", "CREATE TABLE a ('")])
    with pytest.raises(UsageError):
        FleetPlan(files("1a"), to="7")


def test_the_guess_is_the_most_common_state_that_leads_anywhere() -> None:
    """Of those with the same history tables, if these are known."""
    fleet = FleetPlan(files("1a 2b 3c"), by="ada")
    assert fleet.guess() is None
    for have in ("1a", "1a 2b", "1a 2b"):
        migrate_one(Tenant(have), fleet)
    for _ in range(4):
        with pytest.raises(HistoryError):
            migrate_one(Tenant(), fleet)
    guess = fleet.guess()
    assert guess
    assert [step.name for step in guess.plan.steps] == ["003_c"]
    assert fleet.guess(EMPTY) is None


def test_rare_states_are_forgotten() -> None:
    """The memory does not grow with the databases, and the common states stay known."""
    fleet = FleetPlan(files("1a 2b"), by="ada")
    migrate_one(Tenant("1a"), fleet)
    migrate_one(Tenant("1a"), fleet)
    for number in range(_MOST_STATES):
        tenant = Tenant("1a")
        tenant.run(f"UPDATE d1migrate_log SET id = {number + 10} WHERE id = 2")
        assert migrate_one(tenant, fleet).requests == 2
    assert len(fleet.states) < _MOST_STATES
    assert migrate_one(Tenant("1a"), fleet).requests == 1


def test_a_state_is_reached_while_others_are_forgotten() -> None:
    """The thread that notes it waits until the rare ones are forgotten."""
    fleet = FleetPlan(files("1a 2b"), by="ada")
    migrate_one(Tenant("1a"), fleet)
    known = fleet.states[0][0]
    others = list[threading.Thread]()

    class Rare(KnownState):
        """A state that another thread reaches when it is looked at."""

        def __hash__(self) -> int:
            if is_forgetting and not others:
                others.append(threading.Thread(target=fleet.reached, args=(other, other)))
                others[0].start()
                others[0].join(0.1)
            return id(self)

    is_forgetting = False
    rare, other = (kind(EMPTY, "[]", known.history, known.plan) for kind in (Rare, KnownState))
    fleet.reached(rare, rare)
    is_forgetting = True
    for number in range(_MOST_STATES):
        fleet.learn(known.layout, known.text.replace("001_a", f"{number:03}_a"))
    others[0].join()
    assert (fleet.after(other), fleet.after(rare)) == (other, None)


def test_many_statements_are_not_one_batch() -> None:
    """Together, they would take more CPU than each migration; a single one is sent whole in any case."""
    table, rows = "CREATE TABLE t (a);", "INSERT INTO t VALUES (1);\n" * 600
    migrations = [Migration(1, "001_a", table), *(Migration(i, f"{i:03}_b", rows) for i in (2, 3))]
    tenant = Tenant()
    outcome = migrate_one(tenant, FleetPlan(migrations, by="ada", create=True))
    assert (outcome.one_by_one, len(outcome.applied)) == (True, 3)
    assert tenant.rows("SELECT count(*) FROM t") == [(1200,)]
    tenant = Tenant()
    assert not migrate_one(tenant, FleetPlan(migrations[:2], by="ada", create=True)).one_by_one


def test_a_check_belongs_to_the_schema_that_it_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may be the first that asks for its result."""
    good, bad = Schema(), Schema((Table("a", "CREATE TABLE a (x)"),))

    def check(_: object, schema: Schema) -> Checked:
        if schema == bad:
            raise HistoryError("changed by hand")
        return Checked()

    class Overtaken(_Check):
        """Its first caller is overtaken by a thread with a database that was changed by hand."""

        def get(self, make: Callable[[], Checked]) -> Checked:
            if not others:
                others.append(threading.Thread(target=other))
                others[0].start()
                others[0].join()
            return super().get(make)

    def other() -> None:
        with suppress(HistoryError):
            fleet.check(state, bad)

    fleet = FleetPlan(files("1a 2b"), by="ada")
    migrate_one(Tenant("1a"), fleet)
    state = fleet.states[0][0]
    fleet = FleetPlan(files("1a 2b"), by="ada", check=check)
    others = list[threading.Thread]()
    monkeypatch.setattr(plan, "_Check", Overtaken)
    assert fleet.check(state, good) == Checked()


def test_threads_check_a_state_once() -> None:
    """The others wait for it."""
    calls, go = [], threading.Event()

    def check(*_: object) -> Checked:
        calls.append(1)
        go.wait(10)
        return Checked()

    fleet = FleetPlan(files("1a 2b"), by="ada", check=check)
    tenants = [Tenant("1a") for _ in range(8)]
    threads = [threading.Thread(target=migrate_one, args=(tenant, fleet)) for tenant in tenants]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert [tenant.applied for tenant in tenants] == [[1, 2]] * 8
