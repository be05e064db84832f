"""One database of a fleet: how many requests it takes, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.drivers.unanswered import unanswered
from d1migrate.errors import AmbiguousError, ApplyError, HistoryError, QueryError, UnavailableError
from d1migrate.fleet.one import migrate_one
from d1migrate.fleet.plan import Checked, FleetPlan
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import OVERLOADED_CODE
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.sql.batch import Result

ALL = "1a 2b 3c 4d"


class Tenant(SqliteDriver):
    """A database in memory that counts its batches, and loses or refuses the next one as a test says."""

    def __init__(self, have: str = "", *, table: str | None = None) -> None:
        super().__init__(":memory:", url="sqlite::memory:")
        self.sent: list[Batch] = []
        self.trouble: Callable[[Batch], Sequence[Result]] | None = None
        if have:
            Migrator(self, files(have), table=table).up(lint=False)
            self.sent.clear()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, or have trouble once."""
        self.sent.append(batch)
        trouble, self.trouble = self.trouble, None
        return trouble(batch) if trouble else super().batch(batch)

    def run(self, *statements: str) -> None:
        """Run statements past the count."""
        super().batch(Batch([Query(sql) for sql in statements]))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        (result,) = super().batch(Batch([Query(sql)], reads=True))
        return list(result.rows)

    @property
    def applied(self) -> list[object]:
        """The applied versions, and that each has its table."""
        versions = [version for (version,) in self.rows("SELECT version FROM schema_migrations ORDER BY 1")]
        logged = self.rows("SELECT count(*) FROM d1migrate_log WHERE event = 'done' AND action = 'up'")
        assert logged == [(len(versions),)], "each exactly once"
        return versions


def plan(have: str = ALL, **options: object) -> FleetPlan:
    """A plan of files."""
    return FleetPlan(files(have), by="ada", **options)  # type: ignore[arg-type]


def known(fleet: FleetPlan, have: str) -> FleetPlan:
    """The plan, after a database with these migrations was migrated."""
    migrate_one(Tenant(have), fleet)
    return fleet


@pytest.mark.parametrize(("have", "requests"), [("1a 2b", 1), (ALL, 1), ("1a", 2), ("1a 2b 3c", 2)])
def test_how_many_requests(have: str, requests: int) -> None:
    """One from the state in which others were, and if there is nothing to do; two from any other."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant(have)
    outcome = migrate_one(tenant, fleet)
    assert (outcome.requests, len(tenant.sent)) == (requests, requests)
    assert outcome.applied == tuple(file.name for file in files(ALL)[len(have.split()) :])
    assert outcome.current == "004_d"
    assert tenant.applied == [1, 2, 3, 4]


def test_a_straggler_takes_two_requests_as_far_behind_as_it_is() -> None:
    """The refusal has its state; and the next one in that state takes one, while it is the most common."""
    fleet = known(plan(), "1a 2b 3c")
    assert [migrate_one(Tenant("1a"), fleet).requests for _ in range(4)] == [2, 2, 1, 1]


def test_a_sweep_expects_those_who_are_behind() -> None:
    """Most have migrated themselves: they take one request nevertheless, unless nearly all have."""
    fleet = known(plan(), "1a 2b")
    for _ in range(20):
        assert migrate_one(Tenant(ALL), fleet).requests == 1
    tenant = Tenant("1a 2b")
    assert (migrate_one(tenant, fleet).requests, tenant.applied) == (1, [1, 2, 3, 4])
    for _ in range(21):
        assert migrate_one(Tenant(ALL), fleet).requests == 1
    tenant = Tenant(ALL)
    assert (migrate_one(tenant, fleet).requests, [batch.reads for batch in tenant.sent]) == (1, [True])
    assert migrate_one(Tenant("1a 2b"), fleet).requests == 2


def test_in_a_current_fleet_nothing_is_written() -> None:
    """The state is read if the most common one is the target."""
    fleet = plan()
    for _ in range(2):
        tenant = Tenant(ALL)
        assert migrate_one(tenant, fleet) == (*((), "004_d"), 1, False, False, (), None)
        assert all(batch.reads for batch in tenant.sent)


def test_the_names_table_of_wrangler() -> None:
    """Its ids and its counter belong to the state."""
    fleet = plan(table="d1_migrations")
    for requests in (2, 1):
        tenant = Tenant("1a 2b", table="d1_migrations")
        assert migrate_one(tenant, fleet).requests == requests
        assert [name for (name,) in tenant.rows("SELECT name FROM d1_migrations ORDER BY id")] == [
            f"{file.name}.sql" for file in files(ALL)
        ]


def test_an_empty_database() -> None:
    """It is refused without permission; with it, all are one request once that state is known."""
    fleet = plan()
    for _ in range(2):
        with pytest.raises(HistoryError, match="it has no tables") as caught:
            migrate_one(Tenant(), fleet)
        assert "create = true" in str(caught.value.hint)
    fleet = plan(create=True)
    tenants = (Tenant(), Tenant(), Tenant("1a"), Tenant("1a"), Tenant(), Tenant("1a 2b"))
    outcomes = [migrate_one(tenant, fleet) for tenant in tenants]
    assert [o.created for o in outcomes] == [True, True, False, False, True, False]
    # A state in other tables that nobody was found in has to be read.
    assert [o.requests for o in outcomes] == [3, 1, 3, 2, 1, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE d1migrate_log SET checksum = 'v1:other', file_digest = 'x' WHERE version = 2",
            "002_b: edited",
        ),
        ("DELETE FROM d1migrate_log WHERE version = 2 AND event = 'done'", "002_b: began and did not finish"),
        ("INSERT INTO schema_migrations VALUES (9, '009_x', 1)", "009_x: applied, but the file is missing"),
        ("UPDATE schema_migrations SET version = 7, name = '007_y' WHERE version = 2", "007_y"),
        ("UPDATE d1migrate_log SET checksum = x'ff' WHERE version = 2", "d1migrate_log is damaged"),
        ("UPDATE d1migrate_log SET rollback_digest = x'ff' WHERE version = 2", "d1migrate_log is damaged"),
        ("UPDATE d1migrate_log SET token = '' WHERE version = 2", "d1migrate_log is damaged: token is None"),
        ("UPDATE d1migrate_log SET token = x'ff' WHERE version = 2", "d1migrate_log is damaged: token is b'"),
        # As JSONB, it would be null.
        ("UPDATE d1migrate_log SET checksum = x'00' WHERE version = 2", "d1migrate_log is damaged"),
    ],
)
def test_a_history_that_disagrees_is_never_migrated_over(change: str, message: str) -> None:
    """Its error is that of `up`, and nothing is written."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b")
    tenant.run(change)
    before = tenant.rows("SELECT * FROM d1migrate_log")
    for _ in range(2):
        with pytest.raises(HistoryError, match=message):
            migrate_one(tenant, fleet)
    assert tenant.rows("SELECT * FROM d1migrate_log") == before
    assert not tenant.rows("SELECT 1 FROM sqlite_schema WHERE name = 'c'")


def test_a_blob_is_shown_as_up_shows_it() -> None:
    """JSON has none."""
    tenant = Tenant("1a 2b")
    tenant.run(
        "UPDATE schema_migrations SET name = x'ff' WHERE version = 2",
        "DELETE FROM d1migrate_log WHERE version = 2 AND event = 'done'",
    )
    with pytest.raises(HistoryError) as by_up:
        Migrator(tenant, files(ALL)).up(lint=False)
    with pytest.raises(HistoryError) as by_one:
        migrate_one(tenant, plan())
    assert str(by_one.value) == str(by_up.value)


def test_a_rolled_back_and_applied_migration_is_another_state() -> None:
    """So a request from before, which arrives late, is refused: the ids of the log have moved."""
    tenant = Tenant("1a 2b")
    state = FleetPlan(files(ALL), by="ada")
    migrate_one(tenant, state)
    late = tenant.sent[-1]
    run = Migrator(tenant, files(ALL))
    run.down(steps=2)
    with pytest.raises(QueryError, match="state of the history"):
        tenant.batch(late)
    assert tenant.rows("SELECT max(version) FROM schema_migrations") == [(2,)]


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (("CREATE TABLE orders (id)",), "orders"),
        (("CREATE TABLE django_migrations (id, app, name, applied)",), "Django"),
    ],
)
def test_a_database_of_others_is_refused(statements: Sequence[str], message: str) -> None:
    """Also if empty ones may be created."""
    tenant = Tenant()
    tenant.run(*statements)
    with pytest.raises(HistoryError, match=message):
        migrate_one(tenant, known(plan(create=True), "1a"))


def test_what_is_refused_in_one_batch_is_refused_one_by_one() -> None:
    """A database is not taken for one in the usual state without a batch that asserts it."""
    # A request cannot carry such a trigger: the fleet is migrated one by one.
    trigger = "CREATE TRIGGER t AFTER INSERT ON b BEGIN INSERT INTO b VALUES ('\n'); END;\n"
    migrations = [*files("1a 2b"), Migration(3, "003_c", trigger)]
    fleet = FleetPlan(migrations, by="ada")
    assert migrate_one(Tenant("1a 2b"), fleet).one_by_one
    other = Tenant("1a 2b", table="d1_migrations")
    for tenant, message in ((Tenant(), "it has no tables"), (other, "its history is in d1_migrations")):
        with pytest.raises(HistoryError, match=message):
            migrate_one(tenant, fleet)
        assert not any(batch for batch in tenant.sent if not batch.reads)
    current = Tenant("1a 2b")
    Migrator(current, migrations).up(lint=False)
    current.sent.clear()
    assert migrate_one(current, fleet)[:3] == ((), "003_c", 1)


def test_a_history_in_the_other_table_is_refused() -> None:
    """The other table is never created beside it."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b", table="d1_migrations")
    with pytest.raises(HistoryError, match="its history is in d1_migrations, that of the fleet") as caught:
        migrate_one(tenant, fleet)
    assert 'table = "d1_migrations"' in str(caught.value.hint)
    assert not tenant.rows("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'")


def lost_after(tenant: Tenant, text: str) -> Callable[[Batch], Sequence[Result]]:
    """Run the batch, and lose the answer."""

    def trouble(batch: Batch) -> Sequence[Result]:
        SqliteDriver.batch(tenant, batch)
        raise unanswered(text, writes=True)

    return trouble


def lost_before(_: Tenant, text: str) -> Callable[[Batch], Sequence[Result]]:
    """Lose the batch."""

    def trouble(_: Batch) -> Sequence[Result]:
        raise unanswered(text, writes=True)

    return trouble


@pytest.mark.parametrize("text", ["no response", f"reset [code: {OVERLOADED_CODE}]"])
@pytest.mark.parametrize("trouble", [lost_before, lost_after])
def test_a_lost_answer(trouble: Callable[..., Callable[[Batch], Sequence[Result]]], text: str) -> None:
    """The database is asked; what it has is not applied twice, and after a reset no batch is repeated."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b")
    tenant.trouble = trouble(tenant, text)
    outcome = migrate_one(tenant, fleet)
    assert outcome.applied == ("003_c", "004_d")
    assert tenant.applied == [1, 2, 3, 4]
    assert outcome.one_by_one == (trouble is lost_before and "reset" in text)


def test_a_reset_of_a_single_migration_is_left_to_a_later_call() -> None:
    """It is known that nothing was done."""
    fleet, tenant = known(plan(), "1a 2b 3c"), Tenant("1a 2b 3c")
    tenant.trouble = lost_before(tenant, f"reset [code: {OVERLOADED_CODE}]")
    with pytest.raises(UnavailableError, match="reset"):
        migrate_one(tenant, fleet)
    assert [batch.reads for batch in tenant.sent] == [False, True]
    assert migrate_one(tenant, fleet).applied == ("004_d",)


def test_an_answer_that_nobody_can_look_up_stays_unknown() -> None:
    """The error is that of the batch, not that of the look."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b")

    def unreachable(_: Batch) -> Sequence[Result]:
        raise UnavailableError("no network")

    def trouble(batch: Batch) -> Sequence[Result]:
        SqliteDriver.batch(tenant, batch)
        tenant.trouble = unreachable
        raise AmbiguousError("no response")

    tenant.trouble = trouble
    with pytest.raises(AmbiguousError, match="no response"):
        migrate_one(tenant, fleet)
    assert migrate_one(tenant, fleet).applied == ()


def test_a_request_that_a_proxy_sends_twice() -> None:
    """The second copy is refused, by what the first one did: that is this call's."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b")

    def twice(batch: Batch) -> Sequence[Result]:
        SqliteDriver.batch(tenant, batch)
        return SqliteDriver.batch(tenant, batch)

    tenant.trouble = twice
    outcome = migrate_one(tenant, fleet)
    assert (outcome.applied, outcome.requests) == (("003_c", "004_d"), 1)
    assert tenant.applied == [1, 2, 3, 4]


def test_another_process_was_faster() -> None:
    """Its work is not done again."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b")

    def faster(batch: Batch) -> Sequence[Result]:
        Migrator(tenant, files("1a 2b 3c")).up(lint=False)
        return SqliteDriver.batch(tenant, batch)

    tenant.trouble = faster
    outcome = migrate_one(tenant, fleet)
    assert outcome.applied == ("004_d",)
    assert tenant.applied == [1, 2, 3, 4]


def test_a_file_that_fails_is_named_and_those_before_it_are_applied() -> None:
    """As `up` does; so every database of a fleet is left as `up` leaves it."""
    fleet = known(plan("1a 2b 3c"), "1a")
    tenant = Tenant("1a")
    tenant.run("CREATE TABLE c (taken)")
    with pytest.raises(ApplyError, match=r"003_c\.sql:1: table c already exists") as caught:
        migrate_one(tenant, fleet)
    assert (caught.value.migration, caught.value.line) == ("003_c", 1)
    assert caught.value.applied == ("002_b",)
    assert tenant.applied == [1, 2]
    with pytest.raises(ApplyError, match=r"003_c\.sql:1: table c already exists"):
        migrate_one(tenant, fleet)


def test_an_orphan_is_named_though_d1_reports_an_internal_error() -> None:
    """Such is its answer to a commit with a violated key; the batch of all has said which migration it is."""
    orphan = (
        "PRAGMA defer_foreign_keys = ON;\nCREATE TABLE c (a REFERENCES a (id));\nINSERT INTO c VALUES (7);\n"
    )
    migrations = [*files("1a 2b"), Migration(3, "003_c", orphan), *files("4d")]
    tenant = D1Tenant("1a")
    with pytest.raises(ApplyError, match="003_c: after it, rows refer to rows that do not exist") as caught:
        migrate_one(tenant, FleetPlan(migrations, by="ada"))
    assert (caught.value.applied, caught.value.pending) == (("002_b",), ("003_c", "004_d"))
    assert tenant.applied == [1, 2]


def test_an_orphan_of_the_only_migration_is_named_too() -> None:
    """Unless it is from before: then there is nothing to name."""
    defers = "PRAGMA defer_foreign_keys = ON;\n"
    tables = Migration(2, "002_b", "CREATE TABLE b (a REFERENCES a (id));\n")
    bad = FleetPlan([*files("1a"), tables, Migration(3, "003_c", f"{defers}INSERT INTO b VALUES (7);\n")])
    good = FleetPlan([*files("1a"), tables, Migration(3, "003_c", f"{defers}INSERT INTO b VALUES (NULL);\n")])
    tenant = D1Tenant()
    Migrator(tenant, bad.migrations[:2]).up(lint=False)
    with pytest.raises(ApplyError, match="003_c: after it, rows refer to rows that do not exist"):
        migrate_one(tenant, bad)
    tenant.run(defers, "INSERT INTO b VALUES (8)", "PRAGMA defer_foreign_keys = OFF")
    assert migrate_one(tenant, good).one_by_one
    other = D1Tenant()
    Migrator(other, bad.migrations[:2]).up(lint=False)
    assert migrate_one(other, good).requests == 1


def test_keys_that_the_schema_defers_are_checked_together() -> None:
    """That a state has such keys is learned once: then each tenant takes one request."""
    keys = Migration(2, "002_b", "CREATE TABLE b (a REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);\n")
    fill = Migration(3, "003_c", "INSERT INTO b VALUES (7);\nINSERT INTO a VALUES (7);\n")
    late = [
        Migration(3, "003_c", "INSERT INTO b VALUES (7);\n"),
        Migration(4, "004_d", "INSERT INTO a VALUES (7);\n"),
    ]
    good, bad = (FleetPlan([*files("1a"), keys, *rest], by="ada") for rest in ([fill, *files("4d")], late))
    found = []
    for _ in range(4):
        tenant = D1Tenant()
        Migrator(tenant, good.migrations[:2]).up(lint=False)
        found.append(migrate_one(tenant, good)[2:5])
    assert found == [(3, False, False), *[(1, False, False)] * 3]
    tenant = D1Tenant()
    Migrator(tenant, bad.migrations[:2]).up(lint=False)
    with pytest.raises(ApplyError, match="003_c: after it, rows refer to rows that do not exist"):
        migrate_one(tenant, bad)


def test_a_rebuild_that_only_its_commit_refuses_is_refused_in_a_fleet_too() -> None:
    """SQLite counts the rows that refer to a dropped table, and no rename reduces the count."""
    tables = "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p (id));\n"
    rows = "INSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n"
    rebuild = (
        "PRAGMA defer_foreign_keys = ON;\nCREATE TABLE q (id INTEGER PRIMARY KEY);\nINSERT INTO q SELECT * FROM p;\n"
        "DROP TABLE p;\nALTER TABLE q RENAME TO p;\n"
    )
    migrations = [Migration(1, "001_a", tables + rows), Migration(2, "002_b", rebuild)]
    tenant = Tenant()
    Migrator(tenant, migrations[:1]).up(lint=False)
    with pytest.raises(ApplyError, match="002_b: FOREIGN KEY constraint failed"):
        migrate_one(tenant, FleetPlan(migrations, by="ada"))


class D1Tenant(Tenant):
    """A database whose commit fails as on D1."""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        try:
            return super().batch(batch)
        except QueryError as error:
            if "FOREIGN KEY" in str(error):
                raise AmbiguousError("internal error (HTTP 500)") from error
            raise


def test_a_state_is_checked_once() -> None:
    """With the schema of a database in it; a refusal is that of every database in the state."""
    seen = []

    def check(steps: object, schema: object) -> Checked:
        seen.append((len(steps.steps), [table.name for table in schema.tables]))  # type: ignore[attr-defined]
        if len(seen) > 1:
            raise HistoryError("not here")
        return Checked({"why": "tested"})

    fleet = plan(check=check)
    outcomes = [migrate_one(Tenant("1a 2b"), fleet).requests for _ in range(3)]
    assert outcomes == [3, 1, 1]
    for _ in range(2):
        with pytest.raises(HistoryError, match="not here"):
            migrate_one(Tenant("1a"), fleet)
    assert seen == [(2, ["a", "b"]), (3, ["a"])]
    tenant = Tenant("1a 2b")
    migrate_one(tenant, fleet)
    assert tenant.rows("SELECT DISTINCT detail FROM d1migrate_log WHERE version > 2") == [
        ('{"why": "tested"}',)
    ]


def test_a_refusal_is_not_that_of_a_database_with_another_schema() -> None:
    """A database that somebody changed by hand, and whose history is that of the others, refuses for itself."""

    def check(_: object, schema: object) -> Checked:
        if any(table.name == "odd" for table in schema.tables):  # type: ignore[attr-defined]
            raise HistoryError("not here")
        return Checked()

    fleet, odd = plan(check=check), Tenant("1a")
    odd.run("CREATE TABLE odd (x)")
    for _ in range(2):
        with pytest.raises(HistoryError, match="not here"):
            migrate_one(odd, fleet)
    assert [migrate_one(Tenant("1a"), fleet).requests for _ in range(2)] == [3, 1]


def test_a_state_that_is_guessed_and_still_to_be_checked() -> None:
    """The database may have no tables at all; its own state decides."""
    first = known(plan(), "1a 2b")
    second = plan(check=lambda *_: Checked())
    second.load([(state.text, count) for state, count in first.states])
    with pytest.raises(HistoryError, match="it has no tables"):
        migrate_one(Tenant(), second)
    assert migrate_one(Tenant("1a"), second).applied == ("002_b", "003_c", "004_d")


def test_states_of_an_earlier_process_save_the_first_request() -> None:
    """Their texts are enough."""
    first = known(plan(), "1a 2b")
    second = plan()
    second.load([(state.text, count) for state, count in first.states] + [("[]", 3), ("no text", 9)])
    assert migrate_one(Tenant("1a 2b"), second).requests == 1


def test_an_inspection_after_it() -> None:
    """What is wrong with the database is reported; it is migrated nevertheless."""
    fleet, tenant = known(plan(), "1a 2b"), Tenant("1a 2b")
    tenant.run("CREATE VIEW v AS SELECT missing FROM a")
    outcome = migrate_one(tenant, fleet, inspect=True)
    assert outcome.applied == ("003_c", "004_d")
    assert [(problem.kind, problem.name) for problem in outcome.problems] == [("broken", "v")]
