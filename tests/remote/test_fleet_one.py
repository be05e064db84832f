"""`migrate_one` through Cloudflare's API: requests, faults at each of them, and histories of every kind."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import AmbiguousError, ApplyError, PartiallyApplied, UnavailableError, UsageError
from d1migrate.fleet import FleetPlan, migrate_one
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.sql.batch import Batch, Query
from tests import inputs
from tests.remote import sequences
from tests.remote.test_rest import TRIGGER
from tests.runtime import tenants
from tests.unit.migrate.flows import test_carry_over as old

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.drivers.rest import RestDriver
    from d1migrate.fleet import Outcome
    from d1migrate.migrate.migration import Migration
    from tests.remote.conftest import Remote

FILES = 5
_LONG = 100  # migrations: more are recorded and not run, which takes one request


_numbers = count()


def _name() -> str:
    return f"tenant-{next(_numbers)}"


class Fleet:
    """Databases at some migration, and the plan that leads them all to the last one.

    `copies` makes each from a template: a tenant costs no request.
    """

    def __init__(self, remote: Remote, migrations: Sequence[Migration], **options: Any) -> None:
        self.remote, self.migrations = remote, tuple(migrations)
        self.plan = FleetPlan(migrations, by="test", **options)
        self._templates: dict[int | None, str] = {}

    def tenant(self, at: int | None = 3, table: str | None = None) -> str:
        """A new database with this many of the migrations; None for an empty one."""
        if at not in self._templates:
            template = self._templates[at] = self.remote.server.create(_name())
            if at is not None:
                migrator = Migrator(self.remote.open(copy=template), self.migrations[:at], table=table)
                if at < _LONG:
                    migrator.up(lint=False, single_transaction=True)
                else:
                    migrator.baseline(to=self.migrations[at - 1].name)
        (made,) = self.remote.server.copies(self._templates[at], [_name()])
        return made

    def open(self, database: str, **options: Any) -> RestDriver:
        """Its driver."""
        return self.remote.open(copy=database, **options)

    def migrate(self, database: str, **options: Any) -> Outcome:
        """Migrate one; what it reports as requests is what the server saw."""
        before = self.requests(database)
        outcome = migrate_one(self.open(database), self.plan, **options)
        assert self.requests(database) - before == outcome.requests
        return outcome

    def requests(self, database: str) -> int:
        """How many requests the server had for one."""
        return self.remote.server.traffic().databases.get(database, 0)

    def know(self, *states: int) -> None:
        """Have the plan meet a tenant in each state, the last one most often."""
        for place, at in enumerate(states):
            for _ in range(place + 1):
                migrate_one(self.open(self.tenant(at)), self.plan)

    def check(self, *databases: str) -> None:
        """Each has every migration exactly once, by queries on its file."""
        tenants.check(map(self.remote.server.file, databases), FILES)


@pytest.fixture
def fleet(remote: Remote, tmp_path: Path) -> Fleet:
    """Five files, that leave a row when they run."""
    return Fleet(remote, load_migrations(str(tenants.write(tmp_path / "m", FILES))))


def test_requests_are_counted_where_they_arrive(fleet: Fleet) -> None:
    """1 from the state that is expected and with nothing to do, 2 from another, however far behind."""
    fleet.know(3)
    expected, current, stragglers = fleet.tenant(3), fleet.tenant(5), [fleet.tenant(n) for n in (1, 2, 4)]
    assert fleet.migrate(expected)[:3] == (("004_add_t4", "005_add_t5"), "005_add_t5", 1)
    assert fleet.migrate(current)[:3] == ((), "005_add_t5", 1)
    assert [fleet.migrate(one).requests for one in stragglers] == [2, 2, 2]
    assert [fleet.migrate(one).requests for one in (expected, *stragglers)] == [1] * 4
    fleet.check(expected, current, *stragglers)


_ALL = sequences.faults()
FAULTS = {
    name: fault
    for place, (name, fault) in enumerate(_ALL.items())
    if fault["do"] != "wire" or place % 4 == 0 or inputs.TIMES > 1
}
"""All but most of those of the wire, which test_sequences tries; all of them with --times 2."""
ODD = {"edit", "answer", "wire", "401"}
"""What such a fault sends may look like an answer about the token, or the database."""


@pytest.mark.parametrize("name", inputs.some(list(FAULTS)))
def test_every_fault_at_every_request(fleet: Fleet, name: str) -> None:
    """The error says whether to call it again; then each tenant is migrated, exactly once."""
    fault, server = FAULTS[name], fleet.remote.server
    is_slow = fault["do"] in ("hang", "wire")
    fleet.know(2, 3)
    made = []
    for at, nth in [(3, 1), (1, 2)] if is_slow else [(3, 1), (3, 2), (1, 1), (1, 2), (1, 3), (5, 1)]:
        tenant = fleet.tenant(at)
        made.append(tenant)
        server.faults({"match": {"path": "/client/v4/", "nth": nth}, **fault})
        driver = fleet.open(tenant, timeout=0.5 if is_slow else None, seconds=0.5 if is_slow else 60)
        try:
            outcome = migrate_one(driver, fleet.plan)
        except (UnavailableError, AmbiguousError):
            pass
        except UsageError:
            assert fault["do"] in ODD
        else:
            assert outcome.current == "005_add_t5"
            if fault["do"] == "twice":
                assert len(outcome.applied) == FILES - at
        server.faults()
        server.arrive()
        assert migrate_one(driver, fleet.plan).current == "005_add_t5"
        assert migrate_one(driver, fleet.plan)[:3] == ((), "005_add_t5", 1)
    fleet.check(*made)


@pytest.mark.parametrize("second", ["drop", "lose reply", "503", "7429", "firewall", "429"])
def test_a_fault_while_they_are_applied_one_by_one(fleet: Fleet, second: str) -> None:
    """After a reset; that the database did not answer again is no failure of a migration."""
    fleet.know(3)
    tenant = fleet.tenant(3)
    fleet.remote.server.faults(
        {"match": {"body": "005_add_t5", "nth": 1}, "do": "7429"},
        {"match": {"body": "005_add_t5", "nth": 2}, "do": second},
    )
    if second in ("lose reply", "429"):
        assert migrate_one(fleet.open(tenant), fleet.plan).one_by_one
    else:
        with pytest.raises((UnavailableError, AmbiguousError)):
            migrate_one(fleet.open(tenant), fleet.plan)
    fleet.remote.server.faults()
    assert migrate_one(fleet.open(tenant), fleet.plan).current == "005_add_t5"
    fleet.check(tenant)


def test_a_batch_that_is_not_atomic(remote: Remote) -> None:
    """What it leaves is partial, and nothing more is run."""
    half = "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n"
    files = load([("001_a.sql", "CREATE TABLE a (x);\n"), ("002_b.sql", half), ("003_c.sql", "SELECT 1;\n")])
    fleet = Fleet(remote, files)
    for _ in range(2):
        tenant = fleet.tenant(1)
        remote.server.faults({"match": {"body": "002_b", "nth": 1}, "do": "not atomic"})
        with pytest.raises((PartiallyApplied, ApplyError), match="002_b"):
            migrate_one(fleet.open(tenant), fleet.plan)
        remote.server.faults()
        with pytest.raises(PartiallyApplied, match="002_b"):
            migrate_one(fleet.open(tenant), fleet.plan)
        assert remote.server.sql(tenant, "SELECT version FROM schema_migrations") == [[[1]]]


@pytest.mark.parametrize("table", [None, "d1_migrations"])
@pytest.mark.parametrize("number", [200, 1000])
def test_long_histories(remote: Remote, number: int, table: str | None) -> None:
    """The request carries the state and the answer does too; a straggler still takes two."""
    files = load([(f"{n:04}_a_name_of_some_length.sql", f"SELECT {n};\n") for n in range(1, number + 3)])
    fleet = Fleet(remote, files, table=table)
    tenants_at = [fleet.tenant(at, table) for at in (number, number, number - 1, number + 2)]
    assert [fleet.migrate(one).requests for one in tenants_at] == [2, 1, 2, 1]
    sizes = [len(state.text) for state, _ in fleet.plan.states]
    assert all(size < 300 * number for size in sizes)
    for tenant in tenants_at:
        assert remote.server.sql(tenant, f"SELECT count(*) FROM {table or 'schema_migrations'}") == [
            [[number + 2]]
        ]


def test_a_state_that_no_message_can_carry(remote: Remote) -> None:
    """Over 500,000 bytes the refusal is cut, and the state is read."""
    files = load([(f"{n:04}_{'a' * 600}.sql", f"SELECT {n};\n") for n in range(1, 1003)])
    fleet = Fleet(remote, files)
    fleet.know(1000)
    first, straggler = fleet.tenant(1000), fleet.tenant(1001)
    assert fleet.migrate(first).requests == 1
    assert fleet.migrate(straggler).requests in (2, 3)
    assert max(len(state.text) for state, _ in fleet.plan.states) > 800_000
    assert fleet.migrate(straggler).applied == ()


def test_names_that_have_to_be_quoted(remote: Remote) -> None:
    """In JSON, in SQL, in the message of an error, and in a request."""
    odd = [
        "0001_it's", '0002_say "no"', "0003_naïve 表 🙂", "0004_back\\slash", "0005_%_;--", "0006_D1_ERROR: x",
        "0007_bad JSON path: 'y'", "0008_: SQLITE_ERROR", "0009_state of the history: []'", "0010_\ttab", "0011_z",
    ]  # fmt: skip
    files = load([(f"{name}.sql", f"CREATE TABLE t{n} (x);\n") for n, name in enumerate(odd)])
    for table in (None, "d1_migrations"):
        fleet = Fleet(remote, files, table=table)
        last = len(odd) - 2
        made = [fleet.tenant(at, table) for at in (last, last, last - 1, 1, len(odd))]
        assert [fleet.migrate(one).requests for one in made] == [2, 1, 2, 2, 1]
        for one in made:
            assert remote.server.sql(one, "SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'") == [
                [[len(odd)]]
            ]


@pytest.mark.parametrize("fragile", [False, True])
def test_a_trigger_is_carried_by_the_batch(remote: Remote, fragile: bool) -> None:
    """As production's splitter takes it."""
    remote.server.settings(fragile_splitter=fragile)
    fleet = Fleet(
        remote,
        load([("001_a.sql", "CREATE TABLE a (x);\n"), ("002_t.sql", TRIGGER), ("003_c.sql", "SELECT 1;")]),
    )
    fleet.know(1)
    tenant = fleet.tenant(1)
    assert fleet.migrate(tenant)[:3] == (("002_t", "003_c"), "003_c", 1)
    assert remote.server.sql(tenant, "SELECT a, b FROM t") == [[[1, "small"], [2, "big; really"]]]


LARGE = "".join(f"INSERT INTO t2 (a) VALUES ('{n} {'x' * 1000}');\n" for n in range(1_100))
CUT = "CREATE TRIGGER cut AFTER INSERT ON t1 BEGIN INSERT INTO t2 (a) VALUES ('big;\nreally'); END;\n"


@pytest.mark.parametrize("more", [LARGE, CUT], ids=["large", "trigger"])
def test_what_needs_an_import(remote: Remote, tmp_path: Path, more: str) -> None:
    """Each migration is applied by itself, as `up` does; after a lost answer it is called again."""
    folder = tenants.write(tmp_path / "m", FILES)
    with (folder / "004_add_t4.sql").open("a") as file:
        file.write(more)
    fleet = Fleet(remote, load_migrations(str(folder)))
    for fault in ({"do": "429"}, {"do": "lose reply"}, {"do": "503", "after": True}):
        tenant = fleet.tenant(3)
        remote.server.faults({"match": {"path": "/import$", "nth": 2}, **fault})
        try:
            outcome = migrate_one(fleet.open(tenant), fleet.plan)
            assert outcome[:2] == (("004_add_t4", "005_add_t5"), "005_add_t5")
            assert outcome.one_by_one
        except AmbiguousError:
            assert fault["do"] != "429"
        remote.server.faults()
        assert migrate_one(fleet.open(tenant), fleet.plan).current == "005_add_t5"
        assert fleet.migrate(tenant)[:3] == ((), "005_add_t5", 1)
        assert remote.server.sql(tenant, "SELECT count(*), count(DISTINCT name) FROM ran") == [[[5, 5]]]


def test_the_log_of_an_old_release(remote: Remote) -> None:
    """It is moved, as `up` does, by the batches of its migrations one by one."""
    fleet = Fleet(remote, old.FILES)
    for tenant in (fleet.tenant(None), fleet.tenant(None)):
        queries = [Query(old.OLD), Query(old.OLD_LOG_TABLE), *old.applied_by_old(old.FILES[0], "t1")]
        fleet.open(tenant).batch(Batch(queries))
        outcome = migrate_one(fleet.open(tenant), fleet.plan)
        assert (outcome.applied, outcome.one_by_one) == (("002_b", "003_c"), True)
        assert fleet.migrate(tenant)[:2] == ((), "003_c")
        assert remote.server.sql(tenant, "SELECT group_concat(n) FROM t") == [[["2,3"]]]
        assert remote.server.sql(tenant, "SELECT count(*) FROM d1migrate_log") == [[[6]]]


def test_a_log_that_lacks_columns(fleet: Fleet) -> None:
    """They are added, once."""
    fleet.know(3)
    tenant = fleet.tenant(3)
    for column in ("format", "file_digest"):
        fleet.remote.server.sql(tenant, f"ALTER TABLE d1migrate_log DROP COLUMN {column}")
    outcome = migrate_one(fleet.open(tenant), fleet.plan)
    assert outcome[:2] == (("004_add_t4", "005_add_t5"), "005_add_t5")
    assert fleet.migrate(tenant)[:3] == ((), "005_add_t5", 1)
    assert fleet.remote.server.sql(tenant, "SELECT count(format), count(file_digest) FROM d1migrate_log") == [
        [[4, 2]]
    ]


def test_a_restore_point_is_taken_first_and_logged(fleet: Fleet) -> None:
    """One request more, and none if there is nothing to do, unless that is a surprise."""
    fleet.know(3)
    tenant = fleet.tenant(3)
    before = fleet.requests(tenant)
    outcome = migrate_one(fleet.open(tenant), fleet.plan, restore_point=True)
    assert (outcome.requests, fleet.requests(tenant) - before) == (1, 2)
    points = "SELECT count(DISTINCT restore_point), count(restore_point) FROM d1migrate_log"
    assert fleet.remote.server.sql(tenant, f"{points} WHERE version > 3 AND event = 'done'")[0][0][0] == 1
    fleet.check(tenant)


def test_both_tables(remote: Remote) -> None:
    """Files that record themselves, where wrangler's table has rows: each is written to both."""
    sql = (
        "CREATE TABLE {name} (x);\nINSERT INTO schema_migrations (version, name, applied_at)"
        " VALUES ({n}, '{n:03}_{name}', 1) ON CONFLICT(version) DO NOTHING;\n"
    )
    pairs = [(f"{n:03}_{name}.sql", sql.format(name=name, n=n)) for n, name in enumerate("abc", 1)]
    fleet = Fleet(remote, load(pairs))
    made = [fleet.tenant(None) for _ in range(3)]
    for tenant in made:
        remote.server.sql(tenant, ";\n".join((VersionTable().create, NameTable().create, pairs[0][1])))
        remote.server.sql(tenant, f"INSERT INTO d1_migrations (name) VALUES ('{pairs[0][0]}')")
    assert [fleet.migrate(tenant).applied for tenant in made] == [("002_b", "003_c")] * 3
    for tenant in made:
        # It has a log now, which the guess had not: the refusal says that the state has to be read.
        assert fleet.migrate(tenant)[:3] == ((), "003_c", 2)
        for table in ("schema_migrations", "d1_migrations"):
            assert remote.server.sql(tenant, f"SELECT count(*) FROM {table}") == [[[3]]]
