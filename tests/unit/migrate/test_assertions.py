"""Assertions in SQL: each lets its batch pass exactly if the database is in the planned state."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError
from d1migrate.migrate import assertions, log
from d1migrate.migrate.assertions import HistoryState
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable, NameTable, VersionTable
from d1migrate.migrate.table_state import NameState, VersionState
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSIONS = st.lists(st.integers(0, 2**53 - 1), unique=True, max_size=8)
TABLES: list[MigrationsTable] = [
    VersionTable(),
    NameTable(),
    VersionTable(exists=True, mirrored=True),
    VersionTable(exists=True),
]


class M(NamedTuple):
    """A migration, as far as a history identifies it."""

    version: int

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.version:03}_m"


def state(versions: Iterable[int], head: str, table: MigrationsTable = USUAL_TABLE) -> HistoryState:
    """The state of a table in which these versions were recorded one by one."""
    beside = NameState() if isinstance(table, VersionTable) and table.exists else None
    mirrored = isinstance(table, VersionTable) and table.mirrored
    rows = NameState() if table.shape == "names" else VersionState.of((), beside, mirrored=mirrored)
    found = HistoryState(table, rows, "")
    for version in versions:
        found = found.plus(M(version), head)
    return found._replace(head=head)


def filled(table: MigrationsTable) -> SqliteDriver:
    """Versions 1 and 2 are applied; the head of the log is "b"."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    beside = [table.beside] if isinstance(table, VersionTable) and table.exists else []
    stamps = [log.Stamp(token, 1, "ada", "d1migrate") for token in "ab"]
    rows = [query for version in (1, 2) for query in table.insert(M(version), 1)]
    events = [log.record("done", log.Event("up", n, f"00{n}_m"), s) for n, s in enumerate(stamps, 1)]
    creates = [table.create, *(one.create for one in beside), log.CREATE, "CREATE TABLE a (x)"]
    driver.batch(Batch([*map(Query, creates), *rows, *events]))
    return driver


@pytest.fixture(params=TABLES, ids=["versions", "names", "mirrored", "beside"])
def table(request: pytest.FixtureRequest) -> MigrationsTable:
    """The tables in which a history can be."""
    found: MigrationsTable = request.param
    return found


@pytest.fixture
def database(table: MigrationsTable) -> Iterator[SqliteDriver]:
    """Versions 1 and 2 are applied; the head of the log is "b"."""
    with closing(filled(table)) as driver:
        yield driver


def stopped(driver: SqliteDriver, query: Query) -> str:
    """What a batch with this assertion is aborted with; nothing if it passes."""
    try:
        driver.batch(Batch([query, Query("INSERT INTO a VALUES (1)")]))
    except QueryError as error:
        return str(error)
    return ""


@given(VERSIONS, VERSIONS)
def test_a_state_follows_what_happens(before: list[int], others: list[int]) -> None:
    """Adding versions and removing them leads to the state of what is then applied."""
    found, applied = state(before, "x"), set(before)
    for version in others:
        if version in applied:
            applied.remove(version)
            found = found.minus(M(version), "y")
        else:
            applied.add(version)
            found = found.plus(M(version), "y")
    expected = state(sorted(applied), "y" if others else "x").rows
    assert isinstance(expected, VersionState)
    assert isinstance(found.rows, VersionState)
    assert found.rows._replace(newest=0) == expected._replace(newest=0)


@given(VERSIONS, st.lists(st.integers(0, 9), max_size=8), st.booleans())
def test_a_state_of_names_is_the_table(before: list[int], removed: list[int], counted: bool) -> None:
    """SQLite gives the ids that the state foresees, whether or not the table counts them."""
    table = NameTable(counted=counted)
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    create = table.create if counted else table.create.replace(" AUTOINCREMENT", "")
    driver.batch(Batch([Query(create), Query("CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT)")]))
    found = NameState(counter=0 if counted else None)
    for place, version in enumerate(before):
        found = found.plus(M(version))
        driver.batch(Batch(table.insert(M(version), 1)))
        if place in removed:
            found = found.minus(M(version))
            driver.batch(Batch(table.delete(M(version))))
    for full in (True, False):
        query = Query(f"SELECT {table.fingerprint(full=full)}")
        assert driver.batch(Batch([query], reads=True))[0].rows[0][0] == found.expected(full=full)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(
    ("version", "direction", "versions", "head", "message"),
    [
        (3, "up", (1, 2), "b", ""),
        (2, "down", (1, 2), "b", ""),
        (2, "up", (1,), "a", "already applied: "),
        (3, "down", (1, 2, 3), "c", "not applied: "),
        (3, "up", (1,), "a", "history changed meanwhile"),
        (3, "up", (1, 2), "a", "history changed meanwhile"),  # up, down, up
    ],
)
def test_ready(
    database: SqliteDriver,
    table: MigrationsTable,
    version: int,
    direction: Literal["up", "down"],
    versions: tuple[int, ...],
    head: str,
    message: str,
    *,
    full: bool,
) -> None:
    """Another runner was faster, with this migration or with any other."""
    before = state(versions, head, table)
    found = stopped(database, assertions.assert_ready(M(version), direction, before, full=full))
    assert message in found if message else not found


def test_only_the_whole_state_sees_versions_that_change_places() -> None:
    """Number and maximum are those of 1 and 2, and the versions are not."""
    swapped = HistoryState(USUAL_TABLE, VersionState.of((2, 5))._replace(newest=2), "b")
    with closing(filled(USUAL_TABLE)) as database:
        assert stopped(database, assertions.assert_result(swapped, full=False)) == ""
        assert "history not as planned; applied are 2,1" in stopped(
            database, assertions.assert_result(swapped, full=True)
        )


def test_only_the_whole_state_sees_a_row_with_another_name() -> None:
    """Number, maximum and counter of the ids are as before."""
    with closing(filled(NameTable())) as database:
        before = state((1, 2), "b", NameTable())
        database.batch(Batch([Query("UPDATE d1_migrations SET name = 'x.sql' WHERE id = 1")]))
        assert stopped(database, assertions.assert_result(before, full=False)) == ""
        assert "applied are 002_m.sql,x.sql" in stopped(database, assertions.assert_result(before, full=True))


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO d1_migrations (name) VALUES ('003_m.sql')",
        "DELETE FROM d1_migrations WHERE id = 2",
        "DELETE FROM d1_migrations; INSERT INTO d1_migrations (name) VALUES ('001_m.sql'), ('002_m.sql')",
    ],
)
def test_what_wrangler_does_meanwhile_is_noticed(sql: str) -> None:
    """It writes no log, so the table alone shows it, also beside a table of versions."""
    for table in (NameTable(), TABLES[2]):
        with closing(filled(table)) as database:
            before = state((1, 2), "b", table)
            for part in sql.split("; "):
                database.batch(Batch([Query(part)]))
            found = stopped(database, assertions.assert_ready(M(3), "up", before, full=False))
            assert "meanwhile" in found or "already applied" in found


def test_wranglers_table_appears_meanwhile() -> None:
    """A table of versions alone was read; then somebody ran `wrangler d1 migrations apply`."""
    with closing(filled(USUAL_TABLE)) as database:
        before = state((1, 2), "b")
        assert stopped(database, assertions.assert_unchanged(before)) == ""
        database.batch(Batch([Query(NameTable().create)]))
        assert "meanwhile" in stopped(database, assertions.assert_unchanged(before))


def test_unchanged(database: SqliteDriver, table: MigrationsTable) -> None:
    """Nobody wrote to the history since it was read."""
    assert stopped(database, assertions.assert_unchanged(state((1, 2), "b", table))) == ""
    assert "meanwhile" in stopped(database, assertions.assert_unchanged(state((1, 2), "a", table)))


@pytest.mark.parametrize(
    ("versions", "head", "missing", "same"),
    [
        ((1, 2), "b", (), True),
        ((1, 2), "a", (), False),
        ((1, 2), "", ("d1migrate_log",), False),  # there is one now
        ((), "", ("schema_migrations", "d1migrate_log"), False),
    ],
)
def test_asking_instead_of_aborting(
    versions: tuple[int, ...], head: str, missing: tuple[str, ...], *, same: bool
) -> None:
    """One row, 1 or 0."""
    with closing(filled(USUAL_TABLE)) as database:
        query = assertions.is_same_state(state(versions, head), missing)
        (result,) = database.batch(Batch([query], reads=True))
        assert [tuple(row) for row in result.rows] == [(int(same),)]


def test_a_schema_that_changed(database: SqliteDriver) -> None:
    """Its mark is another one then."""
    ((mark,),) = database.batch(Batch([assertions.SCHEMA_MARK], reads=True))[0].rows
    assert stopped(database, assertions.assert_schema(mark)) == ""
    database.batch(Batch([Query("ALTER TABLE a ADD COLUMN y")]))
    assert "schema changed meanwhile" in stopped(database, assertions.assert_schema(mark))


def test_rows_that_appeared(database: SqliteDriver) -> None:
    """A table that was counted as empty is empty."""
    assert stopped(database, assertions.assert_empty("a")) == ""
    assert "rows appeared meanwhile in a" in stopped(database, assertions.assert_empty("a"))
